"""A recognizer on a bank, by set of modalities, beside what guessing would give."""

from __future__ import annotations

from typing import Final

import numpy as np

from rlgen.affect import NUM_CATEGORIES
from rlgen.perception.bank import SignalBank
from rlgen.perception.metrics import scores
from rlgen.perception.table import EstimateTable
from rlgen.types import MODALITIES

CHANCE: Final = 1.0 / NUM_CATEGORIES


def names(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:
    """A set of modalities in words, e.g. `"speech+face"`."""
    return "+".join(name for name, used in zip(MODALITIES, mask, strict=True) if used)


def by_subset(table: EstimateTable, bank: SignalBank) -> dict[str, dict[str, float]]:
    """Scores under every set of modalities that the whole bank has, see `metrics.scores`."""
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
