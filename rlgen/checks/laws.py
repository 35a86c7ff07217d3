"""What every checker is made of: laws, each with its trial, and what was found."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlgen.errors import CheckError


@dataclass(frozen=True)
class Law:
    """One thing that a part owes to those who use it.

    Attributes:
        says: what holds, without a full stop: "the same seed gives the same dialogues".
        faults: tries it on a part, and yields one sentence a fault; nothing where it holds. A `CheckError` that it
            raises is a fault too, any other exception is told as one, and `Untried` says why it could not be tried.
        basic: nothing else can be tried on a part that breaks it.
    """

    says: str
    faults: Callable[[Any], Iterable[str]]
    basic: bool = False


@dataclass(frozen=True)
class Finding:
    """What came of the trial of one law.

    Attributes:
        law: what it says.
        faults: a sentence each; none where it holds.
        untried: why it could not be tried; empty where it was.
    """

    law: str
    faults: tuple[str, ...] = ()
    untried: str = ""


class Untried(Exception):
    """A law cannot be tried on this part, which is no fault of it."""


def try_laws(part: Any, laws: Sequence[Law]) -> Iterator[Finding]:
    """Try laws in order, up to a basic one that is broken."""
    for law in laws:
        faults: list[str] = []
        untried = ""
        try:
            for fault in law.faults(part):
                faults.append(fault)  # noqa: PERF402 - those before an exception count too
        except CheckError as error:
            faults.append(str(error))
        except Untried as reason:
            untried = str(reason)
        except Exception as error:  # noqa: BLE001 - a part of one's own may raise anything
            faults.append(_raised(error, law.says))
        lines = (" ".join(fault.split()) for fault in faults)
        yield Finding(law.says, tuple(dict.fromkeys(lines)), untried)
        if faults and law.basic:
            return


def raise_first(findings: Iterable[Finding]) -> None:
    """Raise the first fault.

    Raises:
        CheckError: there is one.
    """
    for finding in findings:
        if finding.faults:
            raise CheckError(finding.faults[0])


def seed_everything(seed: int) -> None:
    """Set every random state that a program shares, so that a part that draws from one of them is found out."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it is what a part of one's own may draw from
    torch.manual_seed(seed)


def _raised(error: Exception, says: str) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} ({error or 'no message'}), where {says}"
