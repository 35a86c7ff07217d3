"""The ladder of baselines: rules that a learned policy has to be measured against.

From the bottom: random actions, the centre of the box, the best fixed controls, controls by
recognised emotion, and an open-loop schedule by turn. Each is a frozen pydantic model, so its
parameters are JSON; fitted ones are shipped per environment id in the artifact `baselines`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rlgen.affect import CATEGORIES, NUM_CATEGORIES
from rlgen.artifacts import load, shipped
from rlgen.errors import ActionError, ArtifactError
from rlgen.policies.protocols import Floats, Ints, Layout
from rlgen.rng import Streams
from rlgen.types import MAX_TURNS

KIND = "baselines/1"
ACTION_DIM = 4
PURPOSE = "policies.action"
"""Name of the stream that actions are drawn from."""
Four = tuple[float, float, float, float]
_EDGE = 1e-3


class Actor(Protocol):
    """Whatever chooses actions: a baseline or a trained policy."""

    def act(self, obs: Floats, layout: Layout, streams: Streams, turn: Ints) -> NDArray[np.float32]:
        """Actions of N rows.

        Args:
            obs: `[N, D]`.
            layout: names the parts of `obs`.
            streams: of the N people, for those that draw.
            turn: `[N]`, turns since the episode's start.

        Returns:
            `[N, 4]` in the box (-1, 1).
        """


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _inside(actions: Floats) -> NDArray[np.float32]:
    """Into the open box, where the world takes them as they are."""
    return np.clip(actions, -1 + _EDGE, 1 - _EDGE).astype(np.float32)


class Random(_Rule):
    """Uniform over the box."""

    kind: Literal["random"] = "random"

    def act(self, obs: Floats, layout: Layout, streams: Streams, turn: Ints) -> NDArray[np.float32]:
        """See `Actor`."""
        del layout
        return _inside(2.0 * streams.uniform(PURPOSE, turn, ACTION_DIM) - 1.0)


class Fixed(_Rule):
    """The same action always.

    Attributes:
        controls: warmth, directiveness, temperature and emotional weight as actions in [-1, 1].
    """

    kind: Literal["fixed"] = "fixed"
    controls: Four = (0.0, 0.0, 0.0, 0.0)

    def act(self, obs: Floats, layout: Layout, streams: Streams, turn: Ints) -> NDArray[np.float32]:
        """See `Actor`."""
        del layout, streams, turn
        return _inside(np.tile(np.asarray(self.controls), (len(obs), 1)))


class EmotionTable(_Rule):
    """One action per recognised category.

    Attributes:
        table: rows in the order of `rlgen.affect.CATEGORIES`.
    """

    kind: Literal["emotion_table"] = "emotion_table"
    table: Annotated[tuple[Four, ...], Field(min_length=NUM_CATEGORIES, max_length=NUM_CATEGORIES)]

    def act(self, obs: Floats, layout: Layout, streams: Streams, turn: Ints) -> NDArray[np.float32]:
        """See `Actor`."""
        del streams, turn
        return _inside(np.asarray(self.table)[recognised(obs, layout)])


class Schedule(_Rule):
    """One action per turn, whatever happens.

    Attributes:
        table: row t is for turn t; later turns take the last row.
    """

    kind: Literal["schedule"] = "schedule"
    table: Annotated[tuple[Four, ...], Field(min_length=1, max_length=MAX_TURNS)]

    def act(self, obs: Floats, layout: Layout, streams: Streams, turn: Ints) -> NDArray[np.float32]:
        """See `Actor`."""
        del obs, layout, streams
        return _inside(np.asarray(self.table)[np.minimum(turn, len(self.table) - 1)])


FITTED = ("fixed", "emotion_table", "schedule")
"""Rungs whose parameters are found by search, per environment id."""
Baseline = Random | Fixed | EmotionTable | Schedule
_ADAPTER: TypeAdapter[dict[str, dict[str, Baseline]]] = TypeAdapter(
    dict[str, dict[str, Annotated[Baseline, Field(discriminator="kind")]]]
)


def streams_of(seed: int, person: Ints) -> Streams:
    """Streams of the people whom an evaluation meets now, for actors that draw.

    Args:
        seed: of person 0.
        person: `[N]`, -1 in surplus rows.
    """
    return Streams((seed + np.maximum(person, 0)).astype(np.uint64), np.zeros(len(person), dtype=np.uint32))


def recognised(obs: Floats, layout: Layout) -> NDArray[np.int64]:
    """Index of the most probable recognised category, `[N]`."""
    affect = np.asarray(layout.unflatten(obs)["affect"])
    return np.asarray(affect[:, : len(CATEGORIES)].argmax(axis=1), dtype=np.int64)


def to_space(actions: Floats, space: spaces.Space[Any]) -> NDArray[Any]:
    """Actions in the box as the world's action space wants them.

    Args:
        actions: `[N, 4]` in [-1, 1].
        space: a Box, or a MultiDiscrete whose values are even grid points over the box.

    Raises:
        ActionError: another kind of space.
    """
    if isinstance(space, spaces.Box):
        return np.asarray(actions, dtype=np.float32)
    if isinstance(space, spaces.MultiDiscrete):
        steps = np.asarray(space.nvec) - 1
        return np.asarray(np.rint((np.asarray(actions) + 1) / 2 * steps), dtype=np.int64)
    raise ActionError(f"a baseline cannot act in {space}; use a Box or a MultiDiscrete action space")


def from_space(actions: NDArray[Any], space: spaces.Space[Any]) -> NDArray[np.float32]:
    """Inverse of `to_space` up to the grid: actions `[N, 4]` in [-1, 1]."""
    if isinstance(space, spaces.MultiDiscrete):
        actions = 2.0 * actions / (np.asarray(space.nvec) - 1) - 1.0
    return np.asarray(actions, dtype=np.float32)


def dumps(ladders: Mapping[str, Mapping[str, Baseline]]) -> bytes:
    """`{environment id: {name: baseline}}` as JSON."""
    plain = {env: {name: rule.model_dump() for name, rule in rules.items()} for env, rules in ladders.items()}
    return (json.dumps(plain, indent=1) + "\n").encode()


def read_ladders(source: str | Path = "shipped:baselines") -> dict[str, dict[str, Baseline]]:
    """`{environment id: {name: baseline}}` of an artifact.

    Raises:
        ArtifactError: missing, damaged, or not baselines.
    """
    artifact = load(source, KIND)
    file = artifact.file("baselines.json")
    try:
        return _ADAPTER.validate_json(file.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"{file}: not a ladder of baselines; rebuild: {artifact.manifest.command}") from error


def shipped_baselines(env_id: str) -> dict[str, Baseline]:
    """The ladder of an environment id: random, centre, and what was fitted and shipped for it."""
    ladder: dict[str, Baseline] = {"random": Random(), "centre": Fixed()}
    if (shipped("baselines") / "manifest.json").is_file():
        ladder.update(read_ladders().get(env_id, {}))
    return ladder
