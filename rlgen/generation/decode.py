"""Batched decoding with a static cache of keys and values, the same ids for a row in any batch.

The prompt is read unconditioned, so its keys and values depend on its text alone; the opening of
the reply and every token of it are conditioned. Three things keep a row's bits apart from its
neighbours: prompts are packed end to end for the matrix products (whose rows do not depend on
each other in bf16, and in float32 from a dozen rows on), attention has fixed lengths, and
every row draws its own uniforms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rlgen.generation.model import Conditioner, Shape, rotary, rotate
from rlgen.generation.tokenizer import END, PERSON, SUPPORTER

# Rows that a float32 product needs before its bits stop depending on their number.
_FLOAT32_ROWS = 16
# Sizes of products are rounded up to these: the backend compiles and keeps a kernel for each size it meets.
_PROMPT_STEP = 128
_BATCH_STEP = 8
# Added to scores that must not count; finite, so that a row of nothing else stays finite.
_HIDDEN = -1e9
# Finished rows are dropped when less than this share of the batch is still speaking.
_COMPACT_BELOW = 0.75


@dataclass
class _Layer:
    """Weights of one layer in the decoder's type; the query part of `qkv` holds the attention scale."""

    norm_attention: tuple[Tensor, Tensor]
    qkv: Tensor
    out: Tensor
    norm_mlp: tuple[Tensor, Tensor]
    up: Tensor
    down: Tensor


@dataclass(frozen=True)
class Spoken:
    """What the decoder made of N rows.

    Attributes:
        ids: `[N, reply]`, -1 from the end on.
        hidden: `[N, width]` float32, last hidden state.
        logprob: `[N]` float32, under the sampling distribution, the end included.
    """

    ids: Tensor
    hidden: Tensor
    logprob: Tensor


class Decoder:
    """Frozen weights, ready to speak.

    Attributes:
        shape: sizes.
        dtype: type of weights and activations; sampling is float32.
    """

    def __init__(
        self, shape: Shape, tensors: Mapping[str, Tensor], sayable: list[bool], device: torch.device, dtype: torch.dtype
    ) -> None:
        """Take over the tensors of a `Network`.

        Args:
            shape: its sizes.
            tensors: its state, by name.
            sayable: for each id, whether a reply may hold it.
            device: where to run.
            dtype: in which type.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: a tensor has the wrong shape.
        """
        self.shape, self.device, self.dtype = shape, device, dtype
        w = {name: t.to(device=device, dtype=torch.float32) for name, t in tensors.items()}
        self._conditioner = Conditioner(shape).to(device)
        self._conditioner.load_state_dict(
            {name.removeprefix("conditioner."): t for name, t in w.items() if name.startswith("conditioner.")}
        )
        self._conditioner.requires_grad_(False).eval().to(dtype)

        def norm(name: str) -> tuple[Tensor, Tensor]:
            return w[f"{name}.weight"].to(dtype), w[f"{name}.bias"].to(dtype)

        self._layers = []
        for i in range(shape.layers):
            qkv = w[f"layers.{i}.qkv.weight"].clone()
            qkv[: shape.width] *= shape.head**-0.5
            out, up, down = (w[f"layers.{i}.{name}.weight"].to(dtype) for name in ("out", "up", "down"))
            before, between = (norm(f"layers.{i}.{name}") for name in ("norm_attention", "norm_mlp"))
            self._layers.append(_Layer(before, qkv.to(dtype), out, between, up, down))
        self._norm = norm("norm")
        self._embedding = w["embedding.weight"].to(dtype)
        self._cos, self._sin = rotary(shape.prompt + shape.reply, shape.head, device, dtype)
        banned = torch.zeros(shape.vocabulary, device=device)
        banned[~torch.tensor(sayable, device=device)] = -torch.inf
        self._banned = banned
        window = shape.prompt + shape.reply
        self._future = torch.full((window, window), _HIDDEN, device=device, dtype=dtype).triu(1)
        self._banned_first = banned.clone()
        self._banned_first[END] = -torch.inf  # a reply has at least one token
        self._least_rows = _FLOAT32_ROWS if dtype == torch.float32 else 1

    def tensors(self) -> dict[str, Tensor]:
        """All weights by name, as they are in memory now."""
        found = {f"conditioner.{name}": t for name, t in self._conditioner.state_dict().items()}
        for i, w in enumerate(self._layers):
            own = (*w.norm_attention, w.qkv, w.out, *w.norm_mlp, w.up, w.down)
            found |= {f"layers.{i}.{part}": t for part, t in enumerate(own)}
        return {**found, "norm.weight": self._norm[0], "norm.bias": self._norm[1], "embedding": self._embedding}

    @torch.inference_mode()
    def speak(
        self, ids: Tensor, lengths: Tensor, affect: Tensor, tone: Tensor, weight: Tensor, temperature: Tensor, u: Tensor
    ) -> Spoken:
        """Replies to N prompts.

        Args:
            ids: `[T]`, the prompts end to end.
            lengths: `[N]`, of the prompts, each at least 1.
            affect: `[N, 8]`.
            tone: `[N, 2]`.
            weight: `[N]`, emotional weight.
            temperature: `[N]`.
            u: `[N, reply]` uniforms in (0, 1), one for each token.
        """
        rows = len(lengths)
        short = max(0, self._least_rows - rows)
        if short:  # rows that only keep the products wide enough
            ids = torch.cat([ids, ids.new_full((short,), PERSON)])
            lengths = torch.cat([lengths, lengths.new_ones(short)])
            affect, tone, weight, temperature, u = (
                torch.cat([a, a[:1].expand(short, *a.shape[1:])]) for a in (affect, tone, weight, temperature, u)
            )
        modulation = self._conditioner(affect.to(self.dtype), tone.to(self.dtype))
        w = weight.to(self.dtype)[:, None]
        scale, shift = torch.addcmul(torch.ones_like(w), modulation[:, 0], w), modulation[:, 1] * w
        keys, values, mask = self._read(ids, lengths)
        spoken = self._say(keys, values, mask, scale, shift, temperature, u, rows)
        return Spoken(*(t[:rows] for t in (spoken.ids, spoken.hidden, spoken.logprob)))

    def _read(self, ids: Tensor, lengths: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Keys and values of the prompts, right-aligned in the cache, and the mask over it.

        Returns:
            For each layer keys and values `[N, stored, prompt + reply, head]`, and the mask
            `[N, 1, prompt + reply]` to be added to scores, which hides the columns before a prompt.
        """
        shape, rows = self.shape, len(lengths)
        heads, stored, head, prompt = shape.heads, shape.stored, shape.head, shape.prompt
        short = -len(ids) % _PROMPT_STEP
        row = torch.repeat_interleave(torch.arange(rows, device=self.device), lengths)
        start = torch.cumsum(lengths, 0) - lengths
        column = torch.arange(len(ids), device=self.device) - start[row] + prompt - lengths[row]
        if short:  # more copies of the last token: they write what it writes
            ids, row, column = (torch.cat([a, a[-1:].expand(short)]) for a in (ids, row, column))

        absent = torch.arange(prompt + shape.reply, device=self.device)[None] < (prompt - lengths)[:, None]
        mask = torch.zeros(rows, 1, prompt + shape.reply, dtype=self.dtype, device=self.device)
        mask.masked_fill_(absent[:, None], _HIDDEN)
        block = mask[:, None, :, :prompt] + self._future[:prompt, :prompt]

        keys, values = [], []
        x = self._embedding[ids]
        for i, layer in enumerate(self._layers):
            h = F.layer_norm(x, (shape.width,), *layer.norm_attention)
            qkv = F.linear(h, layer.qkv).view(-1, heads + 2 * stored, head)
            cache = torch.zeros(2, rows, stored, prompt + shape.reply, head, dtype=self.dtype, device=self.device)
            turned = rotate(qkv[:, : heads + stored], self._cos[column], self._sin[column])
            cache[0][row, :, column] = turned[:, heads:]
            cache[1][row, :, column] = qkv[:, heads + stored :]
            keys.append(cache[0])
            values.append(cache[1])
            if i == shape.layers - 1:
                break  # of the last layer only keys and values are needed
            q = torch.zeros(rows, heads, prompt, head, dtype=self.dtype, device=self.device)
            q[row, :, column] = turned[:, :heads]
            scores = torch.matmul(q.view(rows, stored, -1, head), cache[0][:, :, :prompt].transpose(-1, -2))
            attention = torch.softmax(scores.view(rows, heads, prompt, prompt) + block, dim=-1)
            mixed = torch.matmul(attention.view(rows, stored, -1, prompt), cache[1][:, :, :prompt])
            mixed = mixed.view(rows, heads, prompt, head)
            x = x + F.linear(mixed[row, :, column].reshape(-1, shape.width), layer.out)
            h = F.layer_norm(x, (shape.width,), *layer.norm_mlp)
            x = x + F.linear(F.gelu(F.linear(h, layer.up)), layer.down)
        return keys, values, mask

    def _say(
        self,
        keys: list[Tensor],
        values: list[Tensor],
        mask: Tensor,
        scale: Tensor,
        shift: Tensor,
        temperature: Tensor,
        u: Tensor,
        real: int,
    ) -> Spoken:
        """Sample until every one of the first `real` rows has ended."""
        rows, reply = len(temperature), self.shape.reply
        made = torch.full((rows, reply), -1, dtype=torch.long, device=self.device)
        chosen = torch.ones(rows, reply, device=self.device)
        last = torch.zeros(rows, self.shape.width, dtype=self.dtype, device=self.device)
        result = (made, last, chosen)
        batch = tuple(a.clone() for a in result)  # the same, of the rows that are left in the batch
        place = torch.arange(rows, device=self.device)  # which rows of the call they are
        live = place < real
        token = torch.full((rows,), SUPPORTER, dtype=torch.long, device=self.device)
        for t in range(reply):
            h = self._step(token, t, keys, values, mask, scale, shift)
            logits = F.linear(h, self._embedding).float()
            probabilities = torch.softmax(
                (logits + (self._banned if t else self._banned_first)) / temperature[:, None], dim=-1
            )
            token = sample(probabilities, u[:, t : t + 1])
            torch.where(live[:, None], h, batch[1], out=batch[1])
            batch[2][:, t] = torch.where(live, probabilities.gather(1, token[:, None])[:, 0], 1.0)
            live = live & (token != END)
            batch[0][:, t] = torch.where(live, token, -1)
            left = int(live.sum())
            if left == 0:
                break
            least = max(left + -left % _BATCH_STEP, self._least_rows)
            if least < _COMPACT_BELOW * len(live):
                for whole, part in zip(result, batch, strict=True):
                    whole[place] = part
                # Finished rows stay only where the products need them.
                keep = torch.argsort(live, descending=True, stable=True)[:least]
                batch = tuple(a[keep] for a in batch)
                keys, values = ([c[keep] for c in side] for side in (keys, values))
                mask, temperature, u, place, live, token = (a[keep] for a in (mask, temperature, u, place, live, token))
                scale, shift = scale[:, keep], shift[:, keep]
        for whole, part in zip(result, batch, strict=True):
            whole[place] = part
        return Spoken(made, last.float(), chosen.log().sum(dim=1))

    def _step(
        self,
        token: Tensor,
        t: int,
        keys: list[Tensor],
        values: list[Tensor],
        mask: Tensor,
        scale: Tensor,
        shift: Tensor,
    ) -> Tensor:
        """Hidden states `[N, width]` after one more token each, which is column `prompt + t` of the cache."""
        shape, rows = self.shape, len(token)
        stored, head, turning = shape.stored, shape.head, shape.heads + shape.stored
        column = shape.prompt + t
        cos, sin = self._cos[column], self._sin[column]
        seen = (mask + self._future[column]).expand(rows, stored, -1).reshape(rows * stored, 1, -1)
        size = (shape.width,)
        x = self._embedding[token]
        for i, layer in enumerate(self._layers):
            h = torch.addcmul(shift[2 * i], scale[2 * i], F.layer_norm(x, size, *layer.norm_attention))
            qkv = F.linear(h, layer.qkv).view(rows, turning + stored, head)
            turned = rotate(qkv[:, :turning], cos, sin)
            keys[i][:, :, column] = turned[:, shape.heads :]
            values[i][:, :, column] = qkv[:, turning:]
            # Whole caches: a slice of one would be copied before every product.
            k, v = (side[i].view(rows * stored, -1, head) for side in (keys, values))
            q = turned[:, : shape.heads].reshape(rows * stored, shape.shared, head)
            attention = torch.softmax(torch.baddbmm(seen, q, k.transpose(1, 2)), dim=-1)
            x = x + F.linear(torch.bmm(attention, v).view(rows, shape.width), layer.out)
            h = torch.addcmul(shift[2 * i + 1], scale[2 * i + 1], F.layer_norm(x, size, *layer.norm_mlp))
            x = x + F.linear(F.gelu(F.linear(h, layer.up)), layer.down)
        return torch.addcmul(shift[-1], scale[-1], F.layer_norm(x, size, *self._norm))


def sample(probabilities: Tensor, u: Tensor) -> Tensor:
    """One index per row by inverse CDF.

    Args:
        probabilities: `[N, V]` float32, rows that sum to about 1.
        u: `[N, 1]` in (0, 1).

    Returns:
        `[N]`, each with a probability above zero.
    """
    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[:, -1:]
    # Strictly below the total, so that rounding cannot lead past the last possible token.
    threshold = torch.minimum(u.to(cumulative.dtype) * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(1)
