"""Signals to emotion: features, one timeline, the frozen recognizer, banks of signals and tables over them.

In come recordings of a turn (raw speech, action units of the face, heart and skin); out come `rlgen.types.Signals` and,
from a recognizer, `rlgen.types.Estimate`: a vector, affect and uncertainty. A world looks estimates up in a table over
a finite bank. `rlgen.checks.recognizer` tries a recognizer of one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.perception.bank import SignalBank as SignalBank
    from rlgen.perception.features import Recording as Recording
    from rlgen.perception.features import extract as extract
    from rlgen.perception.recognizer import EmotionRecognizer as EmotionRecognizer
    from rlgen.perception.table import EstimateTable as EstimateTable

__getattr__, __all__ = lazy(__name__)
