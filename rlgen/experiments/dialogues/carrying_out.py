"""Long work that writes dialogues into a file: shown while it goes on, and taken up again by the same command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.files.resumable import ResumableFile


class Work(Protocol):
    """What is done in steps, each of which may bring dialogues."""

    @property
    def people(self) -> int:
        """How many persons are to be met in all."""

    @property
    def done(self) -> int:
        """How many of them have been."""

    def steps(self) -> Iterator[Sequence[Sequence[str]]]:
        """Go on to the end; after each step, the lines of the dialogues that are to be written."""

    def state(self) -> Any:
        """Everything that changes, between two steps."""

    def load_state(self, state: Any) -> None:
        """Go on from a state."""


def carry_out(
    work: Work,
    name: str,
    told: Callable[[], str],
    out: Path | None = None,
    command: Mapping[str, Any] | None = None,
    save_every: float = 10.0,
    finish: Callable[[str], None] = lambda digest: None,
) -> bool:
    """Do the work to its end.

    Args:
        work: what is to be done.
        name: of the command, for its progress.
        told: a text beside the progress.
        out: the file of dialogues; None keeps nothing, and does not resume.
        command: all that decides the file's bytes; see `ResumableFile`.
        save_every: seconds between two states from which the same command goes on.
        finish: called with the sha256 of the file when all is done, before the file gets its name.

    Returns:
        Whether it is done; False where it was stopped by Ctrl-C and can go on.
    """
    if out is None:
        with Shown(name, "people", work.people) as shown:
            for _ in work.steps():
                shown.update(work.done, told())
        return True
    with ResumableFile(out, command or {}) as file, Shown(name, "people", work.people) as shown:
        state = file.state()
        if state is not None:
            work.load_state(state)
            note(f"{out}: going on after {work.done:,} people")
        saved = time.monotonic()
        try:
            for dialogues in work.steps():
                file.write([line for dialogue in dialogues for line in dialogue])
                shown.update(work.done, told())
                if time.monotonic() - saved >= save_every:
                    file.save(work.state())
                    saved = time.monotonic()
        except KeyboardInterrupt:
            back = f"at most {save_every:g} s back"
            note(f"{out}: stopped; the same command goes on from its last state, {back}")
            return False
        finish(file.sha256())
        file.finish()
    return True
