"""Emotion, context and controls to words: a small conditional transformer and its batched decoder."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlgen.generation.constant import ConstantGenerator
    from rlgen.generation.embedded.generator import EmbeddedGenerator
    from rlgen.generation.huggingface.generator import HuggingFaceGenerator

__all__ = ["ConstantGenerator", "EmbeddedGenerator", "HuggingFaceGenerator"]

_HOMES = {
    "ConstantGenerator": "constant",
    "EmbeddedGenerator": "embedded.generator",
    "HuggingFaceGenerator": "huggingface.generator",
}


def __getattr__(name: str) -> Any:
    """Imports torch only when a generator is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"rlgen.generation.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
