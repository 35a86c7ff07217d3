"""The vectors that all-MiniLM-L6-v2 has for single word pieces, before any layer."""

from __future__ import annotations

from functools import cache

import torch
from safetensors import safe_open
from torch import Tensor

from rlgen.text.encoding.wordpieces import verified_weights


@cache
def piece_vectors() -> Tensor:
    """Word embeddings of all-MiniLM-L6-v2, standardised, and a zero row for the gap: `[VOCABULARY + 1, 384]`."""
    with safe_open(str(verified_weights()), framework="pt") as stored:
        table = stored.get_tensor("embeddings.word_embeddings.weight").float()
    table = (table - table.mean(dim=0)) / table.std(dim=0)
    return torch.cat([table, torch.zeros(1, table.shape[1])])
