"""Signals to emotion: features, one timeline, the frozen recognizer, banks of signals and tables over them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlgen.perception.bank import SignalBank
    from rlgen.perception.features import Recording, extract
    from rlgen.perception.recognizer import EmotionRecognizer
    from rlgen.perception.table import EstimateTable

__all__ = ["EmotionRecognizer", "EstimateTable", "Recording", "SignalBank", "extract"]

_HOME = {
    "EmotionRecognizer": "recognizer",
    "EstimateTable": "table",
    "Recording": "features",
    "SignalBank": "bank",
    "extract": "features",
}


def __getattr__(name: str) -> Any:
    """Import a public name's module at first use, so that importing the room costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
