"""The ladder of baselines: rules that a learned policy has to be measured against.

From the bottom: random actions, the centre of the box, the best fixed controls, controls by
recognised emotion, and an open-loop schedule by turn. Each is a frozen pydantic model, so its
parameters are JSON; fitted ones are shipped per environment id in the artifact `baselines`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rlgen.affect import CATEGORIES, NUM_CATEGORIES
from rlgen.artifacts import load, shipped
from rlgen.envs.actions import from_controls
from rlgen.envs.observation import ObservationLayout
from rlgen.errors import ArtifactError, ConfigError
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, F32, I64, MAX_TURNS, NUM_CONTROLS, Controls

KIND = "baselines/1"
PURPOSE = "policies.action"
"""Name of the stream that actions are drawn from."""
_PERSON: Final = "policies.person"  # of the constants that a person's dialogue is answered with
Four = tuple[float, float, float, float]
_EDGE = 1e-3


@runtime_checkable
class Actor(Protocol):
    """Whatever chooses actions: a baseline, a trained policy, an object of one's own."""

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """Actions of N rows.

        Args:
            obs: `[N, D]`.
            layout: names the parts of `obs`.
            streams: of the N people, for those that draw.
            turn: `[N]`, turns since the episode's start: 0 where a dialogue begins.

        Returns:
            `[N, 4]` in the box [-1, 1].
        """


@runtime_checkable
class Remembering(Actor, Protocol):
    """An actor that keeps something of each row's dialogue from turn to turn, and forgets it at turn 0."""

    def begin(self, rows: int) -> Remembering:
        """The same actor with an empty memory of its own, for a world of that many rows."""

    def state(self) -> Any:
        """What it remembers, to be pickled."""

    def load_state(self, state: Any) -> None:
        """Go on with what `state` gave."""


def begin(actor: Actor, rows: int) -> Actor:
    """An actor for a world of that many rows, which shares no memory with any other world."""
    return actor.begin(rows) if isinstance(actor, Remembering) else actor


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _inside(actions: NDArray[np.floating]) -> NDArray[np.float32]:
    """Into the open box, where the world takes them as they are."""
    inside: F32 = np.clip(actions, -1 + _EDGE, 1 - _EDGE).astype(np.float32)
    return inside


class Random(_Rule):
    """Uniform over the box."""

    kind: Literal["random"] = "random"

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """See `Actor`."""
        del layout
        return _inside(2.0 * streams.uniform(PURPOSE, turn, NUM_CONTROLS) - 1.0)


class Fixed(_Rule):
    """The same action always; or one that is drawn for each person, a dose-response design.

    Attributes:
        controls: warmth, directiveness, temperature and emotional weight as actions in [-1, 1]; None is drawn uniformly
            over the box at a dialogue's start, and stays to its end.
    """

    kind: Literal["fixed"] = "fixed"
    controls: tuple[float | None, float | None, float | None, float | None] = (0.0, 0.0, 0.0, 0.0)

    @property
    def draws(self) -> bool:
        """Whether persons are met with controls of their own."""
        return None in self.controls

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """See `Actor`."""
        del layout, turn
        given = np.tile(np.array([np.nan if value is None else value for value in self.controls]), (len(obs), 1))
        if self.draws:
            given = np.where(np.isnan(given), 2.0 * streams.uniform(_PERSON, 0, NUM_CONTROLS) - 1.0, given)
        return given.astype(np.float32)


class EmotionTable(_Rule):
    """One action per recognised category.

    Attributes:
        table: rows in the order of `rlgen.affect.CATEGORIES`.
    """

    kind: Literal["emotion_table"] = "emotion_table"
    table: Annotated[tuple[Four, ...], Field(min_length=NUM_CATEGORIES, max_length=NUM_CATEGORIES)]

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
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

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """See `Actor`."""
        del obs, layout, streams
        return _inside(np.asarray(self.table)[np.minimum(turn, len(self.table) - 1)])


FITTED = ("fixed", "emotion_table", "schedule")
"""Rungs whose parameters are found by search, per environment id."""
Baseline = Random | Fixed | EmotionTable | Schedule
_ADAPTER: TypeAdapter[dict[str, dict[str, Baseline]]] = TypeAdapter(
    dict[str, dict[str, Annotated[Baseline, Field(discriminator="kind")]]]
)


def constant(named: str) -> Fixed:
    """The rule of `fixed:W,D,T,E`: warmth, directiveness, temperature, emotional weight, as controls.

    Each is a number in the control's own units (-1 to 1, -1 to 1, .3 to 1.3, 0 to 2), or `random`: drawn for each
    person, uniformly over the box of actions (temperature so geometrically). `fixed:random` draws all four.

    Raises:
        ConfigError: not four values, or one out of its control's range.
    """
    what = "fixed takes warmth,directiveness,temperature,emotional_weight, each a number or random"
    words = [word.strip() for word in named.removeprefix("fixed:").split(",")]
    if words == ["random"]:
        words *= NUM_CONTROLS
    if len(words) != NUM_CONTROLS:
        raise ConfigError(f"policy was {named!r}: {what}, such as fixed:0.5,0,0.7,1")
    values = []
    for word, (name, (low, high)) in zip(words, CONTROL_RANGES.items(), strict=True):
        try:
            # The middle of the range stands in for what is drawn.
            values.append((low + high) / 2 if word == "random" else float(word))
        except ValueError as error:
            raise ConfigError(f"policy was {named!r}: {name} is {word!r}; {what}") from error
        if not low <= values[-1] <= high:
            raise ConfigError(f"policy was {named!r}: {name} is {word}, but it lies in {low:g} to {high:g}")
    box = np.clip(from_controls(Controls(*(np.array([value], dtype=np.float32) for value in values)))[0], -1.0, 1.0)
    return Fixed.model_validate(
        {"controls": [None if word == "random" else float(at) for word, at in zip(words, box, strict=True)]}
    )


def recognised(obs: F32, layout: ObservationLayout) -> NDArray[np.int64]:
    """Index of the most probable recognised category, `[N]`.

    Raises:
        ConfigError: the observation has no affect.
    """
    blocks = layout.unflatten(obs)
    if "affect" not in blocks:
        raise ConfigError(
            "an emotion table needs the block affect, which drop leaves out; keep it, or evaluate with ladder: false"
        )
    affect = np.asarray(blocks["affect"])
    return np.asarray(affect[:, : len(CATEGORIES)].argmax(axis=1), dtype=np.int64)


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
