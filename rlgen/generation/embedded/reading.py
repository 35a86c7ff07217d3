"""Reading: what was said enters the memory, unconditioned, so that it depends on the words alone.

Matrix products see the tokens of all rows end to end (their rows do not depend on each other in bf16,
and in float32 from a dozen rows on); attention takes columns by sixteen, of which the unused change
no bits. So what a row remembers does not depend on its neighbours.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.memory import HIDDEN, Chunk, Memory
from rlgen.generation.embedded.model import rotary, rotate
from rlgen.types import I64

# Numbers of tokens are rounded up to these: the backend compiles and keeps a kernel for each size it meets.
_TOTAL_STEP: Final = 128
_QUERY_STEP: Final = 16


def read(frozen: Frozen, memory: Memory, chunk: Chunk) -> None:
    """Read one more chunk into the memory."""
    shape, rows, device = frozen.shape, len(chunk.rows), frozen.device
    heads, stored, head = shape.heads, shape.stored, shape.head
    left = memory.enter(chunk)
    own = np.repeat(np.arange(rows), chunk.lengths)
    place = np.arange(len(chunk.ids)) - np.repeat(np.cumsum(chunk.lengths) - chunk.lengths, chunk.lengths)
    begins = memory.read[chunk.rows] - chunk.lengths
    arrays = chunk.ids, own, chunk.rows[own], place, left[own] + place, begins[own] + place
    short = -len(own) % _TOTAL_STEP  # more copies of the last token: they write what it writes

    def tensor(array: I64) -> Tensor:
        return torch.from_numpy(np.concatenate([array, np.full(short, array[-1])])).to(device)

    ids, row, slot, offset, column, position = map(tensor, arrays)
    length = int(chunk.lengths.max())
    length += -length % _QUERY_STEP
    # Rows in their order from the first on, the usual case, need no copy of their memory.
    in_order = bool((chunk.rows == np.arange(rows)).all())
    kept = slice(rows) if in_order else torch.from_numpy(chunk.rows).to(device)
    columns = memory.keys[0].shape[2]
    seen = torch.from_numpy(left[:, None] + np.arange(length)).to(device)  # the last column that a token sees
    later = torch.arange(columns, device=device) > seen[:, :, None]
    hidden = torch.zeros(later.shape, dtype=frozen.dtype, device=device).masked_fill_(later, HIDDEN)
    hidden = hidden[:, None, None].expand(-1, stored, shape.shared, -1, -1).reshape(rows * stored, -1, columns)

    def of_rows(cache: Tensor) -> Tensor:
        return cache[kept].reshape(rows * stored, columns, head)

    cos, sin = rotary(position, head, frozen.dtype)
    x = frozen.embedding[ids]
    for i, layer in enumerate(frozen.layers):
        last = i == shape.layers - 1  # of which only keys and values are needed
        asking = 0 if last else heads
        h = F.layer_norm(x, (shape.width,), *layer.norm_attention)
        qkv = F.linear(h, layer.qkv[(heads - asking) * head :]).view(-1, asking + 2 * stored, head)
        turned = rotate(qkv[:, : asking + stored], cos, sin)
        memory.keys[i][slot, :, column] = turned[:, asking:]
        memory.values[i][slot, :, column] = qkv[:, asking + stored :]
        if last:
            break
        q = torch.zeros(rows, heads, length, head, dtype=frozen.dtype, device=device)
        q[row, :, offset] = turned[:, :heads]
        q = q.view(rows * stored, shape.shared * length, head)
        attention = torch.softmax(torch.baddbmm(hidden, q, of_rows(memory.keys[i]).transpose(1, 2)), dim=-1)
        mixed = torch.bmm(attention, of_rows(memory.values[i])).view(rows, heads, length, head)
        x = x + F.linear(mixed[row, :, offset].reshape(-1, shape.width), layer.out)
        h = F.layer_norm(x, (shape.width,), *layer.norm_mlp)
        x = x + F.linear(F.gelu(F.linear(h, layer.up)), layer.down)
