"""What long commands say on standard error while they work: lines, and how far they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Self, TypeVar

T = TypeVar("T")

_FIRST: Final = 10.0  # seconds until the first line where there is no terminal
_QUIET: Final = 30.0  # seconds between two lines


def note(line: str) -> None:
    """Say a line at once."""
    print(line, file=sys.stderr, flush=True)


class Shown:
    """How far a command is: a bar on a terminal, else lines; on standard error, with the time that is left.

    Args:
        name: of the work.
        unit: what is counted, in the plural.
        total: how many.
    """

    def __init__(self, name: str, unit: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._name, self._unit, self._total = name, unit, total
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(f"{{task.completed:>7,}}/{{task.total:,}} {unit}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total, speed="")
        self._began: tuple[float, int] | None = None
        self._next_line = time.monotonic() + _FIRST
        self._over = False

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, done: int, told: str = "") -> None:
        """Tell how far it is.

        Args:
            done: how many, those of an earlier call of the command included.
            told: a text beside it.
        """
        now, done = time.monotonic(), min(done, self._total)
        if self._began is None:
            self._began = now, done  # what was there before is no part of this call's speed
        self._bar.update(self._task, completed=done, speed=told)
        last = done == self._total and not self._over
        if not self._console.is_terminal and (now >= self._next_line or last):
            self._next_line, self._over = now + _QUIET, self._over or last
            left = remaining(now - self._began[0], done - self._began[1], self._total - done)
            note("  ".join(filter(None, (f"{self._name} {done:>8,}/{self._total:,} {self._unit}", told, left))))


def counted(items: Sequence[T], name: str, unit: str) -> Iterator[T]:
    """The items one by one, while it is shown how many are done.

    Args:
        items: of the work.
        name: of the work.
        unit: what the items are, in the plural.
    """
    with Shown(name, unit, len(items)) as shown:
        for done, item in enumerate(items, start=1):
            yield item
            shown.update(done)


def remaining(seconds: float, done: int, left: int) -> str:
    """The time that is left in words, at the speed so far; empty where none is known or nothing is left.

    Args:
        seconds: spent so far.
        done: what was done in them.
        left: what is still to be done.
    """
    if done <= 0 or left <= 0 or seconds <= 0:
        return ""
    ahead = seconds / done * left
    return f"about {ahead:.0f} s left" if ahead < 90 else f"about {ahead / 60:.0f} min left"


def reading_shown(parts: Sequence[int]) -> Iterable[int]:
    """The parts of a bank of utterances, while it is shown how many were read; all on standard error."""
    note("reading utterances for the first time; a large file takes minutes")
    return counted(parts, "reading utterances", "parts")
