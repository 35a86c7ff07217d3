"""Scores of policies by training seed and person, both of which are samples: figures with their intervals.

Every seed meets the same people. Let a table `[S, P]` have a part that belongs to the seed, one that belongs to the
person, and a rest. Means over people of other seeds vary by the first and the rest, means over seeds of other people by
the second and the rest; the rest, counted in both, is taken off once (the crossed design of `crossed_error`). How a
figure varies is found by drawing seeds anew with the people as they are, and people anew with the seeds as they are.
Drawing both at once and reading off percentiles, as is usual, counts the rest three times (Owen, Ann. Appl. Stat. 1,
2007) and is too narrow for few seeds; here the interval is Student's, with the degrees of freedom that the two parts
have together (Satterthwaite, Biometrics Bulletin 2, 1946). `tests/experiments/statistics` measures its coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rlgen.experiments.statistics.people import F64, Interval, Means, Name, Tails, counts

DRAWN: Final = 2_000  # resamples: the error of a standard error is then 1.6 %
_FEWEST: Final = 400
_CELLS: Final = 2 * 10**8  # people times resamples, at most
_CUT: Final = 0.25

Over = Literal["seeds and people", "people and the seeds of one side", "people"]
Statistic = Callable[[F64], F64]


@dataclass(frozen=True)
class Estimate(Interval):
    """A figure with its interval, and what the interval is over.

    Attributes:
        error: standard error.
        freedom: degrees of freedom of the error.
        over: what was sampled. Over people alone it says nothing of policies trained under other seeds.
        p: two-sided, of the figure being zero in truth.
    """

    error: float
    freedom: float
    over: Over
    p: float


def interquartile_mean(scores: F64) -> F64:
    """Mean of the middle half of `[..., S]` runs, as robust to a failed run as a median and less noisy.

    As in Agarwal et al. (NeurIPS 2021), `floor(S / 4)` runs are left out at each end: fewer than four leave the mean.
    A run's score here is its mean over people. Leaving out people would hide those whom a policy fails.
    """
    runs = scores.shape[-1]
    cut = int(_CUT * runs)
    return np.asarray(np.sort(scores, axis=-1)[..., cut : runs - cut].mean(axis=-1))


@dataclass(frozen=True)
class Resampled:
    """Scores of S runs, each over the same people, and what they would be with others.

    Attributes:
        seeds: `[S]` scores.
        drawn: `[B, S]` the same, over people that were drawn anew; draw b is of the same people in all tables.
        picks: `[B, S]` runs that were drawn anew; None where the seed is no sample, as of a fixed baseline.
        rest: variance of the figure that is counted both over seeds and over people.
        people: how many.
        statistic: makes `[...]` figures of `[..., S]` scores.
    """

    seeds: F64
    drawn: F64
    picks: np.ndarray[tuple[int, int], np.dtype[np.int64]] | None
    rest: float
    people: int
    statistic: Statistic

    @property
    def sampled(self) -> bool:
        """Whether other seeds could have been."""
        return self.picks is not None

    @cached_property
    def value(self) -> float:
        """The figure."""
        return float(self.statistic(self.seeds))

    @cached_property
    def over_people(self) -> F64:
        """`[B]` the figure with other people."""
        return self.statistic(self.drawn)

    @cached_property
    def between(self) -> float:
        """Variance of the figure over seeds; 0 where there is one."""
        if self.picks is None or len(self.seeds) < 2:
            return 0.0
        # Of a resample of S the variance is (S - 1) / S of a sample's.
        return float(self.statistic(self.seeds[self.picks]).var() * len(self.seeds) / (len(self.seeds) - 1))

    @cached_property
    def both(self) -> F64:
        """`[B, S]` scores with other people and other seeds."""
        return self.drawn if self.picks is None else np.take_along_axis(self.drawn, self.picks, axis=1)


def resample(
    tables: Mapping[Name, ArrayLike],
    *,
    fixed: Sequence[Name] = (),
    share: float = 1.0,
    statistic: Statistic = interquartile_mean,
    resamples: int | None = None,
    seed: int = 0,
) -> dict[Name, Resampled]:
    """Draw people, and each table's seeds, anew.

    Args:
        tables: name -> `[S, P]`, of the same P persons; S may differ. NaN is left out of a run's score.
        fixed: names whose one row is no sample of seeds.
        share: below 1 a run's score is the mean of the lowest `share` of its people (at least one).
        statistic: of the scores of the runs.
        resamples: by default 2,000, and fewer for more than 100,000 people.
        seed: of the resampling. With the same seed, the same people and the same seeds are drawn again, so that
            several metrics of the same policies go together.

    Raises:
        ValueError: the tables are of different numbers of people, or of none.
    """
    given = {name: np.asarray(table, dtype=np.float64) for name, table in tables.items()}
    shapes = {name: table.shape for name, table in given.items()}
    if len({shape[1:] for shape in shapes.values()}) > 1 or not all(len(s) == 2 and min(s) for s in shapes.values()):
        raise ValueError(f"tables of seeds by the same people are needed: got shapes {shapes}")
    if not given:
        return {}
    people = next(iter(shapes.values()))[1]
    times = resamples or min(DRAWN, max(_FEWEST, _CELLS // people))
    stacked = np.concatenate(list(given.values())).T  # [P, runs of all]
    scores = Means(stacked) if share >= 1.0 else Tails(stacked, share)
    drawn = np.concatenate([scores.of(found) for found in counts(people, times, seed)])
    whole = scores.of(np.ones((1, people)))[0]
    found: dict[Name, Resampled] = {}
    at = 0
    for number, (name, table) in enumerate(given.items()):
        runs = slice(at, at + len(table))
        at += len(table)
        picks = None
        if name not in fixed:
            picks = np.random.default_rng((seed, number)).integers(len(table), size=(times, len(table)))
        rest = _rest(table) if share >= 1.0 and picks is not None else 0.0
        found[name] = Resampled(whole[runs], drawn[:, runs], picks, rest, people, statistic)
    return found


def _rest(table: F64) -> float:
    """Variance of the mean from what neither seeds nor people explain; 0 where it cannot be told."""
    seeds, people = table.shape
    if seeds < 2 or people < 2 or np.isnan(table).any():
        return 0.0
    apart = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((apart**2).sum() / ((seeds - 1) * (people - 1) * table.size))


def estimate(found: Resampled, level: float = 0.95) -> Estimate:
    """The figure of some policies with its interval."""
    return _combined([(1.0, found)], level)


def difference(first: Resampled, second: Resampled, level: float = 0.95) -> Estimate:
    """First minus second: paired over people, who are the same; seeds are drawn for each by itself.

    Both have to come from one call of `resample`.
    """
    return _combined([(1.0, first), (-1.0, second)], level)


def _combined(sides: Sequence[tuple[float, Resampled]], level: float) -> Estimate:
    people = sides[0][1].people
    value = sum(sign * side.value for sign, side in sides)
    together = np.sum([sign * side.over_people for sign, side in sides], axis=0)
    within = float(_variance(together)) * people / (people - 1) if people > 1 else np.nan
    between = [(side.between, len(side.seeds) - 1) for _, side in sides if side.sampled and len(side.seeds) > 1]
    of_seeds = sum(variance for variance, _ in between)
    total = max(of_seeds + within - sum(side.rest for _, side in sides), of_seeds, within)
    spread = within**2 / max(people - 1, 1) + sum(variance**2 / runs for variance, runs in between)
    freedom = total**2 / spread if spread > 0 else np.inf
    error = float(np.sqrt(total))
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * error if error > 0 else error
    if not np.isfinite(error):
        p = np.nan
    elif error == 0:
        p = float(value == 0)
    else:
        p = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - half, value + half, error, float(freedom), _over([side for _, side in sides]), p)


def _variance(drawn: F64) -> F64:
    """Over the first axis, of the draws that had a value: in some of few people nobody may have one."""
    known = ~np.isnan(drawn)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, drawn, 0.0).sum(axis=0) / known.sum(axis=0)
        return np.asarray((np.where(known, drawn - mean, 0.0) ** 2).sum(axis=0) / known.sum(axis=0))


def _over(sides: Sequence[Resampled]) -> Over:
    lone = [side for side in sides if side.sampled and len(side.seeds) == 1]
    if not lone:
        return "seeds and people"
    several = [side for side in sides if len(side.seeds) > 1]
    return "people and the seeds of one side" if several else "people"


@dataclass(frozen=True)
class Band:
    """A curve with its band.

    Attributes:
        mean: `[T]`.
        low: `[T]`.
        high: `[T]`; NaN, as `low`, where there is one seed of which others could have been.
    """

    mean: F64
    low: F64
    high: F64


def profile(
    tables: Mapping[Name, ArrayLike],
    thresholds: ArrayLike,
    *,
    fixed: Sequence[Name] = (),
    level: float = 0.95,
    resamples: int = 400,
    seed: int = 0,
) -> dict[Name, Band]:
    """Share of people, over all seeds, whose value is at least each of some thresholds (a performance profile).

    Where Agarwal et al. count runs and tasks, these are policies and people: the left end shows whom a policy fails.

    Args:
        tables: name -> `[S, P]`; NaN is left out.
        thresholds: `[T]`, ascending.
        fixed: names whose one row is no sample of seeds.
        level: of the bands, each point by itself.
        resamples: of the people.
        seed: of the resampling.
    """
    at = np.asarray(thresholds, dtype=np.float64)
    found: dict[Name, Band] = {}
    for name, given in tables.items():
        table = np.asarray(given, dtype=np.float64)
        seeds, people = table.shape
        reached = np.where(np.isnan(table)[..., None], np.nan, table[..., None] >= at)  # [S, P, T]
        columns = Means(reached.transpose(1, 0, 2).reshape(people, -1))
        drawn = np.concatenate([columns.of(chosen) for chosen in counts(people, resamples, seed)])
        whole = columns.of(np.ones((1, people))).reshape(seeds, len(at))
        variance = _variance(drawn.reshape(len(drawn), seeds, len(at)).mean(axis=1))
        freedom = float(people - 1)
        if name not in fixed and seeds > 1:
            variance, freedom = variance + whole.var(axis=0, ddof=1) / seeds, float(seeds - 1)
        half = stats.t.ppf((1 + level) / 2, max(freedom, 1.0)) * np.sqrt(variance)
        mean = whole.mean(axis=0)
        found[name] = Band(mean, np.maximum(mean - half, 0.0), np.minimum(mean + half, 1.0))
    return found


def curve(values: ArrayLike, level: float = 0.95, resamples: int = DRAWN, seed: int = 0) -> Band:
    """Interquartile mean over seeds of `[I, S]` values along a training, with a band over seeds (none for one seed)."""
    table = np.asarray(values, dtype=np.float64)
    mean, seeds = interquartile_mean(table), table.shape[1]
    if seeds < 2:
        return Band(mean, np.full(len(mean), np.nan), np.full(len(mean), np.nan))
    picks = np.random.default_rng(seed).integers(seeds, size=(resamples, seeds))
    error = np.array([interquartile_mean(row[picks]).std() for row in table]) * np.sqrt(seeds / (seeds - 1))
    half = stats.t.ppf((1 + level) / 2, seeds - 1) * error
    return Band(mean, mean - half, mean + half)
