"""Means with bootstrap intervals, paired differences, and tails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean and its percentile bootstrap interval.

    Attributes:
        mean: of the values that are not NaN; NaN where there are none.
        low: lower end.
        high: upper end.
    """

    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 where the interval lies above zero, -1 below, 0 where it holds zero or is NaN."""
        return int(self.low > 0) - int(self.high < 0)

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def _resampled_means(
    values: NDArray[np.float64], resamples: int, seed: int, lowest: int | None = None
) -> NDArray[np.float64]:
    """Means of resamples, `[resamples]`, or of the `lowest` so many values of each."""
    rng = np.random.default_rng(seed)
    size = len(values)
    means = np.empty(resamples)
    # About 4 MB of indices at a time: the memory does not grow with the number of people.
    chunk = max(1, 500_000 // size)
    for start in range(0, resamples, chunk):
        stop = min(start + chunk, resamples)
        drawn = values[rng.integers(size, size=(stop - start, size))]
        if lowest is not None:
            drawn.partition(lowest - 1, axis=1)
        means[start:stop] = drawn[:, :lowest].mean(axis=1)
    return means


def bootstrap_mean(values: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Mean of independent values with a percentile bootstrap interval (Efron, 1979).

    Args:
        values: `[n]`; NaN is left out.
        level: of the interval, in (0, 1).
        resamples: bootstrap samples.
        seed: of the resampling; the same seed gives the same interval.
    """
    given = np.asarray(values, dtype=np.float64)
    given = given[~np.isnan(given)]
    if len(given) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    return _interval(float(given.mean()), _resampled_means(given, resamples, seed), level)


def paired_difference(
    first: ArrayLike, second: ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of `first - second` over the same people; pairs are resampled together.

    Args:
        first: `[n]`.
        second: `[n]`, entry i belongs to the same person as `first[i]`; pairs with NaN are left out.
        level: of the interval.
        resamples: bootstrap samples.
        seed: of the resampling.

    Raises:
        ValueError: the two are not of the same length.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"pairs are needed: got {a.shape} and {b.shape} values")
    return bootstrap_mean(a - b, level, resamples, seed)


def worst_share(
    values: ArrayLike, share: float = 0.1, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of the lowest `share` of the values (at least one of them), how the worst-off fare, with its interval.

    Args:
        values: `[n]`; NaN is left out.
        share: in (0, 1].
        level: of the interval: percentiles over resamples of all values, each with a tail of its own.
        resamples: bootstrap samples.
        seed: of the resampling.
    """
    given = np.asarray(values, dtype=np.float64)
    given = np.sort(given[~np.isnan(given)])
    if len(given) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    lowest = max(1, int(len(given) * share))
    return _interval(float(given[:lowest].mean()), _resampled_means(given, resamples, seed, lowest), level)


def _interval(value: float, resampled: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def summary(values: ArrayLike, seed: int = 0) -> dict[str, Any]:
    """`{"mean", "low", "high"}` for JSON, rounded to six digits; None for NaN."""
    interval = bootstrap_mean(values, seed=seed)
    return as_dict(interval)


def as_dict(interval: Interval) -> dict[str, float | None]:
    """An interval for JSON."""
    pairs = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {name: None if np.isnan(value) else round(value, 6) for name, value in pairs.items()}


def crossed_error(values: ArrayLike) -> float:
    """Standard error of a mean over seeds and people, both of which are samples.

    Every seed meets the same people, so that people's peculiarities do not average out over seeds, nor a seed's over
    people. The variance of the grand mean in a crossed two-way design with random rows and columns (Cornfield and
    Tukey, Ann. Math. Stat. 27, 1956) is (MS_seeds + MS_people - MS_rest) / (S P), and no less than either alone.

    Args:
        values: `[S, P]`, e.g. differences of two policies by training seed and person; one seed leaves the error
            over people, one person that over seeds, one value NaN.
    """
    table = np.asarray(values, dtype=np.float64)
    seeds, people = table.shape
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    of_rows = people * float(rows.var(ddof=1)) if seeds > 1 else 0.0
    of_columns = seeds * float(columns.var(ddof=1)) if people > 1 else 0.0
    rest = 0.0
    if seeds > 1 and people > 1:
        apart = table - rows[:, None] - columns + table.mean()
        rest = float((apart**2).sum()) / ((seeds - 1) * (people - 1))
    if seeds == people == 1:
        return float("nan")
    return float(np.sqrt(max(of_rows + of_columns - rest, of_rows, of_columns) / (seeds * people)))
