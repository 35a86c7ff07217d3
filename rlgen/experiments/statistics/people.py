"""Values of people come in; means with bootstrap intervals go out: of many columns at once, of pairs, of tails."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES: Final = 10_000
_DRAWS: Final = 10**8  # at most so many in all; beyond 10,000 people there are fewer resamples,
_FEWEST: Final = 1_000  # but never fewer than these
_CHUNK: Final = 500_000  # draws at a time: the memory does not grow with the number of people

F64 = NDArray[np.float64]
Name = TypeVar("Name", bound=Hashable)


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

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def intervals(
    columns: Mapping[Name, ArrayLike],
    share: float = 1.0,
    level: float = 0.95,
    resamples: int | None = None,
    seed: int = 0,
) -> dict[Name, Interval]:
    """Means of columns over the same people, each with a percentile bootstrap interval (Efron, 1979).

    People are resampled once for all columns: one matrix of how often each person was drawn, times the table of
    values. So 100,000 people and a hundred columns take seconds.

    Args:
        columns: name -> `[n]`, entry i of each being person i's; NaN is left out.
        share: below 1 the mean is of the lowest `share` of the values (at least one of them), how the worst-off
            fare; every resample has a tail of its own.
        level: of the intervals, in (0, 1).
        resamples: bootstrap samples; by default 10,000, and fewer for more than 10,000 people.
        seed: of the resampling; the same seed gives the same intervals.

    Raises:
        ValueError: the columns differ in length.
    """
    given = [np.asarray(values, dtype=np.float64) for values in columns.values()]
    if len({column.shape for column in given}) > 1:
        raise ValueError(f"columns over the same people are needed: got shapes {[column.shape for column in given]}")
    if not given or not len(given[0]):
        return {name: Interval(*[float("nan")] * 3) for name in columns}
    table = np.stack(given, axis=1)
    tails = Tails(table, share) if share < 1.0 else Means(table)
    times = resamples or min(RESAMPLES, max(_FEWEST, _DRAWS // len(table)))
    drawn = np.concatenate([tails.of(counts) for counts in counts(len(table), times, seed)])
    with np.errstate(invalid="ignore"):
        low, high = _quantiles(drawn, level)
    value = tails.of(np.ones((1, len(table))))[0]
    return {name: Interval(*map(float, found)) for name, *found in zip(columns, value, low, high, strict=True)}


def counts(people: int, resamples: int, seed: int) -> Iterator[F64]:
    """How often each person is in each resample, `[chunk, people]`."""
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // people)
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        drawn = rng.integers(people, size=(rows, people)) + people * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * people).reshape(rows, people).astype(np.float64)


class Means:
    """Means of the columns `[n, K]` under weights."""

    def __init__(self, table: F64) -> None:
        self._known = (~np.isnan(table)).astype(np.float64)
        self._values = np.nan_to_num(table)

    def of(self, counts: F64) -> F64:
        """`[chunk, K]`; NaN where nobody with a value was drawn."""
        weight = counts.sum(axis=1, keepdims=True) if self._known.all() else counts @ self._known
        with np.errstate(invalid="ignore"):
            return np.asarray(counts @ self._values / weight)


class Tails:
    """Means of the lowest of the columns under weights, which are those of ranks."""

    def __init__(self, table: F64, share: float) -> None:
        known = (~np.isnan(table)).sum(axis=0)
        self._ranked = np.sort(table, axis=0)  # NaN comes last
        self._lowest = np.maximum(1, (known * share).astype(np.int64))

    def of(self, counts: F64) -> F64:
        """`[chunk, K]`."""
        found = np.empty((len(counts), self._ranked.shape[1]))
        for lowest in np.unique(self._lowest):
            # Ten standard deviations more ranks than are wanted: they hold that many draws in every resample.
            ranks = min(counts.shape[1], int(lowest + 10 * np.sqrt(lowest) + 10))
            passed = np.minimum(np.cumsum(counts[:, :ranks], axis=1), lowest)
            weights = np.diff(passed, axis=1, prepend=0.0)
            same = self._lowest == lowest
            found[:, same] = Means(self._ranked[:ranks, same]).of(weights)
        return found


def _quantiles(drawn: F64, level: float) -> F64:
    """`[2, K]`: the ends of the intervals; NaN where a column has no value at all."""
    ends = [(1 - level) / 2, (1 + level) / 2]
    if not np.isnan(drawn).any():
        return np.asarray(np.quantile(drawn, ends, axis=0))
    known = ~np.isnan(drawn).all(axis=0)
    found = np.full((2, drawn.shape[1]), np.nan)
    found[:, known] = np.nanquantile(drawn[:, known], ends, axis=0)
    return found


def bootstrap_mean(values: ArrayLike, level: float = 0.95, resamples: int | None = None, seed: int = 0) -> Interval:
    """Mean of `[n]` independent values with its interval; see `intervals`."""
    return intervals({"": values}, level=level, resamples=resamples, seed=seed)[""]


def paired_difference(
    first: ArrayLike, second: ArrayLike, level: float = 0.95, resamples: int | None = None, seed: int = 0
) -> Interval:
    """Mean of `first - second` over the same people; pairs are resampled together.

    Args:
        first: `[n]`.
        second: `[n]`, entry i belongs to the same person as `first[i]`; pairs with NaN are left out.
        level: of the interval.
        resamples: see `intervals`.
        seed: of the resampling.

    Raises:
        ValueError: the two are not of the same length.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"pairs are needed: got {a.shape} and {b.shape} values")
    return bootstrap_mean(a - b, level, resamples, seed)


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


def as_dict(interval: Interval) -> dict[str, float | None]:
    """An interval for JSON, `{"mean", "low", "high"}` rounded to six digits; None for NaN."""
    pairs = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {name: None if np.isnan(value) else round(value, 6) for name, value in pairs.items()}
