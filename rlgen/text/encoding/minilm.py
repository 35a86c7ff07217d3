"""The forward pass of all-MiniLM-L6-v2 over texts laid end to end, without a single padded token.

The six layers are BERT's (Devlin et al., NAACL 2019) with the distilled weights of MiniLM (Wang et
al., NeurIPS 2020). Nine tenths of the work is in the linear layers, which see all tokens of all
texts as one matrix `[T, 384]`; only attention needs one text per row, and there a text is laid out
in the smallest of a few fixed widths that holds it. Both choices depend on the text alone, so a
text's bits do not depend on how many others come with it, nor on which: matrix products give a row
the same bits wherever it stands once there are enough rows, and T is padded to that.

Written out here, and not called from `transformers`, because importing that takes three seconds
and its padded batches half as much time again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from rlgen.text.encoding.packing import ROWS, Group, groups

LAYERS: Final = 6
HEADS: Final = 12
WIDTH: Final = 384
_LONGEST: Final = 128  # tokens of a text
_CELLS: Final = 4096  # of one group of texts in attention
_EPSILON: Final = 1e-12


class _Layer(NamedTuple):
    qkv: tuple[Tensor, Tensor]
    out: tuple[Tensor, Tensor]
    norm_1: tuple[Tensor, Tensor]
    up: tuple[Tensor, Tensor]
    down: tuple[Tensor, Tensor]
    norm_2: tuple[Tensor, Tensor]


class MiniLM:
    """Frozen weights and the forward pass.

    Args:
        path: `model.safetensors` of all-MiniLM-L6-v2.
        dtype: of linear layers; embeddings, softmax and pooling are float32.
        device: where to compute.
    """

    def __init__(self, path: Path, dtype: torch.dtype, device: torch.device) -> None:
        stored = load_file(str(path))
        self.dtype, self.device = dtype, device

        def pair(name: str) -> tuple[Tensor, Tensor]:
            return cast(stored[f"{name}.weight"]), cast(stored[f"{name}.bias"])

        def cast(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype).contiguous()

        def layer(i: int) -> _Layer:
            at = f"encoder.layer.{i}"
            names = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
            weight = torch.cat([stored[f"{name}.weight"] for name in names])
            bias = torch.cat([stored[f"{name}.bias"] for name in names])
            scale = (WIDTH // HEADS) ** -0.5  # of the scores, folded into the queries
            weight[:WIDTH] *= scale
            bias[:WIDTH] *= scale
            return _Layer(
                (cast(weight), cast(bias)),
                pair(f"{at}.attention.output.dense"),
                pair(f"{at}.attention.output.LayerNorm"),
                pair(f"{at}.intermediate.dense"),
                pair(f"{at}.output.dense"),
                pair(f"{at}.output.LayerNorm"),
            )

        self._words = stored["embeddings.word_embeddings.weight"].to(device)
        places = stored["embeddings.position_embeddings.weight"] + stored["embeddings.token_type_embeddings.weight"][0]
        self._places = places[:_LONGEST].to(device)
        self._norm = pair("embeddings.LayerNorm")
        self._layers = [layer(i) for i in range(LAYERS)]

    def tensors(self) -> list[Tensor]:
        """All weights."""
        flat = [tensor for layer in self._layers for couple in layer for tensor in couple]
        return [self._words, self._places, *self._norm, *flat]

    def sha256(self) -> str:
        """Hash of the weights as they are in memory now."""
        digest = hashlib.sha256()
        for tensor in self.tensors():
            digest.update(tensor.contiguous().view(torch.uint8).cpu().numpy().tobytes())
        return digest.hexdigest()

    def _attend(self, qkv: Tensor, laid_out: Sequence[Group]) -> Tensor:
        mixed = qkv.new_zeros(len(qkv), WIDTH)
        for group in laid_out:
            laid = qkv[group.gather].view(-1, group.width, 3, HEADS, WIDTH // HEADS)
            query, key, value = laid.permute(2, 0, 3, 1, 4).reshape(3, -1, group.width, WIDTH // HEADS)
            bias = group.bias.expand(-1, HEADS, -1, -1).reshape(-1, 1, group.width)
            scores = torch.bmm(query, key.transpose(1, 2)).float() + bias
            heads = torch.bmm(torch.softmax(scores, dim=-1).to(qkv.dtype), value)
            rows = heads.view(-1, HEADS, group.width, WIDTH // HEADS).transpose(1, 2).reshape(-1, WIDTH)
            mixed[group.tokens] = rows[group.cells]
        return mixed

    @torch.inference_mode()
    def embed(self, tokens: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """Mean-pooled, L2-normalised embeddings.

        Args:
            tokens: ids of each text with both markers, 1 to 128 of them.

        Returns:
            `[N, 384]` float32.
        """
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        total = int(lengths.sum())
        place = np.arange(total) - np.repeat(starts, lengths)
        flat = np.concatenate(tokens).astype(np.int64)
        embedded = (
            self._words[torch.from_numpy(flat).to(self.device)] + self._places[torch.from_numpy(place).to(self.device)]
        )
        embedded = functional.pad(embedded, (0, 0, 0, -total % ROWS))
        x = functional.layer_norm(embedded.to(self.dtype), (WIDTH,), *self._norm, _EPSILON)
        laid_out = groups(lengths, starts, _CELLS, self.device)
        for layer in self._layers:
            mixed = self._attend(functional.linear(x, *layer.qkv), laid_out)
            x = functional.layer_norm(x + functional.linear(mixed, *layer.out), (WIDTH,), *layer.norm_1, _EPSILON)
            inner = functional.linear(functional.gelu(functional.linear(x, *layer.up)), *layer.down)
            x = functional.layer_norm(x + inner, (WIDTH,), *layer.norm_2, _EPSILON)
        # reduceat adds a text's tokens in order, whatever stands beside it
        summed = np.add.reduceat(x[:total].float().cpu().numpy(), starts, axis=0)
        norm = np.sqrt((summed * summed).sum(axis=1, keepdims=True))
        return np.asarray(summed / np.maximum(norm, 1e-12), dtype=np.float32)
