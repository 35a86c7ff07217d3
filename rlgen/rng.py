"""Counter-based random streams: one per row and per purpose, the same bits whatever the batch.

A draw is a pure function of (seed, episode, turn, purpose, index): Philox4x32-10 (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011) under the row's seed as key. Nothing is
consumed, so no order of calls, no neighbour and no batch size can change what a row draws.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

_M0: Final = np.uint64(0xD2511F53)
_M1: Final = np.uint64(0xCD9E8D57)
_W0: Final = np.uint32(0x9E3779B9)
_W1: Final = np.uint32(0xBB67AE85)
_LOW: Final = np.uint64(0xFFFFFFFF)
_SHIFT: Final = np.uint64(32)


def philox4x32(counter: NDArray[np.uint32], key: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Ten rounds of Philox4x32.

    Args:
        counter: `[..., 4]`.
        key: `[..., 2]`, broadcastable against the counter's leading axes.

    Returns:
        `[..., 4]` words that are uniform over 32 bits.
    """
    c0, c1, c2, c3 = (counter[..., i] for i in range(4))
    k0, k1 = key[..., 0].copy(), key[..., 1].copy()
    with np.errstate(over="ignore"):
        for _ in range(10):
            p0, p1 = _M0 * c0.astype(np.uint64), _M1 * c2.astype(np.uint64)
            c0, c1, c2, c3 = (
                (p1 >> _SHIFT).astype(np.uint32) ^ c1 ^ k0,
                (p1 & _LOW).astype(np.uint32),
                (p0 >> _SHIFT).astype(np.uint32) ^ c3 ^ k1,
                (p0 & _LOW).astype(np.uint32),
            )
            k0, k1 = k0 + _W0, k1 + _W1
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1)


@dataclass(frozen=True)
class Streams:
    """Streams of N rows.

    Attributes:
        seed: `[N]` uint64, the key of each row.
        episode: `[N]` uint32, advanced by the world at each reset of the row.
    """

    seed: NDArray[np.uint64]
    episode: NDArray[np.uint32]

    @classmethod
    def of(cls, seed: int, rows: int) -> Streams:
        """Row i is seeded `seed + i`, as in Gymnasium's vector environments; episode 0."""
        seeds = np.uint64(seed) + np.arange(rows, dtype=np.uint64)
        return cls(seeds, np.zeros(rows, dtype=np.uint32))

    def __len__(self) -> int:
        return len(self.seed)

    def rows(self, index: NDArray[np.integer] | slice) -> Streams:
        """The streams of some rows."""
        return Streams(self.seed[index], self.episode[index])

    def uniform(self, purpose: str, turn: ArrayLike = 0, size: int = 1) -> NDArray[np.float64]:
        """Uniform draws in the open interval (0, 1).

        Args:
            purpose: name of what is drawn, e.g. `"users.rating"`; another name, another stream.
            turn: scalar or `[N]`, the row's turn.
            size: draws per row.

        Returns:
            `[N, size]`, odd multiples of 2**-53, never 0 or 1.
        """
        blocks = -(-size // 2)  # a block of four 32-bit words makes two doubles
        rows = len(self)
        counter = np.empty((rows, blocks, 4), dtype=np.uint32)
        counter[..., 0] = np.arange(blocks, dtype=np.uint32)
        counter[..., 1] = np.broadcast_to(np.asarray(turn, dtype=np.uint32), rows)[:, None]
        counter[..., 2] = self.episode[:, None]
        counter[..., 3] = np.uint32(zlib.crc32(purpose.encode()))
        key = np.stack([self.seed & _LOW, self.seed >> _SHIFT], axis=-1).astype(np.uint32)
        words = philox4x32(counter, key[:, None, :]).astype(np.uint64).reshape(rows, blocks * 2, 2)
        bits = ((words[..., 0] << _SHIFT) | words[..., 1]) >> np.uint64(12)  # 52 bits: half steps stay below 1
        return (bits[:, :size].astype(np.float64) + 0.5) * 2.0**-52

    def normal(self, purpose: str, turn: ArrayLike = 0, size: int = 1) -> NDArray[np.float64]:
        """Standard normal draws `[N, size]`, by inversion: one uniform each, no rejection."""
        drawn: NDArray[np.float64] = ndtri(self.uniform(purpose, turn, size))
        return drawn

    def integers(self, purpose: str, high: ArrayLike, turn: ArrayLike = 0) -> NDArray[np.int64]:
        """One integer per row in `[0, high)`; `high` is scalar or `[N]`."""
        drawn = self.uniform(purpose, turn)[:, 0]
        index: NDArray[np.int64] = np.minimum(drawn * np.asarray(high), np.asarray(high) - 1).astype(np.int64)
        return index

    def choice(self, purpose: str, weights: NDArray[np.floating], turn: ArrayLike = 0) -> NDArray[np.int64]:
        """One index per row by inverse CDF.

        Args:
            purpose: name of what is drawn.
            weights: `[K]` or `[N, K]`, non-negative, not all zero in a row.
            turn: scalar or `[N]`.

        Returns:
            `[N]` indices into K.
        """
        cumulative = np.cumsum(np.atleast_2d(weights), axis=1, dtype=np.float64)
        threshold = self.uniform(purpose, turn) * cumulative[:, -1:]
        return np.asarray((cumulative <= threshold).sum(axis=1), dtype=np.int64)
