"""Fluency: the share of a text's word pieces that fit where they stand.

A small convolution over word pieces, trained as in ELECTRA (Clark et al., ICLR 2020) to tell at
every position whether a human wrote the piece there or a corruption put it there. It reads nothing
but the text, so a reply that was sampled too hot shows in its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlgen.text.wordpieces import VOCABULARY, word_pieces

KNOWN: Final = 8000  # word pieces with a vector of their own
RARE: Final = 191  # vectors that all other pieces share by hash
ROWS: Final = KNOWN + RARE + 1  # the last row is the gap between texts
GAP: Final = ROWS - 1
DEPTH: Final = 24
HIDDEN: Final = 64
REACH: Final = 3  # a position sees this many pieces to each side
_ALIGN: Final = 32  # rows of matrix products; see rlgen.text.minilm


def stream_of(lists: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Texts laid end to end with gaps wide enough that none sees its neighbour.

    Args:
        lists: rows of the embedding for each text, at least one each.

    Returns:
        The stream `[T]`, and where each text starts in it.
    """
    gap = np.full(REACH, GAP, dtype=np.int64)
    parts = [gap]
    for rows in lists:
        parts += [rows, gap]
    lengths = np.array([len(rows) for rows in lists], dtype=np.int64)
    return np.concatenate(parts), REACH + np.cumsum(lengths + REACH) - (lengths + REACH)


class Net(torch.nn.Module):
    """Embedding, a convolution over five pieces, one over three, a logit per piece."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(ROWS, DEPTH)
        self.first = torch.nn.Linear(5 * DEPTH, HIDDEN)
        self.second = torch.nn.Linear(3 * HIDDEN, HIDDEN)
        self.out = torch.nn.Linear(HIDDEN, 1)

    def forward(self, stream: Tensor) -> Tensor:
        """Logits `[T - 2 * REACH]` that each inner piece fits; `stream` is `[T]`."""
        x = self.embedding(stream)
        x = torch.relu(self.first(torch.cat([x[i : len(x) - 4 + i] for i in range(5)], dim=1)))
        x = torch.relu(self.second(torch.cat([x[i : len(x) - 2 + i] for i in range(3)], dim=1)))
        logits: Tensor = self.out(x)[:, 0]
        return logits


def rows_of_pieces(known: NDArray[np.integer]) -> NDArray[np.int64]:
    """Row of the embedding for each of the `VOCABULARY` pieces, given the `KNOWN` frequent ones."""
    rows = KNOWN + np.arange(VOCABULARY, dtype=np.int64) % RARE
    rows[known] = np.arange(len(known))
    return rows


@dataclass(frozen=True)
class Fluency:
    """The frozen net and its calibration.

    Attributes:
        net: in eval mode.
        rows: `[VOCABULARY]` row of each piece.
        floor: raw score that reads as 0, the median of human words in random order.
        ceiling: raw score that reads as 1, the upper quartile of human texts.
    """

    net: Net
    rows: NDArray[np.int64]
    floor: float
    ceiling: float

    @torch.inference_mode()
    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Geometric mean over a text's pieces of the probability that the piece fits, `[N]`."""
        lists = [self.rows[ids[1:]] for ids in word_pieces().lists(texts)]
        stream, starts = stream_of(lists)
        stream = np.concatenate([stream, np.full(-(len(stream) - 2 * REACH) % _ALIGN, GAP)])
        fits = functional.logsigmoid(self.net(torch.from_numpy(stream))).numpy()
        lengths = np.array([len(rows) for rows in lists])
        first = starts - REACH
        # Every second sum is over the gap that follows a text.
        edges = np.stack([first, first + lengths], axis=1).ravel()
        sums = np.add.reduceat(np.append(fits, np.float32(0.0)), edges)[::2]
        return np.asarray(np.exp(sums / lengths), dtype=np.float32)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Fluency `[N]` in [0, 1]."""
        if not len(texts):
            return np.zeros(0, dtype=np.float32)
        return np.clip((self.raw(texts) - self.floor) / (self.ceiling - self.floor), 0.0, 1.0).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As half-precision arrays by name."""
        known = np.full(KNOWN, 0, dtype=np.uint16)
        pieces = np.flatnonzero(self.rows < KNOWN)
        known[self.rows[pieces]] = pieces
        state = {f"fluency.{name}": tensor.half().numpy() for name, tensor in self.net.state_dict().items()}
        return {
            **state,
            "fluency.known": known,
            "fluency.range": np.array([self.floor, self.ceiling], dtype=np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Fluency:
        """The inverse of `arrays`."""
        net = Net()
        net.load_state_dict({name: torch.from_numpy(arrays[f"fluency.{name}"]).float() for name in net.state_dict()})
        floor, ceiling = (float(x) for x in arrays["fluency.range"])
        rows = rows_of_pieces(arrays["fluency.known"].astype(np.int64))
        return cls(net.eval().requires_grad_(False), rows, floor, ceiling)
