"""Ways to make one reward of several terms, and what is known of the range of what comes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from scipy.special import expit

from rlgen.rewards.registry import Floats

Combine = Literal["sum", "product", "geometric_mean", "worst", "lexicographic"]
"""`sum` adds the terms up, each times its weight, and `product` multiplies them. `geometric_mean` raises each to the
power of its weight's share; a term below 0 counts as 0, and nothing makes up for it. `worst` is the least of the
weighted terms. `lexicographic` is the first term until that is `enough`, then that and the next one squashed to (0, 1):
no later term makes up for an earlier one (thresholded as by Gabor, Kalmar and Szepesvari, ICML 1998)."""

Range = tuple[float, float]
ADDED: Final = "combining"
"""Name of the difference between the reward and the sum of its terms, where they are not added up."""


def combined(how: Combine, terms: Sequence[Floats], weights: Sequence[float], enough: Sequence[float | None]) -> Floats:
    """`[N]` from terms `[N]`, in their order, which only `lexicographic` minds.

    Args:
        how: see `Combine`.
        terms: at least one.
        weights: one for each.
        enough: one for each but the last, where `how` is lexicographic.
    """
    zero = np.zeros_like(terms[0], dtype=np.float64)
    match how:
        case "sum":
            return sum((weight * term for weight, term in zip(weights, terms, strict=True)), zero)
        case "product":
            made = zero + 1.0
            for weight, term in zip(weights, terms, strict=True):
                made = made * (weight * term)
            return made
        case "geometric_mean":
            made = zero + 1.0
            for weight, term in zip(weights, terms, strict=True):
                made = made * np.maximum(term, 0.0) ** (weight / sum(weights))
            return made
        case "worst":
            made = zero + np.inf
            for weight, term in zip(weights, terms, strict=True):
                made = np.minimum(made, weight * term)
            return made
        case "lexicographic":
            *first, below = [weight * term for weight, term in zip(weights, terms, strict=True)]
            for term, bar in zip(reversed(first), reversed(enough[:-1]), strict=True):
                assert bar is not None  # a design has one for all but the last
                below = np.where(term < bar, term, bar + expit(below))
            return below + zero


def range_of(how: Combine, ranges: Sequence[Range], weights: Sequence[float], enough: Sequence[float | None]) -> Range:
    """Least and most of what is combined of terms in ranges; arguments as for `combined`."""
    weighted = [
        (min(weight * low, weight * high), max(weight * low, weight * high))
        for (low, high), weight in zip(ranges, weights, strict=True)
        if weight or how != "sum"
    ]
    if how == "sum":
        return sum(low for low, _ in weighted), sum(high for _, high in weighted)
    if how == "product":
        least, most = 1.0, 1.0
        for low, high in weighted:
            corners = [a * b for a in (least, most) for b in (low, high)]
            least, most = min(corners), max(corners)
        return least, most
    # The others never fall where a weighted term rises.
    given = ranges if how == "geometric_mean" else weighted
    ones = list(weights) if how == "geometric_mean" else [1.0] * len(weights)
    least, most = (float(combined(how, [np.array(pair[end]) for pair in given], ones, enough)) for end in range(2))
    return (least, most) if math.isfinite(least) and math.isfinite(most) else (-math.inf, math.inf)
