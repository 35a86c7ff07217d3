"""The network: a decoder-only transformer whose layers are modulated by emotion and tone.

`H_t = f(E_t, C_t, W)` and `P(y_t | y_<t, E_t) = softmax(g(H_t))`: the affect passes an emotion
embedding matrix and becomes an intention; with the tone it scales and shifts what every
normalisation hands on, `(1 + w gamma) norm(x) + w beta`, where w is the emotional weight. At
w = 0 this is `norm(x)` to the bit, so the unconditioned model is a part of the conditioned one.
(Adaptive normalisation: Perez et al., FiLM, AAAI 2018; Peebles and Xie, DiT, ICCV 2023.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rlgen.affect import AFFECT_DIM, NUM_CATEGORIES

# Rotary frequencies for windows of about a hundred tokens (Su et al., RoFormer, 2021).
_ROTARY_BASE = 1000.0

# A token sees back to the person's last but two utterances; an exchange is an utterance and the reply before it.
REACH = 2


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Attributes:
        vocabulary: ids.
        width: of the residual stream; divisible by `heads`.
        layers: decoder layers.
        heads: attention heads.
        shared: heads that share one set of keys and values (Ainslie et al., GQA, EMNLP 2023): reading
            the cache is what a decoding step waits for.
        condition: width of the vector that emotion and tone are merged into.
        prompt: ids of the context that are kept: the last three exchanges, as far as they fit.
        reply: ids of a reply at most, its end included.
    """

    vocabulary: int = 2560
    width: int = 192
    layers: int = 4
    heads: int = 4
    shared: int = 2
    condition: int = 48
    prompt: int = 176
    reply: int = 48

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.width // self.heads

    @property
    def stored(self) -> int:
        """Heads of keys and of values."""
        return self.heads // self.shared

    @property
    def norms(self) -> int:
        """Modulated normalisations: two a layer and the last."""
        return 2 * self.layers + 1


def rotary(position: Tensor, head: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines `[..., 1, head]` of positions `[...]`, for `rotate`."""
    frequency = _ROTARY_BASE ** (-torch.arange(0, head, 2, device=position.device) / head)
    angle = (position[..., None] * frequency)[..., None, :]
    cos, sin = angle.cos().to(dtype), angle.sin().to(dtype)
    return torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs `(x[i], x[i + head / 2])` by their angles; `x` is `[..., length, heads, head]`."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)


class Conditioner(nn.Module):
    """The reasoning layer: affect to emotion embedding to intention, then, with the tone, to modulations."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        size = shape.condition
        self.shape = shape
        self.emotions = nn.Parameter(torch.randn(NUM_CATEGORIES, size) * 0.5)
        self.valence_arousal = nn.Linear(AFFECT_DIM - NUM_CATEGORIES, size, bias=False)
        self.intention = nn.Linear(size, size)
        self.tone = nn.Linear(2, size)
        self.merge = nn.Linear(2 * size, size)
        self.modulation = nn.Linear(size, shape.norms * 2 * shape.width)
        for layer in (self.valence_arousal, self.intention, self.tone, self.merge):
            # Wider than torch's own: what starts as a whisper behind a zero matrix is learned late.
            nn.init.normal_(layer.weight, std=1.5 * layer.in_features**-0.5)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, affect: Tensor, tone: Tensor) -> Tensor:
        """Modulations.

        Args:
            affect: `[N, 8]`, see `rlgen.affect`.
            tone: `[N, 2]`, warmth and directiveness.

        Returns:
            `[norms, 2, N, width]`: gamma and beta of each normalisation, zero at initialisation.
        """
        felt = affect[:, :NUM_CATEGORIES] @ self.emotions + self.valence_arousal(affect[:, NUM_CATEGORIES:])
        intention = F.silu(self.intention(felt))
        merged = F.silu(self.merge(torch.cat([intention, F.silu(self.tone(tone))], dim=-1)))
        raw: Tensor = self.modulation(merged)
        return raw.view(-1, self.shape.norms, 2, self.shape.width).permute(1, 2, 0, 3)


class Layer(nn.Module):
    """Attention and a two-layer network, each behind a modulated normalisation."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.shape = shape
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, (shape.heads + 2 * shape.stored) * shape.head, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.norm_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(
        self, x: Tensor, modulation: Tensor, weight: Tensor, turned_by: tuple[Tensor, Tensor], visible: Tensor
    ) -> Tensor:
        """One layer over `[B, T, width]`.

        Args:
            x: `[B, T, width]`.
            modulation: `[2, 2, B, T, width]`, gamma and beta of both normalisations.
            weight: `[B, T, 1]`; each token has its own, so that a context stays unconditioned.
            turned_by: see `rotary`.
            visible: `[B, 1, T, T]`, 0 where a token sees another, else -inf.
        """
        batch, length, width = x.shape
        heads, turning = self.shape.heads, self.shape.heads + self.shape.stored
        h = modulate(self.norm_attention(x), modulation[0], weight)
        qkv = self.qkv(h).view(batch, length, -1, self.shape.head)
        turned = rotate(qkv[:, :, :turning], *turned_by).transpose(1, 2)
        k = turned[:, heads:].repeat_interleave(self.shape.shared, dim=1)
        v = qkv[:, :, turning:].transpose(1, 2).repeat_interleave(self.shape.shared, dim=1)
        # Written out: torch's fused attention takes five times as long on a CPU in bf16, forward and backward.
        scores = torch.matmul(turned[:, :heads] * self.shape.head**-0.5, k.transpose(-1, -2)) + visible
        mixed = torch.matmul(torch.softmax(scores, dim=-1), v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        h = modulate(self.norm_mlp(x), modulation[1], weight)
        hidden: Tensor = x + self.down(F.gelu(self.up(h)))
        return hidden


def modulate(normed: Tensor, modulation: Tensor, weight: Tensor) -> Tensor:
    """`(1 + w gamma) normed + w beta`; `modulation` is gamma and beta, `[2, ..., width]`."""
    gamma, beta = modulation
    return torch.addcmul(weight * beta, 1 + weight * gamma, normed)


@dataclass(frozen=True)
class Layout:
    """Where the tokens of B sequences stand in their dialogues. Each array is `[B, T]`.

    A sequence is a dialogue as it is read, and behind it every reply once more, as it is spoken: a
    *branch* that stands where the reply stands in the dialogue and that nothing else sees. So one
    pass learns all replies of a dialogue, each conditioned, while what it answers is plain text.

    Attributes:
        position: index in the dialogue; a branch goes on after the utterance that it answers.
        exchange: of the u-th utterance and the reply before it, u; of the branch that answers it, u too.
        reply: whether the token belongs to a reply that is read.
        branch: whether the token belongs to a branch.
        held: False for padding.
    """

    position: Tensor
    exchange: Tensor
    reply: Tensor
    branch: Tensor
    held: Tensor

    def visible(self) -> Tensor:
        """`[B, T, T]`, whether the token in the row sees the token in the column."""
        before = self.position[:, None, :] <= self.position[:, :, None]
        back = self.exchange[:, :, None] - self.exchange[:, None, :]
        own = self.branch[:, :, None] & self.branch[:, None, :] & (back == 0)
        oldest = self.reply[:, None, :] & (back == REACH)
        read = ~self.branch[:, None, :] & (back >= 0) & (back <= REACH) & ~oldest
        everyone = torch.eye(before.shape[1], dtype=torch.bool, device=before.device)
        return (before & (own | read) & self.held[:, None, :]) | everyone


class Network(nn.Module):
    """The whole model, in the form in which it is trained. `rlgen.generation.embedded.decode` runs it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)  # also the output matrix
        self.conditioner = Conditioner(shape)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        nn.init.normal_(self.embedding.weight, std=0.05)
        for layer in self.layers:
            for name, matrix in layer.named_parameters():
                if matrix.dim() == 2:
                    residual = name.startswith(("out", "down"))
                    nn.init.normal_(matrix, std=0.05 / ((2 * shape.layers) ** 0.5 if residual else 1.0))

    def forward(self, ids: Tensor, layout: Layout, weight: Tensor, affect: Tensor, tone: Tensor) -> Tensor:
        """Hidden states after the last normalisation.

        Args:
            ids: `[B, T]`.
            layout: where they stand.
            weight: `[B, T]`, emotional weight of each token's own turn; 0 outside branches.
            affect: `[B, K, 8]`, of each exchange.
            tone: `[B, K, 2]`, of each exchange.

        Returns:
            `[B, T, width]`.
        """
        batch, turns = affect.shape[:2]
        modulation = self.conditioner(affect.flatten(0, 1), tone.flatten(0, 1))
        turn = torch.arange(batch, device=ids.device)[:, None] * turns + layout.exchange
        x: Tensor = self.embedding(ids)
        turned_by = rotary(layout.position, self.shape.head, x.dtype)
        visible = torch.zeros((), dtype=x.dtype, device=x.device).masked_fill(~layout.visible()[:, None], -torch.inf)
        weight = weight[..., None]
        for i, layer in enumerate(self.layers):
            x = layer(x, modulation[2 * i : 2 * i + 2, :, turn], weight, turned_by, visible)
        return modulate(self.norm(x), modulation[-1][:, turn], weight)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores `[..., vocabulary]` of hidden states `[..., width]`."""
        return F.linear(hidden, self.embedding.weight)
