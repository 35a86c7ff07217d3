"""What a reading of the replies goes along with in the rating: the same regression for human and simulated people.

Rating on reading, replies and their square, all as deviations from the person's own mean; one reading at a time.
Supporters chose their replies by how the talk went, so that the human coefficients are confounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rlgen.types import F64
from rlgen.users.fidelity.talks import Talks

_RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Effects:
    """Rating points per within-person standard deviation of a reading, `[K]` each, with a 95 % bootstrap interval."""

    value: F64
    low: F64
    high: F64


def reading_effects(talks: Talks, deviation: F64, seed: int) -> Effects:
    """Effects of all readings.

    Args:
        talks: P people with windows of K readings.
        deviation: `[K]` what counts as one unit.
        seed: of the bootstrap over people.
    """
    inner, outer = _moments(talks, deviation)
    rng = np.random.default_rng(seed)
    people = len(inner)
    weight = rng.multinomial(people, np.full(people, 1.0 / people), size=_RESAMPLES).astype(np.float64)
    drawn = _solve(np.tensordot(weight, inner, axes=1), np.tensordot(weight, outer, axes=1))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Effects(_solve(inner.sum(axis=0), outer.sum(axis=0)), low, high)


def _moments(talks: Talks, deviation: F64) -> tuple[F64, F64]:
    """Each person's part of the normal equations of K regressions, `[P, K, 3, 3]` and `[P, K, 3]`."""
    mask = (talks.value >= 0).astype(np.float64)
    count = np.maximum(mask.sum(axis=1), 1.0)

    def centred(part: F64) -> F64:
        """Deviations from the person's mean, `[P, J, ...]`."""
        own = mask.reshape(*mask.shape, *[1] * (part.ndim - 2))
        mean = (part * own).sum(axis=1) / count.reshape(-1, *[1] * (part.ndim - 2))
        within: F64 = (part - mean[:, None]) * own
        return within

    x = centred(talks.windows / deviation)
    time = np.stack([centred(talks.after / 10.0), centred((talks.after / 10.0) ** 2)], axis=2)
    size = x.shape[2]
    design = np.concatenate([x[..., None], np.broadcast_to(time[:, :, None], (*x.shape[:2], size, 2))], axis=3)
    inner: F64 = np.einsum("pjka,pjkb->pkab", design, design)
    outer: F64 = np.einsum("pjka,pj->pka", design, centred(talks.value.astype(np.float64)))
    return inner, outer


def _solve(inner: F64, outer: F64) -> F64:
    """The first coefficient of each regression."""
    ridge = 1e-6 * np.eye(3)
    found: F64 = np.asarray(np.linalg.solve(inner + ridge, outer[..., None])[..., 0, 0], dtype=np.float64)
    return found
