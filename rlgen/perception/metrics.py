"""How good estimates are: accuracy, unweighted recall, concordance, calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AROUSAL, NUM_CATEGORIES, VALENCE
from rlgen.types import F32, I64, Estimate, SegmentCatalogue


def accuracy(probability: F32, category: I64) -> float:
    """Share of rows whose likeliest category is the true one. `probability` is `[N, 6]`."""
    return float((probability.argmax(axis=1) == category).mean())


def recall(probability: F32, category: I64) -> float:
    """Unweighted average recall over the categories that occur."""
    hit = probability.argmax(axis=1) == category
    return float(np.mean([hit[category == c].mean() for c in np.unique(category)]))


def concordance(estimate: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Lin's concordance correlation coefficient (Biometrics 45, 1989), in [-1, 1]; 0 for a constant."""
    covariance = np.mean((estimate - estimate.mean()) * (truth - truth.mean()))
    below = estimate.var() + truth.var() + (estimate.mean() - truth.mean()) ** 2
    return float(2.0 * covariance / below) if below > 0 else 0.0


def calibration_error(probability: F32, category: I64, bins: int = 10) -> float:
    """Expected calibration error of the top category over bins of equal size (Naeini et al., AAAI 2015)."""
    confidence = probability.max(axis=1).astype(np.float64)
    hit = probability.argmax(axis=1) == category
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(confidence[p].mean() - hit[p].mean()) * len(p) for p in parts) / len(order))


def scores(estimate: Estimate, labels: SegmentCatalogue) -> dict[str, float]:
    """All figures of some estimates: accuracy, uar, ccc_valence, ccc_arousal, ece, coverage.

    `coverage` is the share of valences and arousals within one stated standard deviation (68 % if
    the uncertainty is right and errors are normal).
    """
    probability = estimate.affect[:, :NUM_CATEGORIES]
    truth = np.stack([labels.valence, labels.arousal], axis=1)
    inside = np.abs(estimate.affect[:, VALENCE : AROUSAL + 1] - truth) <= estimate.uncertainty[:, 1:]
    return {
        "accuracy": accuracy(probability, labels.category),
        "uar": recall(probability, labels.category),
        "ccc_valence": concordance(estimate.affect[:, VALENCE], labels.valence),
        "ccc_arousal": concordance(estimate.affect[:, AROUSAL], labels.arousal),
        "ece": calibration_error(probability, labels.category),
        "coverage": float(inside.mean()),
    }
