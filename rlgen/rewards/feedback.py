"""What real feedback is like: the ratings and the engagement that a reward sees, not what people show or do.

How a dialogue ends is seen by everybody and stays as it is; so does what people answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rlgen.rewards.trace import Trace
from rlgen.rng import Streams
from rlgen.types import F32, MAX_TURNS, Rows

_POINTS: Final = 4.0  # of ratings, from 1 to 5, as engagement goes from 0 to 1
_UNTOLD: Final = 0.5  # engagement before anything of it was seen


class SeenFeedback(BaseModel):
    """How feedback gets to a reward.

    Attributes:
        bias: standard deviation of what a rater adds to all ratings, in points; drawn once a person.
        noise: standard deviation of what a single rating is off by, in points. Engagement, in [0, 1], is off by a
            quarter of both. What comes out stays within its scale.
        missing: chance that a turn's rating is not seen, and, drawn for itself, that its engagement is not.
        delay: turns after which it is seen. What would be seen after the end is lost.
        end_only: it is seen in the last turn alone: the mean of all that arrived.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    bias: float = Field(default=0.0, ge=0.0)
    noise: float = Field(default=0.0, ge=0.0)
    missing: float = Field(default=0.0, ge=0.0, le=1.0)
    delay: int = Field(default=0, ge=0, le=MAX_TURNS)
    end_only: bool = False

    @property
    def exact(self) -> bool:
        """Whether it is what people show."""
        return self == SeenFeedback()


@dataclass
class Seen(Rows):
    """What a reward has seen of N dialogues.

    Attributes:
        waiting: `[N, delay, 2]`, rating and engagement on their way, the next one first; NaN where there is none.
        total: `[N, 2]`, sums of what arrived; with `count`, how many.
        told: `[N, 2]`, sum and number of ratings that were seen in earlier turns; `last` is the last of them.
        last: `[N, 2]`, rating and engagement that were seen last; NaN and .5 before.
    """

    waiting: F32
    total: F32
    count: F32
    told: F32
    last: F32

    @classmethod
    def nothing(cls, rows: int, delay: int) -> Self:
        """Of dialogues that begin."""
        return cls(
            waiting=np.full((rows, delay, 2), np.nan, dtype=np.float32),
            total=np.zeros((rows, 2), dtype=np.float32),
            count=np.zeros((rows, 2), dtype=np.float32),
            told=np.zeros((rows, 2), dtype=np.float32),
            last=np.tile(np.array([np.nan, _UNTOLD], dtype=np.float32), (rows, 1)),
        )

    def turn(self, knobs: SeenFeedback, trace: Trace, streams: Streams, purpose: str) -> Trace:
        """The trace as a reward sees it; goes on by a turn, in place.

        Args:
            knobs: how feedback gets there.
            trace: what people showed, K rows as many as these.
            streams: of the rows.
            purpose: prefix of the names of what is drawn.
        """
        arrived = self._arriving(_sent(knobs, trace, streams, purpose))
        there = np.isfinite(arrived)
        self.total = self.total + np.where(there, arrived, 0.0).astype(np.float32)
        self.count = self.count + there.astype(np.float32)
        if knobs.end_only:
            mean = np.divide(self.total, self.count, out=np.full_like(self.total, np.nan), where=self.count > 0)
            arrived = np.where(trace.over[:, None], mean, np.nan)
        seen = np.isfinite(arrived)
        mean_before = np.full(len(seen), np.nan, dtype=np.float32)
        np.divide(self.told[:, 0], self.told[:, 1], out=mean_before, where=self.told[:, 1] > 0)
        before = self.last[:, 0].copy()
        self.last = np.where(seen, arrived, self.last).astype(np.float32)
        rating: F32 = arrived[:, 0].astype(np.float32)
        self.told = self.told + np.stack([np.nan_to_num(rating), seen[:, 0].astype(np.float32)], axis=1)
        feedback = replace(trace.feedback, rating=rating, engagement=self.last[:, 1].copy())
        return replace(trace, feedback=feedback, rating_history_mean=mean_before, rating_before=before)

    def _arriving(self, sent: F32) -> F32:
        """What arrives when this is sent off."""
        if not self.waiting.shape[1]:
            return sent
        arrived: F32 = self.waiting[:, 0].copy()
        self.waiting = np.concatenate([self.waiting[:, 1:], sent[:, None]], axis=1)
        return arrived


def _sent(knobs: SeenFeedback, trace: Trace, streams: Streams, purpose: str) -> F32:
    """`[K, 2]`, rating and engagement as they are written down; NaN where they are not."""
    rating, engagement = trace.feedback.rating.astype(np.float64), trace.feedback.engagement.astype(np.float64)
    if knobs.bias or knobs.noise:
        bias = knobs.bias * streams.normal(f"{purpose}.bias")[:, 0]
        off = bias[:, None] + knobs.noise * streams.normal(f"{purpose}.noise", trace.turn, 2)
        rating = np.clip(rating + off[:, 0], 1.0, 5.0)
        engagement = np.clip(engagement + off[:, 1] / _POINTS, 0.0, 1.0)
    sent = np.stack([rating, engagement], axis=1)
    if knobs.missing:
        lost = streams.uniform(f"{purpose}.missing", trace.turn, 2) < knobs.missing
        sent = np.where(lost, np.nan, sent)
    return sent.astype(np.float32)
