"""Texts: encoders, readers of what a text is perceived as, what people can say.

In come texts; out come vectors `[N, 384]`, `rlgen.types.Reading`s and banks of utterances. All of it is frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.text.encoding.encoder import SentenceEncoder as SentenceEncoder
    from rlgen.text.reading.judge import Judge as Judge
    from rlgen.text.reading.reader import Reader as Reader

__getattr__, __all__ = lazy(__name__)
