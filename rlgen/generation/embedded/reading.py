"""Reading: what was said enters the memory, unconditioned, so that it depends on the words alone.

Matrix products see the tokens of all rows end to end (their rows do not depend on each other in bf16,
and in float32 from a dozen rows on); attention takes columns by sixteen, of which the unused change
no bits. So what a row remembers does not depend on its neighbours.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.memory import HIDDEN, Chunk, Memory
from rlgen.generation.embedded.model import rotary, rotate

# Numbers of tokens are rounded up to these: the backend compiles and keeps a kernel for each size it meets.
_TOTAL_STEP: Final = 128
_QUERY_STEP: Final = 16


def read(frozen: Frozen, memory: Memory, chunk: Chunk) -> None:
    """Read one more chunk into the memory."""
    shape, rows = frozen.shape, len(chunk.rows)
    heads, stored, head = shape.heads, shape.stored, shape.head
    column, position = memory.enter(chunk)
    slot, row, offset, ids = chunk.rows[chunk.row], chunk.row, chunk.offset, chunk.ids
    short = -len(ids) % _TOTAL_STEP
    if short:  # more copies of the last token: they write what it writes
        ids, row, slot, offset, column, position = (
            torch.cat([a, a[-1:].expand(short)]) for a in (ids, row, slot, offset, column, position)
        )
    length = int(chunk.lengths.max())
    length += -length % _QUERY_STEP
    # Rows in their order from the first on, the usual case, need no copy of their memory.
    kept = slice(rows) if bool((chunk.rows == torch.arange(rows, device=ids.device)).all()) else chunk.rows
    used = memory.used(memory.slots)
    at = torch.full((rows, length), -1, dtype=torch.long, device=ids.device)
    at[row, offset] = position
    later = memory.position[kept, None, :used] > at[:, :, None]
    hidden = memory.mask(chunk.rows)[:, None, :used].masked_fill(later, HIDDEN)  # [N, length, used]
    hidden = hidden.repeat_interleave(stored, dim=0).repeat(1, shape.shared, 1)
    columns = slice(shape.reply, shape.reply + used)
    column = column + shape.reply

    def of_rows(cache: Tensor) -> Tensor:
        return cache[kept, :, columns].reshape(rows * stored, used, head)

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
        q = torch.zeros(rows, heads, length, head, dtype=frozen.dtype, device=x.device)
        q[row, :, offset] = turned[:, :heads]
        q = q.view(rows * stored, shape.shared * length, head)
        attention = torch.softmax(torch.baddbmm(hidden, q, of_rows(memory.keys[i]).transpose(1, 2)), dim=-1)
        mixed = torch.bmm(attention, of_rows(memory.values[i])).view(rows, heads, length, head)
        x = x + F.linear(mixed[row, :, offset].reshape(-1, shape.width), layer.out)
        h = F.layer_norm(x, (shape.width,), *layer.norm_mlp)
        x = x + F.linear(F.gelu(F.linear(h, layer.up)), layer.down)
