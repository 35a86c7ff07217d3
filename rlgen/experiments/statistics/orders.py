"""Which of several is ahead: probabilities, orders, and many comparisons at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlgen.experiments.statistics.crossed import Resampled
from rlgen.experiments.statistics.people import F64, Interval, Name


def holm(p: Mapping[Name, float]) -> dict[Name, float]:
    """P-values adjusted for being many, so that the chance of even one false finding is bounded.

    Holm, Scand. J. Statist. 6 (1979): the smallest is multiplied by how many there are, the next by one less, and
    none comes out below one before it. NaN stays, and does not count.
    """
    known = sorted((name for name, value in p.items() if not np.isnan(value)), key=lambda name: p[name])
    adjusted = dict.fromkeys(p, float("nan"))
    highest = 0.0
    for i, name in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - i) * p[name]))
        adjusted[name] = highest
    return adjusted


def probability_of_improvement(first: Resampled, second: Resampled, level: float = 0.95) -> Interval:
    """How likely a run of the first scores higher than one of the second, ties counting half.

    Mann and Whitney's U over the number of pairs of runs, as in Agarwal et al. (NeurIPS 2021). It is about seeds, not
    about people: .5 says that they are alike, not that they differ little. The interval is the percentile one, with
    seeds and people drawn anew.

    Args:
        first: see `resample`; from one call with the second.
        second: a fixed baseline's one run counts as it is.
        level: of the interval.
    """
    value = float(_ahead(first.seeds, second.seeds))
    if not (np.isfinite(first.seeds).all() and np.isfinite(second.seeds).all()):
        return Interval(*[float("nan")] * 3)
    low, high = np.nanquantile(_ahead(first.both, second.both), [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, min(float(low), value), max(float(high), value))


def _ahead(first: F64, second: F64) -> F64:
    """`[...]` of `[..., S]` and `[..., R]`."""
    apart = np.sign(first[..., :, None] - second[..., None, :])
    return np.asarray(0.5 + apart.mean(axis=(-2, -1)) / 2)


def kendall(first: ArrayLike, second: ArrayLike) -> F64:
    """Kendall's tau-b of two orders: 1 where they agree on every pair, -1 where on none; NaN where one has no order.

    Args:
        first: `[..., D]` scores.
        second: `[..., D]` scores of the same D.
    """
    signs = [
        np.sign(np.asarray(x, dtype=np.float64)[..., :, None] - np.asarray(x, dtype=np.float64)[..., None, :])
        for x in (first, second)
    ]
    agreed = (signs[0] * signs[1]).sum(axis=(-2, -1))
    pairs = [np.abs(sign).sum(axis=(-2, -1)) for sign in signs]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(agreed / np.sqrt(pairs[0] * pairs[1]))


def order_agreement(first: Mapping[Name, Resampled], second: Mapping[Name, Resampled], level: float = 0.95) -> Interval:
    """Kendall's tau of two orders of the same policies, with the percentile interval over seeds and people.

    The two may be two metrics on the same people, or one on two kinds of people. The seeds that are drawn are the same
    on both sides where both were resampled with the same seed. Drawing anew shuffles what lies close, so that the
    interval leans to no agreement; it always holds the figure itself.

    Args:
        first: name -> scores, see `resample`.
        second: the same names.
        level: of the interval.

    Raises:
        ValueError: the names differ.
    """
    if set(first) != set(second):
        raise ValueError(f"two orders of the same are needed: got {list(first)} and {list(second)}")
    sides = [[side[name] for name in first] for side in (first, second)]
    value = float(kendall(*([found.value for found in side] for side in sides)))
    times = min(len(found.drawn) for side in sides for found in side)
    drawn = kendall(*(np.stack([f.statistic(f.both)[:times] for f in side], axis=1) for side in sides))
    if np.isnan(value) or np.isnan(drawn).all():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, min(float(low), value), max(float(high), value))


def pareto_front(*columns: ArrayLike) -> NDArray[np.bool_]:
    """Which of D are such that no other is at least as good in everything and better in something.

    Args:
        columns: `[..., D]` each, the higher the better: turn round what is better when low. NaN is worse than all.

    Returns:
        `[..., D]`.
    """
    given: Sequence[F64] = [np.nan_to_num(np.asarray(c, dtype=np.float64), nan=-np.inf) for c in columns]
    beside = [(c[..., None, :], c[..., :, None]) for c in given]  # another, oneself
    no_worse = np.all([other >= own for other, own in beside], axis=0)
    better = np.any([other > own for other, own in beside], axis=0)
    return np.asarray(~(no_worse & better).any(axis=-1))
