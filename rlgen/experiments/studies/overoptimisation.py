"""Where on a policy's way from where it began more reward means less for people.

Gao, Schulman and Hilton ("Scaling laws for reward model overoptimization", ICML 2023) found that the outcome behind a
proxy goes with d, the root of the divergence from the policy at the start, as `d (a - b log d)` under reinforcement
learning: it rises, is largest at `d = exp(a / b - 1)`, and falls. Here that curve is fitted to relief along training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from rlgen.experiments.studies.compared import F64

_FEWEST: Final = 9  # iterations with a divergence above zero
_DRAWN: Final = 1_000  # resamples of the seeds
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Overoptimisation:
    """Relief over the distance from the policy at the start.

    Attributes:
        start: relief there, by the fit.
        a: slope near the start.
        b: how fast the slope falls; not above 0 where relief has no largest value.
        reached: distance at the end of the training, the root of the mean divergence in nats a turn.
        peak: distance at which relief is largest; None where that was not reached.
        lost: relief at its largest on the way less that at the end, by the fit; 0 where it still rises.
        low: lower end of the 95 % interval of `lost` over seeds; None for one seed.
        high: upper end.
    """

    start: float
    a: float
    b: float
    reached: float
    peak: float | None
    lost: float
    low: float | None
    high: float | None


def overoptimisation(kl: F64, relief: F64, seed: int = 0) -> Overoptimisation | None:
    """Fit the curve to the means over seeds.

    The interval comes from seeds drawn anew, and cannot be given for one.

    Args:
        kl: `[I, S]`, divergence along I iterations of S trainings, in nats a turn.
        relief: `[I, S]`; NaN where nobody knew.
        seed: of the resampling.

    Returns:
        None where too few iterations have both.
    """
    known = np.isfinite(kl).all(axis=1) & np.isfinite(relief).all(axis=1)
    kl, relief = np.maximum(kl[known], 0.0), relief[known]
    if np.count_nonzero(kl.mean(axis=1) > 0) < _FEWEST:
        return None
    seeds = kl.shape[1]
    (far, *_), ((start, a, b), *_), (lost, *_) = _fitted(kl[None], relief[None])
    peak = float(np.exp(a / b - 1)) if b > 0 and a / b - 1 <= np.log(far) else None
    plain = (float(start), float(a), float(b), float(far), peak, float(lost))
    if seeds == 1:
        return Overoptimisation(*plain, None, None)
    picks = np.random.default_rng(seed).integers(seeds, size=(_DRAWN, seeds))
    _, _, drawn = _fitted(kl[:, picks].swapaxes(0, 1), relief[:, picks].swapaxes(0, 1))
    # Means over seeds drawn with replacement vary by (S - 1) / S of the variance of a mean over fresh seeds.
    half = float(drawn.std() * np.sqrt(seeds / (seeds - 1)) * stats.t.ppf((1 + _LEVEL) / 2, seeds - 1))
    return Overoptimisation(*plain, plain[-1] - half, plain[-1] + half)


def _fitted(kl: F64, relief: F64) -> tuple[F64, F64, F64]:
    """Of `[B, I, S]`: distance at the end `[B]`, start and a and b `[B, 3]`, what was lost since the peak `[B]`."""
    d, mean = np.sqrt(kl.mean(axis=2)), relief.mean(axis=2)
    basis = np.stack([np.ones_like(d), d, -d * np.log(np.where(d > 0, d, 1.0))], axis=2)
    found = np.linalg.pinv(basis) @ mean[..., None]
    line = (basis @ found)[..., 0]
    return d[:, -1], found[..., 0], line.max(axis=1) - line[:, -1]
