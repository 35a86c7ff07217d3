"""The key-value cache of N dialogues: what a decoder keeps between its calls, for what their next replies see."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from rlgen.generation.embedded.model import REACH, Shape
from rlgen.types import I64

# Added to scores that must not count; finite, so that a row of nothing else stays finite.
HIDDEN: Final = -1e9
# Columns are taken by so many: the backend's products and its softmax do the same with these whatever comes after.
COLUMN_STEP: Final = 16
# Widths are rounded up to these: in bf16 the backend compiles and keeps a kernel for each size it meets.
_WIDTH_STEP: Final = 32


class KeyValueCache:
    """Keys and values of each dialogue's window: a contiguous suffix of it, from column 0 on.

    A window is the newest exchange, the one before it, and the utterance of the one before that, as far as whole
    exchanges fit into `Shape.prompt`. Where it begins does not depend on other rows, and columns behind the longest
    window change no bits, so neither does anything that a row computes. The last `COLUMN_STEP` columns are for the
    reply that is being said; what is said is read again as plain text when the dialogue goes on, so it is never kept.

    Attributes:
        slots: dialogues.
        keys, values: for each layer `[slots, stored, width + COLUMN_STEP, head]`.
        width: columns of the longest window, rounded up.
        length: `[slots]` tokens of each window.
        read: `[slots]` tokens of each dialogue that were read so far: the position of the next one.
    """

    def __init__(self, shape: Shape, slots: int, device: torch.device, dtype: torch.dtype) -> None:
        self._shape, self._device = shape, device
        self.slots = slots
        self.width = 0
        self.keys, self.values = (
            [
                torch.zeros(slots, shape.stored, COLUMN_STEP, shape.head, dtype=dtype, device=device)
                for _ in range(shape.layers)
            ]
            for _ in range(2)
        )
        self.length: I64 = np.zeros(slots, dtype=np.int64)
        self.read: I64 = np.zeros(slots, dtype=np.int64)
        # Ids of the newest exchanges, newest last, and how many of them are the reply's; 0 where there was none.
        self._sizes: I64 = np.zeros((slots, REACH + 1), dtype=np.int64)
        self._replied: I64 = np.zeros((slots, REACH + 1), dtype=np.int64)

    def forget(self, rows: NDArray[np.integer]) -> None:
        """Begin new dialogues in some slots `[K]`."""
        for array in (self.length, self.read, self._sizes, self._replied):
            array[rows] = 0

    def extend(self, rows: I64, lengths: I64, replied: I64) -> I64:
        """Make room for an exchange each behind what is left in the windows of some rows.

        Args:
            rows: `[N]` slots.
            lengths: `[N]` ids of each exchange, at most the window.
            replied: `[N]` ids of it that belong to the reply.

        Returns:
            `[N]` tokens that are left: the column of each row's first id.
        """
        for kept, new in ((self._sizes, lengths), (self._replied, replied)):
            kept[rows] = np.concatenate([kept[rows, 1:], new[:, None]], axis=1)
        sizes = self._sizes[rows]
        suffix = np.cumsum(sizes[:, ::-1], axis=1)  # from the newest exchange back
        fits = (sizes[:, ::-1] > 0) & (suffix <= self._shape.prompt)
        suffix[:, REACH] -= self._replied[rows, 0]
        window = np.where(fits, suffix, 0).max(axis=1)
        left = window - lengths
        dropped = np.zeros(self.slots, dtype=np.int64)
        dropped[rows] = self.length[rows] - left
        self.length[rows] = window
        self.read[rows] += lengths
        self._lay(dropped)
        return np.asarray(left)

    def _lay(self, dropped: I64) -> None:
        """Move each window's columns to the front by what was dropped from its beginning."""
        held = self.width + COLUMN_STEP
        longest = int(self.length.max())
        self.width = longest + -longest % _WIDTH_STEP
        # What stands behind a window means nothing; it is taken from some column that exists.
        column = np.minimum(np.arange(self.width + COLUMN_STEP) + dropped[:, None], held - 1)
        first = np.arange(self.slots * self._shape.stored).reshape(self.slots, -1) * held
        index = torch.from_numpy((first[:, :, None] + column[:, None]).ravel()).to(self._device)
        for side in (self.keys, self.values):
            for i, layer in enumerate(side):
                flat = layer.view(-1, self._shape.head)
                side[i] = flat.index_select(0, index).view(self.slots, self._shape.stored, -1, self._shape.head)
