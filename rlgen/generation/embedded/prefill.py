"""Prefilling: what was said enters the key-value cache, unconditioned, so that it depends on the words alone.

A dialogue that goes on costs its new exchange, and nothing else of it is read again.

Matrix products see the tokens of all rows end to end (their rows do not depend on each other in bf16,
and in float32 from a dozen rows on); attention takes columns by sixteen, of which the unused change
no bits. So what is kept of a row does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rlgen.generation.embedded.cache import HIDDEN, KeyValueCache
from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.model import rotary, rotate
from rlgen.generation.embedded.window import ContextTokenizer, pack
from rlgen.types import I64

# Numbers of tokens are rounded up to these: the backend compiles and keeps a kernel for each size it meets.
_TOTAL_STEP: Final = 128
_QUERY_STEP: Final = 16


class Prefiller:
    """Keeps the cache of the dialogues of the last call, and brings it up to those of the next.

    A dialogue that goes on costs its new exchange; one that began anew, or that stands in another
    row than before, is read from its beginning, in the same portions and so to the same bits.

    Args:
        frozen: the weights that read.
        slots: slots that a cache needs for N rows.
        contexts: texts to ids.
    """

    def __init__(self, frozen: Frozen, slots: Callable[[int], int], contexts: ContextTokenizer) -> None:
        self._frozen, self._slots, self._contexts = frozen, slots, contexts
        self._cache: KeyValueCache | None = None
        self._known: list[list[str]] = []

    @torch.inference_mode()
    def prefill(self, dialogues: Sequence[Sequence[str]]) -> KeyValueCache:
        """The cache, its first N slots up to N dialogues."""
        rows, frozen = len(dialogues), self._frozen
        if self._cache is None or self._cache.slots < self._slots(rows):
            self._cache = KeyValueCache(frozen.shape, self._slots(rows), frozen.device, frozen.dtype)
            self._known = [[] for _ in range(self._cache.slots)]
        cache = self._cache
        goes_on = [
            0 < len(known) < len(texts) and (len(texts) - len(known)) % 2 == 0 and known == list(texts[: len(known)])
            for known, texts in zip(self._known, dialogues, strict=False)
        ]
        anew = np.flatnonzero(~np.array(goes_on))
        if len(anew):
            cache.forget(anew)
        fresh = [
            list(texts[len(known) :] if on else texts)
            for on, known, texts in zip(goes_on, self._known, dialogues, strict=False)
        ]
        waiting = self._contexts.exchanges(fresh)
        self._known[:rows] = [[] for _ in dialogues]  # until all is read: a call that breaks off is not believed
        for portion in range(max(map(len, waiting))):
            left = [row for row, exchanges in enumerate(waiting) if len(exchanges) > portion]
            read(frozen, cache, np.array(left), *pack([waiting[row][portion] for row in left]))
        self._known[:rows] = [list(texts) for texts in dialogues]
        return cache


def read(frozen: Frozen, cache: KeyValueCache, slots: I64, ids: I64, lengths: I64, replied: I64) -> None:
    """Read one more exchange of N dialogues into their cache.

    Args:
        frozen: the weights.
        cache: takes up keys and values.
        slots: `[N]` of the cache.
        ids: `[T]`, all rows end to end.
        lengths: `[N]` ids of each row, at most the window.
        replied: `[N]` ids that belong to the reply.
    """
    shape, rows, device = frozen.shape, len(slots), frozen.device
    heads, stored, head = shape.heads, shape.stored, shape.head
    left = cache.extend(slots, lengths, replied)
    own = np.repeat(np.arange(rows), lengths)
    place = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    begins = cache.read[slots] - lengths
    arrays = ids, own, slots[own], place, left[own] + place, begins[own] + place
    short = -len(own) % _TOTAL_STEP  # more copies of the last token: they write what it writes

    def tensor(array: I64) -> Tensor:
        return torch.from_numpy(np.concatenate([array, np.full(short, array[-1])])).to(device)

    tokens, row, slot, offset, column, position = map(tensor, arrays)
    length = int(lengths.max())
    length += -length % _QUERY_STEP
    # Rows in their order from the first on, the usual case, need no copy of their cache.
    in_order = bool((slots == np.arange(rows)).all())
    kept = slice(rows) if in_order else torch.from_numpy(slots).to(device)
    columns = cache.keys[0].shape[2]
    seen = torch.from_numpy(left[:, None] + np.arange(length)).to(device)  # the last column that a token sees
    later = torch.arange(columns, device=device) > seen[:, :, None]
    hidden = torch.zeros(later.shape, dtype=frozen.dtype, device=device).masked_fill_(later, HIDDEN)
    hidden = hidden[:, None, None].expand(-1, stored, shape.shared, -1, -1).reshape(rows * stored, -1, columns)

    def of_rows(side: Tensor) -> Tensor:
        return side[kept].reshape(rows * stored, columns, head)

    cos, sin = rotary(position, head, frozen.dtype)
    x = frozen.embedding[tokens]
    for i, layer in enumerate(frozen.layers):
        last = i == shape.layers - 1  # of which only keys and values are needed
        asking = 0 if last else heads
        h = F.layer_norm(x, (shape.width,), *layer.norm_attention)
        qkv = F.linear(h, layer.qkv[(heads - asking) * head :]).view(-1, asking + 2 * stored, head)
        turned = rotate(qkv[:, : asking + stored], cos, sin)
        cache.keys[i][slot, :, column] = turned[:, asking:]
        cache.values[i][slot, :, column] = qkv[:, asking + stored :]
        if last:
            break
        q = torch.zeros(rows, heads, length, head, dtype=frozen.dtype, device=device)
        q[row, :, offset] = turned[:, :heads]
        q = q.view(rows * stored, shape.shared * length, head)
        attention = torch.softmax(torch.baddbmm(hidden, q, of_rows(cache.keys[i]).transpose(1, 2)), dim=-1)
        mixed = torch.bmm(attention, of_rows(cache.values[i])).view(rows, heads, length, head)
        x = x + F.linear(mixed[row, :, offset].reshape(-1, shape.width), layer.out)
        h = F.layer_norm(x, (shape.width,), *layer.norm_mlp)
        x = x + layer.feed_forward(h)
