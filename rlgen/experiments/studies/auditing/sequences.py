"""The best sequence of actions that is blind to everything but the clock, found by search: what a reward asks for.

Cross-entropy method (Rubinstein, 1999) over four controls for each turn. All candidates of an iteration meet the same
people in one batch of a world, each row acting by its candidate's sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlgen.envs.actions import from_box
from rlgen.envs.world import World
from rlgen.policies.baselines import Schedule
from rlgen.rng import Streams
from rlgen.types import F64, MAX_TURNS, NUM_CONTROLS, Bools

_BOUND = 0.97
_SPREAD = 0.4  # first standard deviation of an action, in units of the box
_LEAST = 0.05  # no smaller ones later: a lucky draw must not end the search


@dataclass(frozen=True)
class Effort:
    """How hard to search.

    Attributes:
        population: candidates per iteration.
        iterations: how many.
        people: that each candidate meets per iteration; those of the realm `fitting`, fresh ones each time.
    """

    population: int = 32
    iterations: int = 15
    people: int = 48

    @property
    def rows(self) -> int:
        """Dialogues at once."""
        return self.population * self.people

    @property
    def meetings(self) -> int:
        """Dialogues in all."""
        return self.rows * self.iterations


def best_sequence(
    world: World, start: F64, effort: Effort, seed: int, progress: Callable[[int], None] = lambda met: None
) -> Schedule:
    """The sequence with the highest return that the search finds.

    Args:
        world: of `effort.rows` dialogues, paid by the reward that is searched for.
        start: `[turns, 4]` in the box, where the search begins.
        effort: how hard.
        seed: of the search and of the people.
        progress: called with the dialogues that are over.
    """
    rng = np.random.default_rng(seed)
    turns = min(world.config.max_turns, MAX_TURNS)
    mean = np.stack([start[min(turn, len(start) - 1)] for turn in range(turns)])
    spread = np.full_like(mean, _SPREAD)
    elite = max(2, effort.population // 5)
    for iteration in range(effort.iterations):
        drawn = mean + spread * rng.standard_normal((effort.population, turns, NUM_CONTROLS))
        drawn[0] = mean
        drawn = np.clip(drawn, -_BOUND, _BOUND)
        earned = _earned(world, drawn, effort.people, seed, iteration * effort.people)
        best = drawn[np.argsort(earned)[::-1][:elite]]
        # Smoothing, as in the search for the ladder: a lucky draw does not end it.
        mean = 0.3 * mean + 0.7 * best.mean(axis=0)
        spread = np.maximum(0.3 * spread + 0.7 * best.std(axis=0), _LEAST)
        progress((iteration + 1) * effort.rows)
    rows = np.round(np.clip(mean, -_BOUND, _BOUND), 4).tolist()
    return Schedule(table=tuple((a, b, c, d) for a, b, c, d in rows))


def _earned(world: World, sequences: NDArray[np.float64], people: int, seed: int, first: int) -> F64:
    """Mean returns `[C]` of candidates `[C, turns, 4]`, who all meet the persons `first` to `first + people - 1`."""
    candidates, turns = sequences.shape[:2]
    rows = candidates * people
    whose = np.repeat(np.arange(candidates), people)
    one = Streams.of(seed, people, "fitting")
    person = np.tile(np.arange(people), candidates)
    streams = Streams(one.key[person], one.row[person] + np.uint32(first), one.episode[person])
    world.reset(seed, realm="fitting")
    world.restart(np.arange(rows), streams)
    total, there = np.zeros(rows), np.ones(rows, dtype=np.bool_)
    for turn in range(turns):
        result = world.step(from_box(sequences[whose, turn], world.single_action_space))
        total += np.where(there, result.reward, 0.0)
        ended: Bools = result.terminated
        there &= ~ended  # a row that begins anew belongs to nobody
        if not there.any():
            break
    return np.asarray(total.reshape(candidates, people).mean(axis=1))
