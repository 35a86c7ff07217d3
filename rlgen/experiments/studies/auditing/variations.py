"""The same dialogues as they would have been logged with a worse recogniser, and by other raters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlgen.rewards.distances import Turns
from rlgen.types import F32, Bools, Estimate


def recognised_otherwise(turns: Turns, share: float, seed: int = 0) -> Turns:
    """Recognised states mixed with those of another dialogue's same turn; people's feedback stays as it is.

    Args:
        turns: the log.
        share: of the other state, in [0, 1]: 1 is a recogniser that is blind to the person, .5 one that is blurred.
        seed: of who is mixed with whom.
    """
    rng = np.random.default_rng(seed)
    other = np.arange(len(turns))
    for turn in range(int(turns.trace.turn.max()) + 1):
        rows = np.flatnonzero(turns.trace.turn == turn)
        # Round a ring in random order, so that nobody is mixed with themselves where there is anybody else.
        ring = rng.permutation(rows)
        other[ring] = np.roll(ring, 1)
    before = _mixed(turns.trace.estimate, turns.trace.estimate.rows(other), share)
    after = _mixed(turns.trace.next_estimate, turns.trace.next_estimate.rows(other), share)
    on = np.flatnonzero(turns.stays)
    after.put(on, before.rows(turns.following[on]))  # a state is the same after a turn and before the next
    return replace(turns, trace=replace(turns.trace, estimate=before, next_estimate=after))


def _mixed(mine: Estimate, others: Estimate, share: float) -> Estimate:
    def mix(a: F32, b: F32) -> F32:
        return np.asarray((1.0 - share) * a + share * b, dtype=np.float32)

    return Estimate(
        mix(mine.vector, others.vector),
        mix(mine.affect, others.affect),
        mix(mine.uncertainty, others.uncertainty),
        mine.present.copy(),
    )


def rated_seldom(turns: Turns, share: float, seed: int = 0) -> Turns:
    """Ratings of which a share, in [0, 1], was not given."""
    given = np.isfinite(turns.trace.feedback.rating)
    kept = given & (np.random.default_rng(seed).random(len(turns)) >= share)
    return _rated(turns, np.where(kept, turns.trace.feedback.rating, np.nan).astype(np.float32))


def rated_with_bias(turns: Turns, spread: float, seed: int = 0) -> Turns:
    """Ratings of people who are strict or generous: each dialogue's are shifted, and stay whole numbers from 1 to 5.

    Args:
        turns: the log.
        spread: standard deviation of the shifts, in points.
        seed: of the shifts.
    """
    shift = np.rint(spread * np.random.default_rng(seed).standard_normal(turns.dialogues))
    return _rated(turns, np.clip(turns.trace.feedback.rating + shift[turns.dialogue], 1, 5).astype(np.float32))


def _rated(turns: Turns, rating: F32) -> Turns:
    """The log with other ratings, and with what was rated before each turn to match."""
    given: Bools = np.isfinite(rating)
    total, count, last = np.zeros(turns.dialogues), np.zeros(turns.dialogues), np.full(turns.dialogues, np.nan)
    mean, before = (np.full(len(turns), np.nan, dtype=np.float32) for _ in range(2))
    for turn in range(int(turns.trace.turn.max()) + 1):
        rows = np.flatnonzero(turns.trace.turn == turn)
        who = turns.dialogue[rows]
        before[rows] = last[who]
        mean[rows] = np.where(count[who] > 0, total[who] / np.maximum(count[who], 1), np.nan)
        rated, by = rows[given[rows]], who[given[rows]]
        total[by] += rating[rated]
        count[by] += 1
        last[by] = rating[rated]
    feedback = replace(turns.trace.feedback, rating=rating)
    trace = replace(turns.trace, feedback=feedback, rating_history_mean=mean, rating_before=before)
    return replace(turns, trace=trace)
