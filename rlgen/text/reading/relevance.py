"""Relevance: whether a reply answers this utterance in this dialogue.

Two small networks take the encoder's embeddings, one of what was said and of what was said before it, one of the reply,
to vectors whose cosine is high where the reply belongs (contrastive learning with in-batch negatives: Henderson et al.,
Efficient natural language response suggestion, 2017). A linear head joins that with the words that both sides share,
how well the reply would fit anything, and lengths, into a calibrated probability.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from rlgen.text.reading import lexical
from rlgen.text.reading.heads import sigmoid
from rlgen.types import F32

WIDTHS: Final = (256, 128)
"""Of the hidden layer and of the vectors that are compared."""
IDF_BUCKETS: Final = 8192
FEATURES: Final = (
    "asked", "alone", "cosine", "cosine before", "usual", "said before",
    "shared words", "reply length", "said length", "question",
)  # fmt: skip
"""What the head looks at, in the order of the columns."""
_KEPT: Final = 0.5  # share of the past that is still meant a turn later
_ALIGN: Final = 32  # rows of matrix products; see rlgen.text.encoding.minilm
_NAMES: Final = (
    "said.0", "said.0_bias", "said.1", "said.1_bias", "reply.0", "reply.0_bias", "reply.1", "reply.1_bias",
    "usual", "idf", "head", "head_bias",
)  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """What N replies answer.

    Attributes:
        said: N utterances.
        embedding: `[N, dim]`, their embeddings.
        before: `[N, dim]`, what the person said earlier, see `remembered`; zero where there is nothing.
    """

    said: Sequence[str]
    embedding: F32
    before: F32

    @classmethod
    def alone(cls, said: Sequence[str], embedding: F32) -> Self:
        """Utterances that nothing went before."""
        return cls(said, embedding, np.zeros_like(embedding))

    @classmethod
    def nothing(cls, rows: int, dim: int) -> Self:
        """For texts that answer nothing."""
        return cls.alone([""] * rows, np.zeros((rows, dim), dtype=np.float32))


def remembered(before: F32, embedding: F32) -> F32:
    """What was said before the next utterance: the past fades, what was just said joins it.

    Args:
        before: `[N, dim]`, of the utterances so far, zero at the beginning.
        embedding: `[N, dim]`, of the last utterance.
    """
    return np.asarray(_KEPT * before + (1 - _KEPT) * embedding, dtype=np.float32)


@lru_cache(maxsize=65536)
def word_buckets(text: str) -> frozenset[int]:
    """The words of a text as rows of the table of their weights."""
    return frozenset(zlib.crc32(word.encode()) % IDF_BUCKETS for word in lexical.words(text))


def shared_words(replies: Sequence[str], said: Sequence[str], idf: F32) -> F32:
    """Of the weight of each reply's words, the share that was said, `[N]` in [0, 1]; rare words weigh more."""
    found = np.zeros(len(replies), dtype=np.float32)
    for i, (reply, utterance) in enumerate(zip(replies, said, strict=True)):
        own = word_buckets(reply)
        if both := own & word_buckets(utterance):
            found[i] = idf[sorted(both)].sum() / max(idf[sorted(own)].sum(), 1e-6)
    return found


class Relevance:
    """The frozen networks. Their arrays are named in `_NAMES`; matrices are `[out, in]`."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the arrays `relevance.*` of a readers artifact.

        Raises:
            KeyError: one is missing.
        """
        self._weights = {
            name: torch.from_numpy(np.asarray(arrays[f"relevance.{name}"], dtype=np.float32)) for name in _NAMES
        }
        self.idf: F32 = self._weights["idf"].numpy()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As they are kept, in half precision."""
        return {f"relevance.{name}": tensor.numpy().astype(np.float16) for name, tensor in self._weights.items()}

    def score(self, replies: Sequence[str], embedding: F32, heard: Heard) -> F32:
        """Probability that each reply answers, `[N]`; a row's bits do not depend on the other rows.

        Args:
            replies: N texts.
            embedding: `[N, dim]`, theirs.
            heard: what they answer.
        """
        x = self.features(replies, embedding, heard)
        logit = (x * self._weights["head"].numpy()).sum(axis=1) + self._weights["head_bias"].numpy()
        return sigmoid(logit)

    @torch.inference_mode()
    def features(self, replies: Sequence[str], embedding: F32, heard: Heard) -> F32:
        """What the head looks at, `[N, F]`; see `FEATURES`."""
        rows = len(replies)
        if not rows:
            return np.zeros((0, len(FEATURES)), dtype=np.float32)
        short = -rows % _ALIGN

        def tensor(array: F32) -> torch.Tensor:
            return F.pad(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)), (0, 0, 0, short))

        said, before, answer = tensor(heard.embedding), tensor(heard.before), tensor(embedding)
        asked = self._tower("said", torch.cat([said, before], dim=1))
        alone = self._tower("said", torch.cat([said, torch.zeros_like(before)], dim=1))
        fits = self._tower("reply", answer)
        columns = (
            (asked * fits).sum(dim=1),
            (alone * fits).sum(dim=1),
            (said * answer).sum(dim=1),
            (before * answer).sum(dim=1),
            (fits * self._weights["usual"]).sum(dim=1),
            before.square().sum(dim=1).sqrt(),
        )
        read = torch.stack(columns, dim=1)[:rows].numpy()
        words = [np.log1p([len(text.split()) for text in texts]) for texts in (replies, heard.said)]
        question = np.array(["?" in text for text in heard.said], dtype=np.float32)
        overlap = shared_words(replies, heard.said, self.idf)
        return np.concatenate([read, np.stack([overlap, *words, question], axis=1)], axis=1).astype(np.float32)

    def _tower(self, side: str, x: torch.Tensor) -> torch.Tensor:
        w = self._weights
        hidden = F.gelu(F.linear(x, w[f"{side}.0"], w[f"{side}.0_bias"]))
        return F.normalize(F.linear(hidden, w[f"{side}.1"], w[f"{side}.1_bias"]), dim=1)
