"""Generators: emotion, context and controls in, words out.

In come dialogues, the recognised affect, four controls and random streams of N rows; out come `rlgen.types.Replies`:
ids, words and a log-probability a row. `embedded` is the small transformer that comes with the package, `huggingface`
any causal language model, `ConstantGenerator` the null hypothesis. `rlgen.checks.generator` tries one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.generation.constant import ConstantGenerator as ConstantGenerator
    from rlgen.generation.embedded.generator import EmbeddedGenerator as EmbeddedGenerator
    from rlgen.generation.huggingface.generator import HuggingFaceGenerator as HuggingFaceGenerator

__getattr__, __all__ = lazy(__name__)
