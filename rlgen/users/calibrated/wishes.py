"""How much N people want to say, or how positively they want to sound, turn by turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rlgen.types import I64, Bools
from rlgen.users.calibrated.parameters import (
    SCORES,
    SHARPNESS_NODES,
    SHARPNESS_SHARES,
    WORDS_CENTRE,
    WordingParameters,
)

F64 = NDArray[np.float64]


class Wishes:
    """One of the two models of `rlgen.users.fitting.wording_model`, of N people.

    Attributes:
        effect: `[N]` personal effect, in standard deviations; 0 without a model.
    """

    def __init__(self, parameters: WordingParameters | None, rows: int) -> None:
        self._parameters = parameters
        self.effect, self._drift, self._scale = np.zeros((3, rows))

    def enter(self, rows: I64, effect: F64, scale: F64) -> None:
        """New people in some rows: `[K]` uniforms draw their effects, and how uneven they are."""
        if self._parameters is not None:
            kinds = np.searchsorted(np.cumsum(SHARPNESS_SHARES)[:-1], scale, side="right")
            self.effect[rows] = ndtri(effect)
            self._scale[rows] = np.exp(self._parameters.unevenness * SHARPNESS_NODES[kinds])

    def turn(
        self,
        rows: I64,
        helped: Bools,
        replies: I64,
        closing: Bools,
        drift: F64,
        noise: F64,
        words: F64 | float = WORDS_CENTRE,
    ) -> F64 | None:
        """What the people in some rows want, `[K]`, all arguments likewise; None without a model.

        Args:
            rows: which.
            helped: of which kind they are.
            replies: that they had; from 1.
            closing: whether they take leave.
            drift: uniform, for what lasts for some turns.
            noise: uniform, for what is of this turn alone.
            words: log(1 + words) of the turn, for valence.
        """
        p = self._parameters
        if p is None:
            return None
        kept = np.where(replies <= 1, 0.0, p.memory)
        self._drift[rows] = kept * self._drift[rows] + np.sqrt(1.0 - kept**2) * ndtri(drift)
        level = np.array(p.level)[np.clip(replies, 1, len(p.level)) - 1]
        level = level + np.where(helped, 0.0, p.unhelped) + p.closing * closing
        own = np.where(helped, *p.spread) * self.effect[rows]
        score = level + own + self._scale[rows] * (p.drift * self._drift[rows] + p.noise * ndtri(noise))
        wish: F64 = score + p.by_words * (words - WORDS_CENTRE)
        if p.shape:
            wish = np.interp(wish, SCORES, p.shape)
        return wish
