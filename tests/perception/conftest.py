"""Parts of the shipped signal bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from rlgen.perception.bank import SignalBank
from rlgen.types import SegmentCatalogue

Cut = Callable[[np.ndarray], SignalBank]


@pytest.fixture(scope="session")
def cut() -> Cut:
    """Cut a bank of some segments out of the shipped one; its actors go under another name."""
    whole = SignalBank.load("shipped:signal_bank")

    def bank(rows: np.ndarray) -> SignalBank:
        labels = {field.name: getattr(whole.catalogue, field.name)[rows] for field in fields(SegmentCatalogue)}
        clips = [whole.clips[i] for i in rows]
        signals = whole.signals.rows(rows)
        return SignalBank(signals, SegmentCatalogue(**labels), "synthetic", "few", "Synthetic: a part.", clips, {})

    return bank
