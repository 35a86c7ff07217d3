"""The recognizer's network: one timeline of three modalities to an emotion vector, with its heads.

Every frame of every modality is a token; in each layer each token attends to the frames of all
modalities that are present (multi-head cross-modal attention, after Tsai et al., "Multimodal
Transformer for Unaligned Multimodal Language Sequences", ACL 2019, with one joint attention in
place of one per pair). The frames of the timeline are then averaged over the present modalities
and read by a GRU, whose last state is the emotion vector.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from rlgen.affect import NUM_CATEGORIES
from rlgen.perception.features import FACE_DIM, PHYSIOLOGY_DIM, SPEECH_DIM
from rlgen.perception.timeline import FRAMES
from rlgen.types import MODALITIES

DIMS: Final = (SPEECH_DIM, FACE_DIM, PHYSIOLOGY_DIM)
_LEAST_SD: Final = 0.05  # of valence and arousal; labels are no finer


class Sizes(BaseModel):
    """Sizes of the network.

    Attributes:
        width: of a token.
        heads: of the attention.
        layers: of the Transformer.
        vector: of the emotion vector.
        frames: T of the timeline.
        dropout: while training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = 48
    heads: int = 4
    layers: int = 2
    vector: int = 32
    frames: int = FRAMES
    dropout: float = 0.2


class Output(NamedTuple):
    """`vector [N, d]` in (-1, 1), `logits [N, 6]`, `mean [N, 2]` in (-1, 1) and `sd [N, 2]` of valence and arousal."""

    vector: Tensor
    logits: Tensor
    mean: Tensor
    sd: Tensor


class EmotionNetwork(nn.Module):
    """Projections, joint attention, GRU, heads.

    Args:
        sizes: see `Sizes`.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.width
        for name, dim in zip(MODALITIES, DIMS, strict=True):
            self.register_buffer(f"{name}_centre", torch.zeros(dim))
            self.register_buffer(f"{name}_scale", torch.ones(dim))
        self.project = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, width), nn.GELU(), nn.Dropout(sizes.dropout), nn.Linear(width, width))
            for dim in DIMS
        )
        self.modality = nn.Parameter(0.02 * torch.randn(len(DIMS), 1, width))
        self.time = nn.Parameter(0.02 * torch.randn(1, sizes.frames, width))
        self.rest = nn.Parameter(0.02 * torch.randn(1, 1, width))  # always there, so that attention has somewhere to go
        layer = nn.TransformerEncoderLayer(
            width, sizes.heads, 2 * width, sizes.dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.attend = nn.TransformerEncoder(layer, sizes.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.gru = nn.GRU(width, sizes.vector, batch_first=True)
        self.drop = nn.Dropout(sizes.dropout)
        self.category = nn.Linear(sizes.vector, NUM_CATEGORIES)
        self.mean = nn.Linear(sizes.vector, 2)
        self.spread = nn.Linear(sizes.vector, 2)

    def forward(self, signals: tuple[Tensor, Tensor, Tensor], present: Tensor) -> Output:
        """Recognise.

        Args:
            signals: `[N, T, D]` of each modality in the order of `MODALITIES`; absent ones may hold anything.
            present: `[N, 3]` bool.
        """
        rows, frames = len(present), self.sizes.frames
        tokens = []
        for i, (name, values) in enumerate(zip(MODALITIES, signals, strict=True)):
            standard = (values - self.get_buffer(f"{name}_centre")) / self.get_buffer(f"{name}_scale")
            standard = torch.where(present[:, i, None, None], standard.clamp(-6.0, 6.0), 0.0)
            tokens.append(self.project[i](standard) + self.modality[i] + self.time)
        sequence = torch.cat([self.rest.expand(rows, 1, -1), *tokens], dim=1)
        hidden = torch.cat([torch.ones_like(present[:, :1]), present.repeat_interleave(frames, dim=1)], dim=1)
        attended = self.attend(sequence, src_key_padding_mask=~hidden)
        by_modality = attended[:, 1:].reshape(rows, len(DIMS), frames, -1)
        weight = present.to(by_modality.dtype)
        weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1.0)
        fused = torch.einsum("nmtd,nm->ntd", by_modality, weight) + attended[:, :1]
        vector = self.gru(fused)[1][0]
        read = self.drop(vector)
        sd = _LEAST_SD + (1.0 - _LEAST_SD) * torch.sigmoid(self.spread(read))
        return Output(vector, self.category(read), torch.tanh(self.mean(read)), sd)
