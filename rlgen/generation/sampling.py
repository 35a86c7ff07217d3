"""Drawing ids from a distribution: one uniform a row, and the nucleus outside of which nothing is drawn.

A nucleus is the fewest likeliest ids that make up a share of a distribution (Holtzman et al., ICLR 2020).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

# Ids that are looked at first: nearly every nucleus is smaller.
_LIKELIEST: Final = 256
_BLOCK: Final = 64  # ids of a block


def within(mass: Tensor, top_p: float) -> Tensor:
    """What is left of a mass outside of whose nucleus nothing may be drawn.

    Args:
        mass: `[N, V]` probabilities or counts, at least 0.
        top_p: share that the nucleus makes up, in (0, 1]; 1 leaves everything.

    Returns:
        `[N, V]`: the mass where it is in its row's nucleus or ties with the least of it, else 0.
    """
    if top_p >= 1.0:
        return mass
    wanted = top_p * mass.sum(dim=-1, keepdim=True).double()
    size = mass.shape[-1]
    for some in (min(_LIKELIEST, size), size):
        best = mass.topk(some, dim=-1).values
        sums = best.cumsum(dim=-1)
        if some == size or bool((sums[:, -1:] >= wanted).all()):
            break
    inside = (sums - best) < wanted
    least = best.where(inside, best[:, :1]).min(dim=-1, keepdim=True).values
    return mass.where(mass >= least, 0)


def sample(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """One index per row by inverse CDF.

    Args:
        probabilities: `[N, V]`, rows that sum to about 1.
        uniforms: `[N, 1]` in (0, 1).

    Returns:
        `[N]`, each with a probability above zero.
    """
    rows, size = probabilities.shape
    # In two steps, because a running sum over a few thousand is slow: which block, then which of its members.
    blocks = F.pad(probabilities, (0, -size % _BLOCK)).view(rows, -1, _BLOCK)
    sums = blocks.sum(dim=-1).cumsum(dim=-1)
    threshold = torch.minimum(uniforms.to(sums.dtype) * sums[:, -1:], _below(sums[:, -1:]))
    block = torch.searchsorted(sums, threshold, right=True)
    before = F.pad(sums, (1, 0)).gather(1, block)
    inside = blocks.gather(1, block[:, :, None].expand(-1, 1, _BLOCK))[:, 0].cumsum(dim=-1)
    member = torch.searchsorted(inside, torch.minimum(threshold - before, _below(inside[:, -1:])), right=True)
    return (block * _BLOCK + member).squeeze(1)


def _below(total: Tensor) -> Tensor:
    """The next smaller number, so that rounding cannot lead past the last possible member."""
    return torch.nextafter(total, torch.zeros_like(total))
