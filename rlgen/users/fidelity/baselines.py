"""Simpler people than the fitted ones, to be compared with: what any fit must beat.

- marginal: every rating and every word drawn from what all people gave; a hazard of ending that never changes.
- Markov: a rating depends on the last one only; the hazard depends on the number of replies only.
- always improves: begins at 3 and rates one point higher each time, up to 5, nine times in ten; never leaves early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rlgen.types import F64, I64, MAX_TURNS
from rlgen.users.fidelity.talks import Talks
from rlgen.users.fitting.rating_model import POINTS
from rlgen.users.logs.observations import Endings, Ratings

BASELINES: Final = ("marginal", "Markov", "always improves")
_SURE: Final = 0.9  # with which ratings always improve
_EVERY: Final = 2  # replies between ratings


@dataclass(frozen=True)
class Chain:
    """First ratings, and ratings after each rating."""

    start: F64
    step: F64

    @classmethod
    def of(cls, name: str, train: Ratings) -> Chain:
        """The ratings of a baseline; what it learns, it learns from `train` with one pseudo-count."""
        if name == "always improves":
            rest = (1.0 - _SURE) / POINTS
            ahead = np.minimum(np.arange(POINTS) + 1, POINTS - 1)
            return cls(rest + _SURE * np.eye(POINTS)[2], rest + _SURE * np.eye(POINTS)[ahead])
        value = train.value
        if name == "marginal":
            counts = np.bincount(value[value >= 0], minlength=POINTS) + 1.0
            return cls(counts / counts.sum(), np.tile(counts / counts.sum(), (POINTS, 1)))
        step = np.ones((POINTS, POINTS))
        pairs = value[:, 1:] >= 0
        np.add.at(step, (value[:, :-1][pairs], value[:, 1:][pairs]), 1.0)
        start = np.bincount(value[value[:, 0] >= 0, 0], minlength=POINTS) + 1.0
        return cls(start / start.sum(), step / step.sum(axis=1, keepdims=True))

    def predict(self, data: Ratings) -> F64:
        """Predictive probabilities of each rating given the last, `[P, J, 5]`."""
        probability = np.zeros((*data.value.shape, POINTS))
        probability[:, 0] = self.start
        probability[:, 1:] = self.step[np.maximum(data.value[:, :-1], 0)]
        return probability

    def draw(self, people: int, length: int, rng: np.random.Generator) -> I64:
        """Ratings as 0-4, `[people, length]`."""
        value = np.zeros((people, length), dtype=np.int64)
        value[:, 0] = rng.choice(POINTS, people, p=self.start)
        for j in range(1, length):
            below = np.cumsum(self.step[value[:, j - 1]], axis=1)[:, :-1]
            value[:, j] = (rng.random(people)[:, None] > below).sum(axis=1)
        return value


def baseline_hazard(name: str, train: Endings) -> F64:
    """Hazards of ending after reply 1, 2, ..., `[16]`."""
    turn = np.minimum(train.turn, MAX_TURNS)[train.entered] - 1
    ended = (train.completed | train.abandoned)[train.entered]
    if name == "always improves":
        return np.append(np.full(MAX_TURNS - 1, 1e-3), 0.5)
    if name == "marginal":
        return np.full(MAX_TURNS, ended.mean())
    events, risk = (np.bincount(turn[rows], minlength=MAX_TURNS) for rows in (ended, np.ones_like(ended)))
    hazard: F64 = (events + 0.01) / (risk + 1.0)
    return hazard


def baseline_talks(name: str, ratings: Ratings, endings: Endings, human: Talks, people: int, seed: int) -> Talks:
    """Dialogues of a baseline; what it says, and relief, are drawn from `human` as if nothing went together."""
    rng = np.random.default_rng(seed)
    hazard = baseline_hazard(name, endings)
    ended = rng.random((people, MAX_TURNS)) < hazard
    replies = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, MAX_TURNS)
    length = MAX_TURNS // _EVERY
    value = Chain.of(name, ratings).draw(people, length, rng)
    given = (np.arange(length) + 1) * _EVERY <= replies[:, None]
    seen = human.value >= 0
    relief = human.relief_points[~np.isnan(human.relief_points)]
    return Talks(
        np.where(given, value, -1),
        np.broadcast_to((np.arange(length) + 1.0) * _EVERY, value.shape),
        np.zeros((*value.shape, human.windows.shape[2])),
        rng.choice(human.words[seen], value.shape),
        rng.choice(human.valence[seen], value.shape),
        replies,
        np.full(people, 2.0) if name == "always improves" else rng.choice(relief if len(relief) else [np.nan], people),
        np.zeros(people, dtype=np.bool_),
        np.asarray(~ended.any(axis=1)),
    )
