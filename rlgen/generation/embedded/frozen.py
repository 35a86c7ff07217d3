"""Frozen weights as the decoder multiplies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from rlgen.generation.embedded.model import Conditioner, Shape

Norm = tuple[Tensor, Tensor]

# On processors with AMX the backend adds up a long bf16 product in another order where it has 33 to 191 rows.
_FEW: Final = 32
_MANY: Final = 192


@dataclass
class FrozenLayer:
    """Weights of one layer; the query part of `qkv` holds the attention scale."""

    norm_attention: Norm
    qkv: Tensor
    out: Tensor
    norm_mlp: Norm
    up: Tensor
    down: Tensor

    def feed_forward(self, h: Tensor) -> Tensor:
        """The two-layer network, `[N, width]` to `[N, width]`; a row's bits do not depend on N."""
        wide = F.gelu(F.linear(h, self.up))
        if h.dtype == torch.bfloat16 and h.device.type == "cpu" and _FEW < len(h) < _MANY:
            return torch.cat([F.linear(part, self.down) for part in torch.split(wide, _FEW)])
        return F.linear(wide, self.down)


class Frozen:
    """The tensors of a `rlgen.generation.embedded.model.Network` in one type on one device.

    Attributes:
        shape: sizes.
        device: where they are.
        dtype: of weights and activations.
        layers: one after another.
        norm: the last normalisation.
        embedding: `[vocabulary, width]`, also the output matrix.
    """

    def __init__(self, shape: Shape, tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> None:
        """Take over the tensors of a network, by name.

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

        def norm(name: str) -> Norm:
            return w[f"{name}.weight"].to(dtype), w[f"{name}.bias"].to(dtype)

        self.layers = []
        for i in range(shape.layers):
            qkv = w[f"layers.{i}.qkv.weight"].clone()
            qkv[: shape.width] *= shape.head**-0.5
            out, up, down = (w[f"layers.{i}.{name}.weight"].to(dtype) for name in ("out", "up", "down"))
            before, between = (norm(f"layers.{i}.{name}") for name in ("norm_attention", "norm_mlp"))
            self.layers.append(FrozenLayer(before, qkv.to(dtype), out, between, up, down))
        self.norm = norm("norm")
        self.embedding = w["embedding.weight"].to(dtype)

    def tensors(self) -> dict[str, Tensor]:
        """All weights by name, as they are in memory now."""
        found = {f"conditioner.{name}": t for name, t in self._conditioner.state_dict().items()}
        for i, w in enumerate(self.layers):
            own = (*w.norm_attention, w.qkv, w.out, *w.norm_mlp, w.up, w.down)
            found |= {f"layers.{i}.{part}": t for part, t in enumerate(own)}
        return {**found, "norm.weight": self.norm[0], "norm.bias": self.norm[1], "embedding": self.embedding}

    def modulations(self, affect: Tensor, tone: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """What every normalisation is multiplied with and what is added, each `[norms, N, width]`."""
        modulation = self._conditioner(affect.to(self.dtype), tone.to(self.dtype))
        w = weight.to(self.dtype)[:, None]
        return torch.addcmul(torch.ones_like(w), modulation[:, 0], w), modulation[:, 1] * w
