"""What a decoder keeps of N dialogues between its calls: keys and values, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from rlgen.generation.embedded.model import REACH, Shape

# Stands in columns that hold nothing: later than any position, before any exchange.
_NOWHERE: Final = 2**30
# Added to scores that must not count; finite, so that a row of nothing else stays finite.
HIDDEN: Final = -1e9
COLUMN_STEP: Final = 16


@dataclass(frozen=True)
class Chunk:
    """What N rows read at once: an utterance each, with the reply before it where there was one.

    Attributes:
        rows: `[N]` slots of the memory.
        ids: `[T]`, all rows end to end.
        row: `[T]` index into `rows` of each id.
        offset: `[T]` of each id in its row.
        lengths: `[N]` ids of each row.
        replied: `[N]` ids that belong to the reply.
    """

    rows: Tensor
    ids: Tensor
    row: Tensor
    offset: Tensor
    lengths: Tensor
    replied: Tensor


class Memory:
    """A ring of `prompt` columns for each dialogue, allocated once.

    Before the ring are `reply` columns for what is being said, the same for all rows; the token at
    position p of a dialogue is in column p mod `prompt` of the ring. What is said is read again as
    plain text when the dialogue goes on, so it is never kept.

    Attributes:
        slots: dialogues.
        keys, values: for each layer `[slots, stored, reply + prompt, head]`.
        position: `[slots, prompt]` of the token in each column.
        exchange: `[slots, prompt]` of that token; see `rlgen.generation.embedded.model.Layout`.
        reply: `[slots, prompt]` whether it belongs to a reply.
        length: `[slots]` tokens read so far.
        exchanges: `[slots]` exchanges read so far.
    """

    def __init__(self, shape: Shape, slots: int, device: torch.device, dtype: torch.dtype) -> None:
        self._shape = shape
        self.slots = slots
        size = (slots, shape.stored, shape.reply + shape.prompt, shape.head)
        self.keys, self.values = (
            [torch.zeros(size, dtype=dtype, device=device) for _ in range(shape.layers)] for _ in range(2)
        )
        self._dtype = dtype
        self.position = torch.full((slots, shape.prompt), _NOWHERE, device=device)
        self.exchange = torch.full((slots, shape.prompt), -_NOWHERE, device=device)
        self.reply = torch.zeros(slots, shape.prompt, dtype=torch.bool, device=device)
        self.length = torch.zeros(slots, dtype=torch.long, device=device)
        self.exchanges = torch.zeros(slots, dtype=torch.long, device=device)

    def forget(self, rows: Tensor) -> None:
        """Begin new dialogues in some slots `[K]`."""
        self.position[rows] = _NOWHERE
        self.exchange[rows] = -_NOWHERE
        self.length[rows] = 0
        self.exchanges[rows] = 0

    def enter(self, chunk: Chunk) -> tuple[Tensor, Tensor]:
        """Make room for a chunk; whatever exchange it overwrites a part of is gone as a whole.

        Returns:
            Of each id its column and its position, `[T]`.
        """
        at = chunk.rows[chunk.row]
        position = self.length[at] + chunk.offset
        column = position % self._shape.prompt
        now = self.exchanges[at]
        # Whatever exchange stood there is older than all that is left.
        gone = torch.full_like(self.length, -_NOWHERE).scatter_reduce(0, at, self.exchange[at, column], "amax")
        self.exchange.masked_fill_(self.exchange <= gone[:, None], -_NOWHERE)
        self.position[at, column] = position
        self.exchange[at, column] = now
        self.reply[at, column] = chunk.offset < chunk.replied[chunk.row]
        self.length[chunk.rows] += chunk.lengths
        self.exchanges[chunk.rows] += 1
        return column, position

    def used(self, rows: int) -> int:
        """Columns of the ring that the first slots use, rounded up.

        Leaving out the others changes no bits: the backend's products and its softmax take 16 columns at a time.
        """
        used = int(self.length[:rows].max())
        return min(used + -used % COLUMN_STEP, self._shape.prompt)

    def mask(self, rows: Tensor) -> Tensor:
        """What the newest exchange of some slots sees of the ring, `[K, prompt]`: 0, or `HIDDEN`."""
        back = self.exchanges[rows, None] - 1 - self.exchange[rows]
        seen = (back >= 0) & (back <= REACH) & ~((back == REACH) & self.reply[rows])
        return torch.zeros(seen.shape, dtype=self._dtype, device=seen.device).masked_fill_(~seen, HIDDEN)
