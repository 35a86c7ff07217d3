"""Phrases of the training corpus become unevenly frequent; labels keep their shares."""

from __future__ import annotations

import random
from collections import Counter

from rlgen.experiments.commands.fit_generator import cell_sizes, habits
from rlgen.text.corpus import compose


def test_habits_favour_the_first_phrases_of_a_cell_and_keep_the_labels():
    exchanges = list(compose(0, 8000))
    sizes = cell_sizes(exchanges)
    kept = list(habits(exchanges, sizes, random.Random(0)))
    assert kept == list(habits(exchanges, sizes, random.Random(0)))
    assert set(kept) <= set(exchanges)
    assert 0.1 < len(kept) / len(exchanges) < 0.3

    def first_half(told):
        parts = [part.rpartition(".") for e in told for part in e.template.split("+")]
        return sum(int(rank) < sizes[cell] / 2 for cell, _, rank in parts) / len(parts)

    assert 0.4 < first_half(exchanges) < 0.6
    assert first_half(kept) > 0.65
    for name in ("warmth", "directiveness", "weight", "category"):
        before, after = (Counter(getattr(e, name) for e in told) for told in (exchanges, kept))
        for label, count in before.items():
            assert abs(count / len(exchanges) - after[label] / len(kept)) < 0.05
