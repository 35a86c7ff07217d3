"""Linear heads over what a text offers: its embedding, its surface and its bag of word pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.text.encoding.wordpieces import word_pieces
from rlgen.text.reading import lexical

BUCKETS: Final = 32768
_HALF: Final = ("embedding", "surface", "bias")  # arrays that are kept in half precision
_MOST: Final = 127  # the greatest whole number of a bag that is kept
F32 = NDArray[np.float32]


def buckets(pieces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Hashed uni- and bigrams of word pieces.

    Args:
        pieces: `[N, L]` ids padded with -1.

    Returns:
        `[N, 2L - 1]` in [0, BUCKETS); `BUCKETS` where there is none.
    """
    size = BUCKETS
    mixed = pieces.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    single = np.where(pieces >= 0, (mixed >> np.uint64(32)) % np.uint64(size), np.uint64(size))
    pair = (mixed[:, :-1] ^ (mixed[:, 1:] >> np.uint64(7))) * np.uint64(0xD6E8FEB86659FD93)
    pair = np.where(pieces[:, 1:] >= 0, (pair >> np.uint64(32)) % np.uint64(size), np.uint64(size))
    return np.concatenate([single, pair], axis=1).astype(np.int64)


def folded(bag: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The same buckets in a smaller table: in [0, size), `size` where there is none."""
    return bag if size == BUCKETS else np.where(bag == BUCKETS, size, bag % size)


@dataclass(frozen=True)
class Features:
    """What heads may look at, for N texts.

    Attributes:
        embedding: `[N, dim]`, of the encoder.
        surface: `[N, lexical.DIM]`.
        bag: `[N, M]` buckets, see `buckets`.
    """

    embedding: F32
    surface: F32
    bag: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str], embedding: F32) -> Features:
        """Features of texts whose embeddings are known."""
        return cls(embedding, lexical.surface(texts), buckets(word_pieces().array(texts)))

    def __len__(self) -> int:
        return len(self.embedding)

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Features:
        """The features of some texts."""
        return Features(self.embedding[index], self.surface[index], self.bag[index])


@dataclass(frozen=True)
class Head:
    """`scores = embedding E + surface S + mean of bag rows B + bias`, k outputs.

    Attributes:
        embedding: `[k, dim]`.
        surface: `[k, lexical.DIM]`.
        bag: `[size + 1, k]`, or `[0, k]` where word pieces are not used; the last row is zero. `size`
            divides `BUCKETS`.
        bias: `[k]`.
    """

    embedding: F32
    surface: F32
    bag: F32
    bias: F32

    NAMES: ClassVar[tuple[str, ...]] = ("embedding", "surface", "bag", "bias")

    def scores(self, features: Features) -> F32:
        """`[N, k]`; a row's bits do not depend on the other rows.

        Sums are taken by reductions over an axis of fixed length, because a matrix product may
        choose another order of summation for another number of rows.
        """
        total = (features.embedding[:, None, :] * self.embedding).sum(axis=-1)
        total += (features.surface[:, None, :] * self.surface).sum(axis=-1)
        if len(self.bag):
            bag = folded(features.bag, len(self.bag) - 1)
            count = (features.bag < BUCKETS).sum(axis=1)
            total += self.bag[bag].sum(axis=1) / np.sqrt(np.maximum(count, 1))[:, None]
        return np.asarray(total + self.bias, dtype=np.float32)

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """As they are kept: in half precision, bags as whole numbers in units of `bag_scale` `[k]`."""
        kept: dict[str, NDArray[Any]] = {f"{prefix}.{name}": getattr(self, name).astype(np.float16) for name in _HALF}
        scale = (np.abs(self.bag).max(axis=0, initial=0.0) / _MOST).clip(min=1e-4).astype(np.float16)
        whole = np.rint(self.bag / scale.astype(np.float32)).clip(-_MOST, _MOST)
        return {**kept, f"{prefix}.bag": whole.astype(np.int8), f"{prefix}.bag_scale": scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Head:
        """The inverse of `arrays`."""
        half = {name: np.asarray(arrays[f"{prefix}.{name}"], dtype=np.float32) for name in _HALF}
        scale = np.asarray(arrays[f"{prefix}.bag_scale"], dtype=np.float32)
        return cls(bag=np.asarray(arrays[f"{prefix}.bag"], dtype=np.float32) * scale, **half)


def sigmoid(x: F32) -> F32:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float32)


def softmax(x: F32) -> F32:
    """Along the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), dtype=np.float32)
