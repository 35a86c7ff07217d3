"""What a family of people has to offer to a world, and how people are made from their config.

In comes what a person is told: the words of a reply and their reading. Out comes what a person shows: feedback, and
the next expression. Nothing else passes; `rlgen.users.people.People` is a base class that keeps this for you.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Final, Protocol

import numpy as np
from pydantic import BaseModel

from rlgen.affect import in_points
from rlgen.errors import ConfigError
from rlgen.rng import Streams
from rlgen.types import F32, I64, Expression, Feedback, Reading, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.settings import FamilyConfig

ALWAYS_KNOWN: Final = ("intensity", "model_relief", "relief", "relief_points")
"""What `Users.hidden` always holds."""


class Users(Protocol):
    """N people. Everything is an array over them; all draws come from the streams handed in.

    Attributes:
        hidden_names: the keys of `hidden()` that privileged observations show, in order; empty for people whose
            state nobody can observe.
        knows_relief: whether everybody's relief is known in the end.
        sha256: hash of every number that these people are made of.
    """

    hidden_names: tuple[str, ...]
    knows_relief: bool
    sha256: str

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """New people sit down in some rows and open the dialogue.

        Args:
            rows: `[K]` indices into the N rows.
            streams: of these K rows.

        Returns:
            Their first expressions, `[K]`.
        """

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """The people in some rows react to a reply, which changes their hidden state; the others stay as they are.

        Args:
            rows: `[K]` different indices into the N rows.
            words: the K replies as people meet them.
            reading: what these replies are perceived as.
            streams: of these K rows.
            turn: `[K]`, how many replies each person had before this one.

        Returns:
            What they show and what they say next (those who leave, in leaving).
        """

    def hidden(self) -> dict[str, F32]:
        """Hidden state by name, each `[N]`: for privileged policies and infos of finished episodes only.

        Always holds `intensity` in [0, 1], `model_relief` in [-1, 1] (its fall since the start, along the model's
        path), `relief` in [-1, 1] (the fall that a survey after this turn would find) and `relief_points` (the
        same in points of the survey's scale of 1 to 5, see `with_points`). NaN where it is unknown.
        """


def with_points(hidden: dict[str, F32]) -> dict[str, F32]:
    """Hidden state with its `relief` told in points of the survey, too."""
    return {**hidden, "relief_points": in_points(hidden["relief"]).astype(np.float32)}


def numbers_sha256(*models: BaseModel) -> str:
    """Hash of configs and parameters, for `Users.sha256`."""
    return hashlib.sha256("".join(model.model_dump_json() for model in models).encode()).hexdigest()


def build(config: FamilyConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue) -> Users:
    """People for a world of N rows; `reset` seats the first of them.

    Args:
        config: of any family, e.g. `TheoryConfig()`, or the `Config` of people of your own.
        rows: N.
        utterances: what people can say.
        segments: the signals they can give.

    Raises:
        ConfigError: the config names no people.
        PopulationError: the parameters describe impossible people, or the banks cannot voice them.
    """
    made = config.people
    if isinstance(made, str):
        module, _, name = made.partition(":")
        made = getattr(import_module(module), name)
    if made is None:
        raise ConfigError(
            f"users: {type(config).__name__} is the Config of no people; name it in their class: Config = "
            f"{type(config).__name__}"
        )
    users: Users = made(config, rows, utterances, segments)
    return users
