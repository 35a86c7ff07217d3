"""Signals to emotion: features, one timeline, the frozen recognizer, banks of signals and tables over them.

In come recordings of a turn (raw speech, action units of the face, heart and skin); out come `rlgen.types.Signals` and,
from a recognizer, `rlgen.types.Estimate`: a vector, affect and uncertainty. A world looks estimates up in a table over
a finite bank. `rlgen.checks.recognizer` tries a recognizer of one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import attach

if TYPE_CHECKING:
    from rlgen.perception.bank import SignalBank
    from rlgen.perception.features import Recording, extract
    from rlgen.perception.recognizer import EmotionRecognizer
    from rlgen.perception.table import EstimateTable

__all__ = ["EmotionRecognizer", "EstimateTable", "Recording", "SignalBank", "extract"]

__getattr__ = attach(
    __name__,
    {
        "EmotionRecognizer": "recognizer",
        "EstimateTable": "table",
        "Recording": "features",
        "SignalBank": "bank",
        "extract": "features",
    },
)
