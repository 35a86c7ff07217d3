"""Whether two worlds rank policies alike: Kendall's tau between mean returns, and what chance allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from rlgen.experiments.statistics import Interval

RESAMPLES = 1000
SPLITS = 200

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How alike two worlds rank the same policies.

    Attributes:
        tau: Kendall's tau-b (Kendall, 1945) between the mean returns of both worlds, with the percentile
            bootstrap interval over people; each resample has the same people in both worlds.
        halves: tau between two halves of the people in the first world, averaged over random splits: what chance
            leaves of a perfect agreement at half the number of people.
        across: tau between one half in the first world and the other half in the second, averaged
            likewise: as noisy as `halves`, so the two can be compared.
    """

    tau: Interval
    halves: float
    across: float


def agreement(first: F64, second: F64, resamples: int = RESAMPLES, splits: int = SPLITS, seed: int = 0) -> Agreement:
    """Compare two worlds.

    Args:
        first: `[policies, people]` returns in the reference world.
        second: `[policies, people]` returns of the same policies and the same people in the other world.
        resamples: of the people, for the interval.
        splits: of the people into halves.
        seed: of both.

    Raises:
        ValueError: the shapes differ, or there are fewer than two policies or people.
    """
    if first.shape != second.shape or min(first.shape) < 2:
        raise ValueError(f"the same policies and people are needed twice: got {first.shape} and {second.shape}")
    rng = np.random.default_rng(seed)
    people = first.shape[1]

    def resampled() -> float:
        drawn = rng.integers(people, size=people)
        return tau(first[:, drawn].mean(axis=1), second[:, drawn].mean(axis=1))

    def split(other: F64) -> Callable[[NDArray[np.int64]], float]:
        half = people // 2
        return lambda order: tau(first[:, order[:half]].mean(axis=1), other[:, order[half:]].mean(axis=1))

    low, high = np.nanquantile([resampled() for _ in range(resamples)], [0.025, 0.975])
    orders = [rng.permutation(people) for _ in range(splits)]
    return Agreement(
        tau=Interval(tau(first.mean(axis=1), second.mean(axis=1)), float(low), float(high)),
        halves=float(np.nanmean([split(first)(order) for order in orders])),
        across=float(np.nanmean([split(second)(order) for order in orders])),
    )


def tau(first: F64, second: F64) -> float:
    """Kendall's tau-b of two rankings; NaN where one of them has only ties."""
    return float(kendalltau(first, second).statistic)
