"""What a family of people has to offer, and what a family needs to be built."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel

from rlgen.affect import in_points
from rlgen.errors import ConfigError
from rlgen.rng import Streams
from rlgen.types import F32, I64, Expression, Feedback, Reading, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.settings import FamilyConfig


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

    def actor(self) -> I64:
        """`[N]`, whose recordings each person speaks with for the whole episode."""

    def topic(self) -> I64:
        """`[N]`, index into the topics of the utterance bank."""


def with_points(hidden: dict[str, F32]) -> dict[str, F32]:
    """Hidden state with its `relief` told in points of the survey, too."""
    return {**hidden, "relief_points": in_points(hidden["relief"]).astype(np.float32)}


def numbers_sha256(*models: BaseModel) -> str:
    """Hash of configs and parameters, for `Users.sha256`."""
    return hashlib.sha256("".join(model.model_dump_json() for model in models).encode()).hexdigest()


Factory = Callable[[Any, int, UtteranceCatalogue, SegmentCatalogue], Users]
F = TypeVar("F", bound=Factory)
_FAMILIES: dict[type[FamilyConfig], Factory] = {}


def family(config: type[FamilyConfig]) -> Callable[[F], F]:
    """Register the people that a config class describes (a decorator for their class)."""

    def register(factory: F) -> F:
        _FAMILIES[config] = factory
        return factory

    return register


def factory(config: FamilyConfig) -> Factory:
    """What makes the people of a registered family.

    Raises:
        ConfigError: no family is registered for this config.
    """
    made = _FAMILIES.get(type(config))
    if made is None:
        known = ", ".join(sorted(known.__name__ for known in _FAMILIES))
        raise ConfigError(f"users: no family is registered for {type(config).__name__}; registered are {known}")
    return made
