"""How good a recognizer is on a bank, by set of modalities, beside what guessing would give."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AROUSAL, NUM_CATEGORIES, VALENCE
from rlgen.perception.bank import SignalBank
from rlgen.perception.table import EstimateTable
from rlgen.types import F32, I64, MODALITIES, Estimate, SegmentCatalogue

CHANCE: Final = 1.0 / NUM_CATEGORIES


def names(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:
    """A set of modalities in words, e.g. `"speech+face"`."""
    return "+".join(name for name, used in zip(MODALITIES, mask, strict=True) if used)


def by_subset(table: EstimateTable, bank: SignalBank) -> dict[str, dict[str, float]]:
    """Scores under every set of modalities that the whole bank has, see `scores`."""
    rows = np.arange(len(bank))
    found = {}
    for number in range(1, 2 ** len(MODALITIES)):
        mask = np.array([number >> i & 1 for i in range(len(MODALITIES))], dtype=bool)
        if (bank.signals.present >= mask).all():
            estimate = table.look_up(rows, np.broadcast_to(mask, (len(bank), len(mask))))
            found[names(mask)] = scores(estimate, bank.catalogue)
    return found


def majority(bank: SignalBank) -> float:
    """Accuracy of always saying the most frequent category."""
    return float(np.bincount(bank.catalogue.category).max() / len(bank))


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
