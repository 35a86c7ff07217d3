"""How much people say, or how positive they sound, turn by turn: what they aim at when they choose their words."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from rlgen.types import F64, I64, Bools
from rlgen.users.calibrated.parameters import (
    SCORES,
    SHARPNESS_NODES,
    SHARPNESS_SHARES,
    WORDS_CENTRE,
    WordingParameters,
)


def unevenness(p: WordingParameters, uniform: F64) -> F64:
    """By what drift and noise of new people are multiplied, `[K]`."""
    kinds = np.searchsorted(np.cumsum(SHARPNESS_SHARES)[:-1], uniform, side="right")
    scale: F64 = np.exp(p.unevenness * SHARPNESS_NODES[kinds])
    return scale


def drifted(p: WordingParameters, drift: F64, replies: I64, uniform: F64) -> F64:
    """What lasts for some turns, one turn later, `[K]` all; nothing lasts into the first turn after a reply."""
    kept = np.where(replies <= 1, 0.0, p.memory)
    later: F64 = kept * drift + np.sqrt(1.0 - kept**2) * ndtri(uniform)
    return later


def aimed_at(
    p: WordingParameters,
    own: tuple[F64, F64, F64],
    helped: Bools,
    replies: I64,
    closing: Bools,
    uniform: F64,
    words: F64 | float = WORDS_CENTRE,
) -> F64:
    """What people aim at in this turn, all `[K]`; see `rlgen.users.fitting.wording_model`.

    Args:
        p: of one of the two models.
        own: personal effects, unevenness and drift.
        helped: of which kind they are.
        replies: that they had; from 1.
        closing: whether they take leave.
        uniform: for what is of this turn alone.
        words: log(1 + words) of the turn, for valence.
    """
    effect, scale, drift = own
    level = np.array(p.level)[np.clip(replies, 1, len(p.level)) - 1]
    level = level + np.where(helped, 0.0, p.unhelped) + p.closing * closing
    score = level + np.where(helped, *p.spread) * effect + scale * (p.drift * drift + p.noise * ndtri(uniform))
    aim: F64 = score + p.by_words * (words - WORDS_CENTRE)
    return np.interp(aim, SCORES, p.shape) if p.shape else aim
