"""Batched decoding over a key-value cache of windows, the same ids for a row in any batch.

What was said is read unconditioned, so it is kept by its words alone; the opening of the reply and
every token of it are conditioned. Three things keep a row's bits apart from its neighbours: rows
are packed for the matrix products, attention takes columns by sixteen, of which the unused change no
bits, and every row draws its own uniforms.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rlgen.generation.embedded.cache import COLUMN_STEP, HIDDEN, KeyValueCache
from rlgen.generation.embedded.frozen import Frozen
from rlgen.generation.embedded.model import rotary, rotate
from rlgen.generation.embedded.tokenizer import END, SUPPORTER
from rlgen.generation.sampling import sample

# Rows that a product needs before its bits stop depending on their number, in float32 and in bf16.
_FLOAT32_ROWS, _BF16_ROWS = 16, 2
# Numbers of rows are rounded up to these: the backend compiles and keeps a kernel for each size it meets.
_BATCH_STEP = 8
# Finished rows are dropped when less than this share of the batch is still speaking.
_COMPACT_BELOW = 0.75


@dataclass(frozen=True)
class Generated:
    """What the decoder made of N rows.

    Attributes:
        ids: `[N, reply]`, -1 from the end on.
        logprob: `[N]` float32, under the sampling distribution, the end included.
    """

    ids: Tensor
    logprob: Tensor


class Decoder:
    """Generates from frozen weights."""

    def __init__(self, frozen: Frozen, sayable: list[bool]) -> None:
        """Prepare masks.

        Args:
            frozen: the weights.
            sayable: for each id, whether a reply may hold it.
        """
        self.frozen = frozen
        shape, device = frozen.shape, frozen.device
        self._banned = torch.zeros(shape.vocabulary, device=device)
        self._banned[~torch.tensor(sayable, device=device)] = -torch.inf
        self._banned_first = self._banned.clone()
        self._banned_first[END] = -torch.inf  # a reply has at least one token
        self._least_rows = _FLOAT32_ROWS if frozen.dtype == torch.float32 else _BF16_ROWS

    def slots(self, rows: int) -> int:
        """Slots that a cache needs for N rows: a few more where the products ask for them."""
        return max(rows, self._least_rows)

    @torch.inference_mode()
    def generate(
        self,
        cache: KeyValueCache,
        affect: Tensor,
        tone: Tensor,
        weight: Tensor,
        temperature: Tensor,
        uniforms: Tensor,
    ) -> Generated:
        """Replies to the last utterances of the cache's first N dialogues.

        Args:
            cache: of at least `slots(N)` dialogues.
            affect: `[N, 8]`.
            tone: `[N, 2]`.
            weight: `[N]`, emotional weight.
            temperature: `[N]`.
            uniforms: `[N, reply]` uniforms in (0, 1), one for each token.
        """
        real = len(weight)
        rows = self.slots(real)
        if rows > real:  # rows that only keep the products wide enough
            affect, tone, weight, temperature, uniforms = (
                torch.cat([a, a[:1].expand(rows - real, *a.shape[1:])])
                for a in (affect, tone, weight, temperature, uniforms)
            )
        batch = _Batch(self.frozen, cache, rows, self.frozen.modulations(affect, tone, weight))
        reply, device = self.frozen.shape.reply, self.frozen.device
        made = torch.full((rows, reply), -1, dtype=torch.long, device=device)
        chosen = torch.ones(rows, reply, device=device)
        place = torch.arange(rows, device=device)  # which rows of the call are left in the batch
        live = place < real
        token = torch.full((rows,), SUPPORTER, dtype=torch.long, device=device)
        parts = made.clone(), chosen.clone()  # the results, of the rows that are left
        for t in range(reply):
            h = self._step(batch, token, t)
            logits = F.linear(h, self.frozen.embedding).float()
            logits += self._banned if t else self._banned_first
            probabilities = torch.softmax(logits / temperature[:, None], dim=-1)
            token = sample(probabilities, uniforms[:, t : t + 1])
            parts[1][:, t] = torch.where(live, probabilities.gather(1, token[:, None])[:, 0], 1.0)
            live = live & (token != END)
            parts[0][:, t] = torch.where(live, token, -1)
            left = int(live.sum())
            if left == 0:
                break
            least = max(left + -left % _BATCH_STEP, self._least_rows)
            if least < _COMPACT_BELOW * len(live):
                for whole, part in zip((made, chosen), parts, strict=True):
                    whole[place] = part
                # Finished rows stay only where the products need them.
                keep = torch.argsort(live, descending=True, stable=True)[:least]
                parts = parts[0][keep], parts[1][keep]
                temperature, uniforms, place, live, token = (
                    a[keep] for a in (temperature, uniforms, place, live, token)
                )
                batch.keep(keep)
        for whole, part in zip((made, chosen), parts, strict=True):
            whole[place] = part
        return Generated(made[:real], chosen[:real].log().sum(dim=1))

    def _step(self, batch: _Batch, token: Tensor, t: int) -> Tensor:
        """Hidden states `[N, width]` after one more token each, the t-th of the reply."""
        frozen, shape, rows = self.frozen, self.frozen.shape, len(token)
        stored, head, turning = shape.stored, shape.head, shape.heads + shape.stored
        scale, shift = batch.scale, batch.shift
        cos, sin = batch.cos[:, t], batch.sin[:, t]
        column = batch.column(t)
        size = (shape.width,)
        x = frozen.embedding[token]
        for i, layer in enumerate(frozen.layers):
            h = torch.addcmul(shift[2 * i], scale[2 * i], F.layer_norm(x, size, *layer.norm_attention))
            qkv = F.linear(h, layer.qkv).view(rows, turning + stored, head)
            turned = rotate(qkv[:, :turning], cos, sin)
            batch.keys[i][:, :, column] = turned[:, shape.heads :]
            batch.values[i][:, :, column] = qkv[:, turning:]
            k, v = (side[i].view(rows * stored, -1, head) for side in (batch.keys, batch.values))
            q = turned[:, : shape.heads].reshape(rows * stored, shape.shared, head)
            attention = torch.softmax(torch.baddbmm(batch.mask, q, k.transpose(1, 2)), dim=-1)
            x = x + F.linear(torch.bmm(attention, v).view(rows, shape.width), layer.out)
            h = torch.addcmul(shift[2 * i + 1], scale[2 * i + 1], F.layer_norm(x, size, *layer.norm_mlp))
            x = x + layer.feed_forward(h)
        return torch.addcmul(shift[-1], scale[-1], F.layer_norm(x, size, *frozen.norm))


class _Batch:
    """What decoding needs of the rows that are still speaking.

    Keys and values are the cache's own, with room for a few tokens of the reply, until rows are dropped or the
    room is used up: then they are copies.
    """

    def __init__(self, frozen: Frozen, cache: KeyValueCache, rows: int, modulations: tuple[Tensor, Tensor]) -> None:
        shape, device = frozen.shape, frozen.device
        self.scale, self.shift = modulations
        self.width = cache.width
        self.keys, self.values = ([layer[:rows] for layer in side] for side in (cache.keys, cache.values))
        length, position = (torch.from_numpy(a[:rows, None]).to(device) for a in (cache.length, cache.read))
        unused = torch.arange(cache.width, device=device) >= length
        window = torch.zeros(unused.shape, dtype=frozen.dtype, device=device).masked_fill_(unused, HIDDEN)
        mask = F.pad(window.repeat_interleave(shape.stored, dim=0), (0, COLUMN_STEP), value=HIDDEN)
        self.mask = mask[:, None]  # [rows * stored, 1, columns]
        self.cos, self.sin = rotary(position + torch.arange(shape.reply, device=device), shape.head, frozen.dtype)
        self._stored = shape.stored
        # Columns for all of a reply that is longer than the cache's own room; once, since sizes are compiled.
        rest = shape.reply - COLUMN_STEP
        self._rest = rest + -rest % COLUMN_STEP

    def column(self, t: int) -> int:
        """Make room for the t-th token of the reply, which sees itself.

        Returns:
            Its column.
        """
        column = self.width + t
        if column == self.mask.shape[-1]:
            self.keys, self.values = (
                [F.pad(layer, (0, 0, 0, self._rest)) for layer in side] for side in (self.keys, self.values)
            )
            self.mask = F.pad(self.mask, (0, self._rest), value=HIDDEN)
        self.mask[:, :, column] = 0
        return column

    def keep(self, rows: Tensor) -> None:
        """Drop all other rows."""
        self.keys, self.values = ([layer[rows] for layer in side] for side in (self.keys, self.values))
        self.scale, self.shift, self.cos, self.sin = (
            self.scale[:, rows],
            self.shift[:, rows],
            self.cos[rows],
            self.sin[rows],
        )
        self.mask = self.mask.view(-1, self._stored, *self.mask.shape[1:])[rows].flatten(0, 1)
