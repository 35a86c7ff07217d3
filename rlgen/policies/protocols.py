"""What policies need of a world. `rlgen.envs.World` fits; so does any surrogate with these members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlgen.rng import Realm, Streams

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


class Layout(Protocol):
    """Where the named parts of a flat observation are."""

    @property
    def size(self) -> int:
        """D."""

    def unflatten(self, obs: Any, /) -> Mapping[str, Any]:
        """`[..., D]` to `{name: [..., d]}`; it has `"affect"` of width 8."""


class Finished(Protocol):
    """The K episodes that ended in a step."""

    @property
    def rows(self) -> Ints:
        """`[K]`, where they were."""

    @property
    def person(self) -> Ints:
        """`[K]`, index of the person in an evaluation; -1 for a surplus row, to be ignored."""

    @property
    def final_obs(self) -> Floats:
        """`[K, D]`, the last observation of the episode."""

    @property
    def episode_return(self) -> Floats:
        """`[K]`, undiscounted."""

    @property
    def length(self) -> Ints:
        """`[K]`, turns."""

    @property
    def completed(self) -> Bools:
        """`[K]`, left because it was enough."""

    @property
    def abandoned(self) -> Bools:
        """`[K]`, left because it did not help."""

    @property
    def limit(self) -> Bools:
        """`[K]`, neither: the turn limit ended it."""

    @property
    def relief(self) -> Floats:
        """`[K]` in [-1, 1], the gold outcome; NaN where it is unknown."""

    @property
    def relief_points(self) -> Floats:
        """`[K]`, the same in points of the survey's scale of 1 to 5."""

    @property
    def mean_rating(self) -> Floats:
        """`[K]`, NaN where no rating was given."""

    @property
    def cost(self) -> Floats:
        """`[K]`, summed over the episode."""

    @property
    def terms(self) -> Mapping[str, Floats]:
        """`{name: [K]}`, reward terms summed over the episode."""


class Step(Protocol):
    """Result of one vector step."""

    @property
    def obs(self) -> Floats:
        """`[N, D]`, already the new episode's where one ended."""

    @property
    def reward(self) -> Floats:
        """`[N]`."""

    @property
    def terminated(self) -> Bools:
        """`[N]`."""

    @property
    def truncated(self) -> Bools:
        """`[N]`."""

    @property
    def terms(self) -> Mapping[str, Floats]:
        """`{name: [N]}`, weighted reward terms of the step."""

    @property
    def cost(self) -> Floats:
        """`[N]`, the sum of `costs`."""

    @property
    def costs(self) -> Mapping[str, Floats]:
        """`{name: [N]}`."""

    @property
    def finished(self) -> Finished | None:
        """The episodes that ended, or None."""


class WorldLike(Protocol):
    """A batched simulation of N dialogues with SAME_STEP autoreset."""

    @property
    def num_envs(self) -> int:
        """N."""

    @property
    def single_observation_space(self) -> spaces.Box:
        """Space of one row's observation."""

    @property
    def single_action_space(self) -> spaces.Space[Any]:
        """Space of one row's action."""

    @property
    def affect(self) -> Floats:
        """`[N, 8]`, the affect that is recognised now."""

    @property
    def layout(self) -> Layout:
        """Layout of the observation."""

    @property
    def person(self) -> Ints:
        """`[N]`, index of each row's person in an evaluation; -1 in surplus rows."""

    @property
    def streams(self) -> Streams:
        """Random streams of the N rows, for actors that draw."""

    @property
    def exhausted(self) -> bool:
        """Whether every person of an evaluation has finished."""

    def reset(self, seed: int = 0, people: int | None = None, *, realm: Realm | None = None, first: int = 0) -> Floats:
        """Start anew; with `people`, persons `first` to `first + people - 1` of the seed are met once each."""

    def restart(self, rows: NDArray[np.int64], /) -> Floats:
        """Begin new episodes in some rows; observations of all rows."""

    def step(self, actions: Any, /) -> Step:
        """One turn of every row."""

    def state(self) -> Any:
        """Picklable state for an exact resume."""

    def load_state(self, state: Any, /) -> Any:
        """Take up a state."""
