"""A dialogue between a policy and a real person, logged turn by turn as `rlgen simulate` logs its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rlgen.envs import World, WorldConfig
from rlgen.envs.parts import Parts, load_parts
from rlgen.envs.pipeline import TextPipeline
from rlgen.errors import ConfigError, DataError
from rlgen.experiments.dialogues.rollout import Rollout
from rlgen.experiments.dialogues.terminal import RecordingGuard, Terminal
from rlgen.experiments.dialogues.turn_lines import outcome_lines, turn_lines, with_outcome
from rlgen.experiments.display.progress import reading_shown
from rlgen.locks import claim
from rlgen.policies.baselines import Actor
from rlgen.rng import person_number
from rlgen.users import HumanConfig
from rlgen.users.logs.dialogues import read


class ChatLog:
    """A file of dialogues to which one more is appended; every write is a whole line.

    Args:
        path: the file; made by `open`, with the folder that it lies in.

    Attributes:
        dialogues: how many were in it already.
        turns: how many were written.

    Raises:
        DataError: something else is there, or its last line is not whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.dialogues = self.turns = 0
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: is not a file; choose another --out")
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(-1, 2)
                if file.read() != b"\n":
                    raise DataError(f"{path}: its last line is not whole; mend it or choose another --out")
            self.dialogues = len(read(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def open(self) -> None:
        """Begin to write.

        Raises:
            DataError: it cannot be written, or another chat has it.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise DataError(f"{self._path}: cannot be written ({error.strerror}); choose another --out") from error
        if not claim(self._file):
            raise DataError(f"{self._path}: another chat is writing to it; choose another --out")

    def write(self, line: str) -> None:
        """Append a line, where the log was opened.

        Raises:
            DataError: the disk is full, or the like.
        """
        if self._file is not None:
            try:
                self._file.write(f"{line}\n".encode())
            except OSError as error:
                raise DataError(f"{self._path}: cannot be written ({error.strerror}); make room for it") from error
            self.turns += 1


def for_a_person(config: WorldConfig) -> tuple[WorldConfig, Parts, RecordingGuard]:
    """A world's config and parts as a real person needs them, and its guard.

    Args:
        config: its people are exchanged for a real one, unless they are of the family human already.

    Raises:
        ConfigError: a world without words or guard, or whose reward needs what nobody can know.
        ArtifactError: a part is missing or damaged.
    """
    if config.guard is None:
        raise ConfigError("guard was null: a real person is not spoken to without the output filter; leave it on")
    users = config.users if isinstance(config.users, HumanConfig) else HumanConfig()
    config = config.model_copy(update={"users": users})
    parts = load_parts(config, progress=reading_shown)
    pipeline = parts.pipeline
    if not isinstance(pipeline, TextPipeline) or pipeline.guard is None:
        raise ConfigError("generator was a response surface: it has no words for a person; take another")
    if parts.reward.needs_relief:
        raise ConfigError(f"reward {parts.reward.name}: it pays for relief, which is not known of a real person")
    guard = RecordingGuard(pipeline.guard)
    return config, replace(parts, pipeline=TextPipeline(pipeline.generator, guard, pipeline.reader)), guard


def talk(world: World, actor: Actor, terminal: Terminal, seed: int, number: int, write: Callable[[str], None]) -> None:
    """One dialogue, from the person's first words until they leave or the turn limit.

    Args:
        world: of one dialogue with this person.
        actor: the policy.
        terminal: who is spoken to.
        seed: from which the generator's draws come.
        number: of the dialogue under this seed, counted from 0.
        write: takes a line of JSON after every turn; the last one has the outcome.

    Raises:
        Left: the person left before saying anything.
    """
    for turn in Rollout(world, actor, 1, seed, realm="simulation", first=number, record=True).turns():
        (line,) = turn_lines(turn.record, person_number(seed, [number]))
        if turn.result.finished is not None:
            (outcome,) = outcome_lines(turn.result.finished)
            told = {"initial_intensity": terminal.initial, "final_intensity": terminal.final}
            line = with_outcome(line, json.dumps({**json.loads(outcome), **told}))
        write(line)
