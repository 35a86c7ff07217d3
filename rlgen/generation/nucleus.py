"""The nucleus of a distribution: the fewest likeliest ids that make up a share of it (Holtzman et al., ICLR 2020)."""

from __future__ import annotations

from typing import Final

from torch import Tensor

# Ids that are looked at first: nearly every nucleus is smaller.
_LIKELIEST: Final = 256


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
