"""Texts laid end to end, and by fixed widths where attention needs one text per row."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROWS: Final = 32  # end to end there is a multiple of this many tokens; fp32 products change their kernel below 12
_WIDTHS: Final = (32, 64, 128)  # of attention, in tokens


class Group(NamedTuple):
    """Texts that share an attention width.

    Attributes:
        gather: `[n * width]` position in the flat tokens of each cell; padded cells repeat the last.
        cells: which cells are real tokens, `[t]`.
        tokens: their positions in the flat tokens, `[t]`.
        bias: `[n, 1, 1, width]`, hides padded keys.
        width: cells per text.
    """

    gather: Tensor
    cells: Tensor
    tokens: Tensor
    bias: Tensor
    width: int


def groups(lengths: NDArray[np.int64], starts: NDArray[np.int64], most: int, device: torch.device) -> list[Group]:
    """Each text in the smallest width that holds it, which depends on the text alone.

    Args:
        lengths: `[N]` tokens of each text, 1 to 128.
        starts: `[N]` position of its first one.
        most: cells of one group; it bounds the memory of the scores.
        device: where the arrays go.
    """
    found = []
    floor = 0
    for width in _WIDTHS:
        fitting = np.flatnonzero((lengths > floor) & (lengths <= width))
        floor = width
        for first in range(0, len(fitting), most // width):
            chosen = fitting[first : first + most // width]
            length, cell = lengths[chosen, None], np.arange(width)
            gather = starts[chosen, None] + np.minimum(cell, length - 1)
            real = cell < length
            bias = np.where(real, 0.0, -1e9).astype(np.float32)[:, None, None, :]
            arrays = (gather.ravel(), np.flatnonzero(real), gather[real], bias)
            every, cells, tokens, hidden = (torch.from_numpy(array).to(device) for array in arrays)
            found.append(Group(every, cells, tokens, hidden, width))
    return found
