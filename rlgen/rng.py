"""Counter-based random streams: one per row and per purpose, the same bits whatever the batch.

A draw is a pure function of (realm, seed, row, episode, turn, purpose, index): Philox4x32-10 (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011). Nothing is consumed, so no order of calls, no
neighbour and no batch size can change what a row draws.

Realm and seed are the key, each in bits of its own: two realms or two seeds never share a stream, whatever the
numbers and however many rows there are, because a block cipher under two keys is two ciphers. Row, episode,
turn, index and purpose are the counter.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from rlgen.errors import ConfigError

Realm = Literal["training", "fitting", "validation", "evaluation", "tuning", "simulation"]
"""What people are met for. People of different realms are different people."""

SEEDS: Final = 2**60
"""Seeds are below this: the key's other four bits hold the realm."""

PEOPLE: Final = 10**9
"""Persons per seed, where they are met once each: `person_number` names one by one integer."""

_REALMS: Final = {name: np.uint64(number) for number, name in enumerate(get_args(Realm))}
_REALM_SHIFT: Final = np.uint64(60)
_TURN_SHIFT: Final = np.uint32(16)
_SIXTEEN_BITS: Final = 2**16

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


def person_number(seed: int, index: ArrayLike) -> NDArray[np.int64]:
    """The one integer that names a person of a realm: `seed * 10**9 + index`.

    Args:
        seed: of the evaluation, below 2**32.
        index: of the person within it, in `[0, 10**9)`.
    """
    return np.asarray(seed * PEOPLE + np.asarray(index, dtype=np.int64), dtype=np.int64)


@dataclass(frozen=True)
class Streams:
    """Streams of N rows.

    Attributes:
        key: `[N]` uint64, realm and seed of each row.
        row: `[N]` uint32, the row or person among those of its key.
        episode: `[N]` uint32, advanced by the world at each reset of the row.
    """

    key: NDArray[np.uint64]
    row: NDArray[np.uint32]
    episode: NDArray[np.uint32]

    @classmethod
    def of(cls, seed: int | Sequence[int] | NDArray[np.integer], rows: int, realm: Realm = "training") -> Streams:
        """The streams of N rows at episode 0.

        Args:
            seed: one for all, whose rows are 0 to N - 1; or one for each row, which then is row 0 of its seed, as
                it would be alone.
            rows: N.
            realm: what the rows are met for.

        Raises:
            ConfigError: a seed outside `[0, 2**60)`, another number of seeds than rows, or no such realm.
        """
        if realm not in _REALMS:
            raise ConfigError(f"realm was {realm!r}; the realms are {', '.join(_REALMS)}")
        alone = not isinstance(seed, int | np.integer)
        seeds = [int(each) for each in seed] if not isinstance(seed, int | np.integer) else [int(seed)] * rows
        if len(seeds) != rows:
            raise ConfigError(f"{len(seeds)} seeds were given for {rows} dialogues; give one for each")
        for each in seeds:
            if not 0 <= each < SEEDS:
                raise ConfigError(f"seed was {each}; it must lie in 0 to 2**60 - 1")
        key = np.array(seeds, dtype=np.uint64) | (_REALMS[realm] << _REALM_SHIFT)
        row = np.zeros(rows, dtype=np.uint32) if alone else np.arange(rows, dtype=np.uint32)
        return cls(key, row, np.zeros(rows, dtype=np.uint32))

    def __len__(self) -> int:
        return len(self.key)

    @property
    def seed(self) -> NDArray[np.uint64]:
        """`[N]` uint64, the seed of each row."""
        return self.key & np.uint64(SEEDS - 1)

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Streams:
        """The streams of some rows."""
        return Streams(self.key[index], self.row[index], self.episode[index])

    def uniform(self, purpose: str, turn: ArrayLike = 0, size: int = 1) -> NDArray[np.float64]:
        """Uniform draws in the open interval (0, 1).

        Args:
            purpose: name of what is drawn, e.g. `"users.rating"`; another name, another stream.
            turn: scalar or `[N]`, the row's turn, in `[0, 2**16)`.
            size: draws per row, at most 2**17.

        Returns:
            `[N, size]`, odd multiples of 2**-53, never 0 or 1.

        Raises:
            ValueError: a turn or a size beyond these bounds, where streams would meet.
        """
        blocks = -(-size // 2)  # a block of four 32-bit words makes two doubles
        rows, turns = len(self), np.asarray(turn)
        if blocks > _SIXTEEN_BITS or (turns.size and not 0 <= turns.min() <= turns.max() < _SIXTEEN_BITS):
            raise ValueError(f"a stream has 2**16 turns of 2**17 draws; turns up to {turns.max()} of {size} were asked")
        counter = np.empty((rows, blocks, 4), dtype=np.uint32)
        at = np.broadcast_to(turns.astype(np.uint32), rows) << _TURN_SHIFT
        counter[..., 0] = at[:, None] | np.arange(blocks, dtype=np.uint32)
        counter[..., 1] = self.row[:, None]
        counter[..., 2] = self.episode[:, None]
        counter[..., 3] = np.uint32(zlib.crc32(purpose.encode()))
        key = np.stack([self.key & _LOW, self.key >> _SHIFT], axis=-1).astype(np.uint32)
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
