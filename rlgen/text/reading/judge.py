"""The judge: a second reader for benches, fitted on other comments, posts and dialogues than the people's reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.text.encoding.encoder import SentenceEncoder
from rlgen.text.reading.heads import Features, Head, sigmoid
from rlgen.text.reading.reader import expected_levels, load_heads, read_affect

KIND: Final = "judge/2"
SHIPPED: Final = "shipped:judge"  # on minilm
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Judgement:
    """What the judge makes of N texts.

    Attributes:
        affect: `[N, 8]`, see `rlgen.affect`.
        warmth: `[N]` in [-1, 1]: the expected level of emotional reaction (EPITOME), 0 to 2, minus 1.
        directiveness: `[N]` in [-1, 1]: twice the probability of advice against reflection (ESConv,
            AnnoMI), minus 1.
    """

    affect: F32
    warmth: F32
    directiveness: F32


class Judge:
    """Heads for affect, warmth and directiveness. Nothing in the world uses it.

    Args:
        encoder: the encoder that the heads were fitted on.
        arrays: their weights by name.
    """

    def __init__(self, encoder: SentenceEncoder, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.encoder = encoder
        self._affect = Head.from_arrays(arrays, "affect")
        self._plane = Head.from_arrays(arrays, "plane")
        self._reaction = Head.from_arrays(arrays, "reaction")
        self._advice = Head.from_arrays(arrays, "advice")

    @classmethod
    def load(cls, source: str | Path = SHIPPED, encoder: SentenceEncoder | None = None) -> Judge:
        """Load a judge artifact, `"shipped:judge"` or a folder, on the encoder that its manifest names or on this one.

        Raises:
            ArtifactError: missing, damaged, or fitted on another encoder.
        """
        encoder, arrays = load_heads(source, KIND, encoder)
        return cls(encoder, arrays)

    def read(self, texts: Sequence[str]) -> Judgement:
        """Judge N texts with one encoder call."""
        return self.read_embedded(texts, self.encoder.encode(texts))

    def read_embedded(self, texts: Sequence[str], embedding: F32) -> Judgement:
        """Judge N texts whose embeddings `[N, dim]` by the judge's own encoder are known."""
        features = Features.of(texts, embedding)
        return Judgement(
            affect=read_affect(self._affect, self._plane, features),
            warmth=2.0 * expected_levels(self._reaction.scores(features))[:, 0] - 1.0,
            directiveness=2.0 * sigmoid(self._advice.scores(features)[:, 0]) - 1.0,
        )
