"""Generators: emotion, context and controls in, words out.

In come dialogues, the recognised affect, four controls and random streams of N rows; out come `rlgen.types.Replies`:
ids, words and a log-probability a row. `embedded` is the small transformer that comes with the package, `huggingface`
any causal language model, `ConstantGenerator` the null hypothesis. `rlgen.checks.generator` tries one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import attach

if TYPE_CHECKING:
    from rlgen.generation.constant import ConstantGenerator
    from rlgen.generation.embedded.generator import EmbeddedGenerator
    from rlgen.generation.huggingface.generator import HuggingFaceGenerator

__all__ = ["ConstantGenerator", "EmbeddedGenerator", "HuggingFaceGenerator"]

__getattr__ = attach(
    __name__,
    {
        "ConstantGenerator": "constant",
        "EmbeddedGenerator": "embedded.generator",
        "HuggingFaceGenerator": "huggingface.generator",
    },
)
