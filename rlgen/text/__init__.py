"""Texts: the frozen sentence encoder, the readers, and the project's own phrases and utterances.

Names are imported when they are first used, so that `import rlgen.text` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "SentenceEncoder": "encoding.encoder",
    "Reader": "reading.reader",
    "Judge": "reading.judge",
}

__all__ = ["Judge", "Reader", "SentenceEncoder"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"rlgen.text.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
