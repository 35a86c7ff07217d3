"""What every checker is made of: laws, each with its trial, and what was found."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from rlgen.errors import CheckError

Part = TypeVar("Part")


@dataclass(frozen=True)
class Law(Generic[Part]):
    """One thing that a part owes to those who use it.

    Attributes:
        says: what holds, without a full stop: "the same seed gives the same dialogues".
        faults: tries it on a part, and yields one sentence a fault; nothing where it holds. What it raises is a fault.
        basic: nothing else can be tried on a part that breaks it.
    """

    says: str
    faults: Callable[[Part], Iterable[str]]
    basic: bool = False


@dataclass(frozen=True)
class Finding:
    """What came of the trial of one law.

    Attributes:
        law: what it says.
        faults: a sentence each; none where it holds.
    """

    law: str
    faults: tuple[str, ...]


def try_laws(part: Part, laws: Sequence[Law[Part]]) -> Iterator[Finding]:
    """Try laws in order, up to a basic one that is broken."""
    for law in laws:
        faults: list[str] = []
        try:
            faults.extend(law.faults(part))
        except Exception as error:  # noqa: BLE001 - a part of one's own may raise anything
            faults.append(_raised(error, law.says))
        yield Finding(law.says, tuple(faults))
        if faults and law.basic:
            return


def insist(findings: Iterable[Finding]) -> None:
    """Raise the first fault.

    Raises:
        CheckError: there is one.
    """
    for finding in findings:
        if finding.faults:
            raise CheckError(finding.faults[0])


def shake(seed: int) -> None:
    """Set every random state that a program shares, so that a part that draws from one of them is found out."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it is what a part of one's own may draw from
    torch.manual_seed(seed)


def _raised(error: Exception, says: str) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    message = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} ({message}), where {says}"
