"""Long work that says on standard error how far it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Final, TypeVar

T = TypeVar("T")
_SILENT: Final = 2.0  # seconds


def shown(parts: Sequence[T], what: str) -> Iterator[T]:
    """The parts of some work, one after the other; it is never silent for long.

    Args:
        parts: each of a second or so.
        what: is done, e.g. `"reading utterances"`.
    """
    started = said = perf_counter()
    for done, part in enumerate(parts):
        now = perf_counter()
        if done and now - said >= _SILENT:
            left = (now - started) / done * (len(parts) - done)
            sys.stderr.write(f"rlgen: {what}, {100 * done // len(parts)} %, {left:.0f} s left\n")
            sys.stderr.flush()
            said = now
        yield part
