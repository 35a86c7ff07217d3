"""How much people say, and how positive it sounds: two quantities that differ between people and drift over turns.

For y, the log(1 + words) of a person's turn after t replies (at most 16 are counted), or its read valence,

    y_it = level_t + unhelped [not helped] + closing [last turn] + by_words (w_it - 3) + b_i + e_it

with level a random walk over replies, the personal effect b normal with one standard deviation for the helped and
one for the others, and e a stationary first-order autoregression, corr(e_t, e_(t+1)) = memory (mixed model with serial
correlation: Diggle, Biometrics 44, 1988; Laird and Ware, Biometrics 38, 1982). `by_words` belongs to valence alone, w
being its turn's log(1 + words). The first turn of a person, mostly a greeting in the corpus, is left out.

After a turn that is missing the autoregression starts anew.

Whitened by the autoregression, a person's turns have the covariance noise^2 I + spread^2 q q', whose inverse and
determinant are known, so that no matrix has to be factorised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from rlgen.types import I64, MAX_TURNS
from rlgen.users.calibrated.parameters import WORDS_CENTRE, WordingParameters
from rlgen.users.fitting.laplace import F64, Posterior, laplace
from rlgen.users.logs.observations import Wordings

_STEP: Final = 0.3  # prior standard deviation of a step from level_t to level_(t+1)
_WIDE: Final = 3.0  # of the first level
_SHIFT: Final = 1.0  # of shifts and of the effect of words
# Log spread of the helped and of others, log noise, and the memory as its inverse hyperbolic tangent: mean, deviation.
_SIZES: Final = ((-1.0, 1.0), (-1.0, 1.0), (-0.5, 1.0), (0.0, 0.5))
_LEAST: Final = 0.01  # noise below which people who always say the same could not be told from a fault
_MOST: Final = 0.99  # size of the memory at most
_EFFECTS: Final = 3  # unhelped, closing, by_words
_LENGTH: Final = MAX_TURNS + _EFFECTS + len(_SIZES)


@dataclass(frozen=True)
class _Rows:
    """Turns in a row, `[R]` each, person by person and in order.

    Attributes:
        person: index of the person.
        follows: 1 where the person's turn one reply before is the row before, else 0.
        value: y.
        design: `[R, 19]` what multiplies levels and effects.
    """

    person: torch.Tensor
    follows: torch.Tensor
    value: torch.Tensor
    design: torch.Tensor


def fit_words(data: Wordings) -> Posterior:
    """Posterior of the model of log(1 + words)."""
    return _fit(data, data.words, np.zeros_like(data.words))


def fit_valence(data: Wordings) -> Posterior:
    """Posterior of the model of read valence, of the turns whose valence is known."""
    known = data.at(~np.isnan(data.valence))
    return _fit(known, known.valence, known.words - WORDS_CENTRE)


def named(theta: F64) -> WordingParameters:
    """Flat parameters by name."""
    effects = theta[MAX_TURNS : MAX_TURNS + _EFFECTS].round(5)
    spread, other, noise = np.exp(theta[MAX_TURNS + _EFFECTS : -1]).round(5)
    return WordingParameters(
        level=tuple(theta[:MAX_TURNS].round(5).tolist()),
        unhelped=float(effects[0]),
        closing=float(effects[1]),
        by_words=float(effects[2]),
        spread=(float(spread), float(other)),
        noise=float(noise),
        memory=float((_MOST * np.tanh(theta[-1])).round(5)),
    )


def _fit(data: Wordings, value: F64, words: F64) -> Posterior:
    turn = np.minimum(data.turn, MAX_TURNS)
    effects = np.stack([~data.helped, data.last, words], axis=1).astype(np.float64)
    person: I64 = np.unique(data.dialogue, return_inverse=True)[1]
    follows = (np.diff(data.turn, prepend=-1) == 1) & (np.diff(person, prepend=-1) == 0)
    rows = _Rows(
        torch.tensor(person),
        torch.tensor(follows, dtype=torch.float64),
        torch.tensor(value),
        torch.tensor(np.concatenate([np.eye(MAX_TURNS)[turn - 1], effects], axis=1)),
    )
    first = np.concatenate([[True], np.diff(person) != 0]) if len(person) else np.zeros(0, dtype=np.bool_)
    other = torch.tensor(~data.helped[first])
    step = np.diff(np.eye(MAX_TURNS), axis=0) / _STEP
    precision = np.zeros((_LENGTH, _LENGTH))
    precision[:MAX_TURNS, :MAX_TURNS] = step.T @ step
    precision[0, 0] += _WIDE**-2
    free = np.arange(MAX_TURNS, _LENGTH)
    precision[free, free] = [*[_SHIFT**-2] * _EFFECTS, *(deviation**-2 for _, deviation in _SIZES)]
    centre = np.concatenate([np.zeros(MAX_TURNS + _EFFECTS), [mean for mean, _ in _SIZES]])
    prior_centre, prior = torch.tensor(centre), torch.tensor(precision)

    def loss(theta: torch.Tensor) -> torch.Tensor:
        away = theta - prior_centre
        return 0.5 * away @ prior @ away - _log_likelihood(theta, rows, other)

    start = centre.copy()
    start[:MAX_TURNS] = value.mean() if len(value) else 0.0
    return laplace(loss, start)


def _log_likelihood(theta: torch.Tensor, rows: _Rows, other: torch.Tensor) -> torch.Tensor:
    """Up to a constant; `other` `[P]` says who is not helped."""
    effects, sizes = theta[: MAX_TURNS + _EFFECTS], theta[MAX_TURNS + _EFFECTS :]
    spread = torch.where(other, torch.exp(2 * sizes[1]), torch.exp(2 * sizes[0]))
    noise, memory = torch.exp(2 * sizes[2]) + _LEAST**2, _MOST * torch.tanh(sizes[3])
    rest = rows.value - rows.design @ effects
    kept = memory * rows.follows
    fresh = torch.sqrt(1.0 - kept**2)
    before = torch.cat([torch.zeros(1, dtype=rest.dtype), rest[:-1]])
    white = (rest - kept * before) / fresh
    shared = (1.0 - kept) / fresh
    zero = torch.zeros(len(other), dtype=rest.dtype)
    square, cross, own, count, log_fresh = (
        zero.index_add(0, rows.person, part)
        for part in (white**2, white * shared, shared**2, torch.ones_like(rest), torch.log(fresh))
    )
    total = noise + spread * own
    quadratic = (square - spread * cross**2 / total) / noise
    determinant = (count - 1.0) * torch.log(noise) + torch.log(total) + 2.0 * log_fresh
    return -0.5 * (quadratic + determinant).sum()
