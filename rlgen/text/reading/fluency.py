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

from rlgen.text.encoding.piece_vectors import piece_vectors
from rlgen.text.encoding.wordpieces import VOCABULARY, word_pieces

DEPTH: Final = 48
HIDDEN: Final = 96
REACH: Final = 4  # a position sees this many pieces to each side
GAP: Final = VOCABULARY  # stands between texts
_ALIGN: Final = 32  # rows of matrix products; see rlgen.text.encoding.minilm


def stream_of(lists: Sequence[NDArray[np.integer]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Texts laid end to end with gaps wide enough that none sees its neighbour.

    Args:
        lists: word-piece ids of each text, at least one each.

    Returns:
        The stream `[T]`, and where each text starts in it.
    """
    gap = np.full(REACH, GAP, dtype=np.int64)
    parts = [gap]
    for ids in lists:
        parts += [ids.astype(np.int64), gap]
    lengths = np.array([len(ids) for ids in lists], dtype=np.int64)
    return np.concatenate(parts), REACH + np.cumsum(lengths + REACH) - (lengths + REACH)


class Net(torch.nn.Module):
    """A projection of frozen word embeddings, two convolutions over them, a logit per piece.

    The frozen embeddings know all words alike, so that a rare word in its place reads as well as a
    frequent one, and only the projection has to be stored.
    """

    def __init__(self) -> None:
        super().__init__()
        self.project = torch.nn.Linear(384, DEPTH, bias=False)
        self.first = torch.nn.Linear(5 * DEPTH, HIDDEN)
        self.second = torch.nn.Linear(3 * HIDDEN, HIDDEN)
        self.out = torch.nn.Linear(HIDDEN, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Logits that each piece fits.

        Args:
            vectors: `[T, DEPTH]` projected pieces of a stream.

        Returns:
            `[T - 2 * REACH]`, for all but the outermost pieces.
        """
        x = vectors
        x = torch.relu(self.first(torch.cat([x[i : len(x) - 4 + i] for i in range(5)], dim=1)))
        x = torch.relu(self.second(torch.cat([x[i : len(x) - 4 + i] for i in (0, 2, 4)], dim=1)))
        logits: Tensor = self.out(x)[:, 0]
        return logits


@dataclass(frozen=True)
class Fluency:
    """The frozen net and its calibration.

    Attributes:
        net: in eval mode.
        table: `[VOCABULARY + 1, DEPTH]`, the projected pieces.
        floor: raw score that reads as 0, the median of human words in random order.
        ceiling: raw score that reads as 1, the upper quartile of human texts.
    """

    net: Net
    table: Tensor
    floor: float
    ceiling: float

    @classmethod
    def of(cls, net: Net, floor: float = 0.0, ceiling: float = 1.0) -> Fluency:
        """Freeze a net."""
        net = net.eval().requires_grad_(False)
        return cls(net, net.project(piece_vectors()), floor, ceiling)

    @torch.inference_mode()
    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Mean over a text's pieces of the probability that the piece fits, `[N]`."""
        lists = [ids[1:] for ids in word_pieces().lists(texts)]
        stream, starts = stream_of(lists)
        stream = np.concatenate([stream, np.full(-(len(stream) - 2 * REACH) % _ALIGN, GAP)])
        fits = torch.sigmoid(self.net(self.table[torch.from_numpy(stream)])).numpy()
        lengths = np.array([len(ids) for ids in lists])
        first = starts - REACH
        # Every second sum is over the gap that follows a text.
        edges = np.stack([first, first + lengths], axis=1).ravel()
        sums = np.add.reduceat(np.append(fits, np.float32(0.0)), edges)[::2]
        return np.asarray(sums / lengths, dtype=np.float32)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Fluency `[N]` in [0, 1]."""
        if not len(texts):
            return np.zeros(0, dtype=np.float32)
        scaled = (self.raw(texts) - self.floor) / (self.ceiling - self.floor)
        return np.asarray(np.clip(scaled, 0.0, 1.0), dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As half-precision arrays by name."""
        state = {f"fluency.{name}": tensor.half().numpy() for name, tensor in self.net.state_dict().items()}
        return {**state, "fluency.range": np.array([self.floor, self.ceiling], dtype=np.float32)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Fluency:
        """The inverse of `arrays`."""
        net = Net()
        net.load_state_dict({name: torch.from_numpy(arrays[f"fluency.{name}"]).float() for name in net.state_dict()})
        floor, ceiling = (float(x) for x in arrays["fluency.range"])
        return cls.of(net, floor, ceiling)
