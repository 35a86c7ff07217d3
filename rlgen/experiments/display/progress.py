"""What long commands say on standard error while they work: lines, and a progress bar."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


def note(line: str) -> None:
    """Say a line at once."""
    print(line, file=sys.stderr, flush=True)


def progress_bar(name: str, unit: str, total: int) -> tuple[Console, Progress, TaskID]:
    """A bar that counts to `total`, its console and its task; the task's field `speed` is a text beside it.

    It is disabled where the console is no terminal: there a command prints lines.

    Args:
        name: of the work.
        unit: what is counted, in the plural.
        total: how many.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:>7,}}/{{task.total:,}} {unit}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    return console, bar, bar.add_task(name, total=total, speed="")
