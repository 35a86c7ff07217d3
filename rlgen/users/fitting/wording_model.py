"""How much people say, and how positive it sounds: two quantities that differ between people and drift over turns.

For y, the log(1 + words) of a person's turn after t replies (at most 16 are counted), or the score of its read valence,

    y_it = level_t + unhelped [not helped] + closing [last turn] + by_words (w_it - 3) + b_i + s_i (d_it + e_it)

with level a random walk over replies, the personal effect b normal with one standard deviation for the helped and
one for the others, d a stationary first-order autoregression, corr(d_t, d_(t+1)) = memory, and e of every turn anew
(mixed model with serial correlation and measurement error: Diggle, Biometrics 44, 1988; Laird and Ware, Biometrics 38,
1982). log s_i, how uneven a person is, is normal, at three points as in `rating_model` (location-scale model: Hedeker
et al., Biometrics 64, 2008). `by_words` belongs to valence alone, w being its turn's log(1 + words). The first turn
of a person, mostly a greeting in the corpus, is left out.

Valence is skewed and bounded. Its score is the normal quantile of its rank among all turns, and the way back is
the quantiles of these turns, `shape` (Gaussian copula fitted by ranks: Genest, Ghoudi and Rivest, Biometrika 82, 1995).

b and d follow a Kalman filter over replies, so that no matrix has to be factorised and a missing turn is passed over.
At a person's last turn it holds what all their turns tell of b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.special import expit, ndtr, ndtri
from scipy.stats import rankdata

from rlgen.types import F64, I64, MAX_TURNS, Bools
from rlgen.users.calibrated.parameters import (
    SCORES,
    SHARPNESS_NODES,
    SHARPNESS_SHARES,
    WORDS_CENTRE,
    WordingParameters,
)
from rlgen.users.fitting.laplace import Posterior, laplace
from rlgen.users.logs.observations import Wordings

_STEP: Final = 0.3  # prior standard deviation of a step from level_t to level_(t+1)
_WIDE: Final = 3.0  # of the first level
_SHIFT: Final = 1.0  # of shifts and of the effect of words
# Log spread of the helped and of others, log noise and drift, unevenness as its logit (at 1 a sixth of people would
# be 32 times as uneven as another), and the memory as its inverse hyperbolic tangent: mean, deviation.
_SIZES: Final = ((-1.0, 1.0), (-1.0, 1.0), (-0.5, 1.0), (-1.0, 1.0), (-1.5, 0.5), (1.0, 0.5))
_LEAST: Final = 0.01  # noise below which people who always say the same could not be told from a fault
_MOST: Final = 0.99  # size of the memory at most
_EFFECTS: Final = 3  # unhelped, closing, by_words
_FIXED: Final = MAX_TURNS + _EFFECTS
_LENGTH: Final = _FIXED + len(_SIZES)


@dataclass(frozen=True)
class WordingFit:
    """One of the two models, fitted.

    Attributes:
        posterior: of `[25]` flat parameters, see `named`.
        shape: `WordingParameters.shape`.
        people: `[P]` indices of the dialogues.
        effect: `[P]` what is expected of each personal effect, in standard deviations of such people.
    """

    posterior: Posterior
    shape: tuple[float, ...]
    people: I64
    effect: F64

    def effects(self, dialogues: int) -> F64:
        """`effect` by dialogue, `[dialogues]`, 0 for those of which nothing was read."""
        found = np.zeros(dialogues)
        found[self.people] = self.effect
        return found


@dataclass(frozen=True)
class _Turns:
    """The turns of P people, T replies at most.

    Attributes:
        at: reply, from 0, and person of each of M turns.
        value: `[M]` y.
        design: `[M, 19]` what multiplies levels and effects.
        seen: `[T, P]` 1 where there is such a turn, else 0.
        other: `[P]` who is not helped.
    """

    at: tuple[torch.Tensor, torch.Tensor]
    value: torch.Tensor
    design: torch.Tensor
    seen: torch.Tensor
    other: torch.Tensor


def fit_words(data: Wordings) -> WordingFit:
    """The model of log(1 + words)."""
    return _fit(data, data.words, np.zeros_like(data.words), ())


def fit_valence(data: Wordings) -> WordingFit:
    """The model of read valence, of the turns whose valence is known."""
    known = data.rows(~np.isnan(data.valence))
    score: F64 = ndtri((rankdata(known.valence) - 0.5) / len(known.valence))
    shape = np.quantile(known.valence, ndtr(SCORES)).round(5) if len(score) else SCORES
    return _fit(known, score, known.words - WORDS_CENTRE, tuple(shape.tolist()))


def named(theta: F64, shape: tuple[float, ...]) -> WordingParameters:
    """Flat parameters by name."""
    effects = theta[MAX_TURNS:_FIXED].round(5).tolist()
    spread, other, noise, drift = np.exp(theta[_FIXED:-2]).round(5).tolist()
    return WordingParameters(
        level=tuple(theta[:MAX_TURNS].round(5).tolist()),
        unhelped=effects[0],
        closing=effects[1],
        by_words=effects[2],
        spread=(spread, other),
        noise=noise,
        drift=drift,
        memory=float((_MOST * np.tanh(theta[-1])).round(5)),
        unevenness=float(expit(theta[-2]).round(5)),
        shape=shape,
    )


def flat(p: WordingParameters) -> F64:
    """The flat parameters that named ones stand for; `named` leads back."""
    sizes = np.log(np.maximum([*p.spread, p.noise, p.drift], 1e-3))
    uneven, memory = np.clip(p.unevenness, 1e-3, 1 - 1e-3), np.clip(p.memory / _MOST, -1 + 1e-3, 1 - 1e-3)
    level = [*p.level, *p.level[-1:] * MAX_TURNS][:MAX_TURNS]
    effects = [p.unhelped, p.closing, p.by_words]
    return np.array([*level, *effects, *sizes, np.log(uneven / (1.0 - uneven)), np.arctanh(memory)])


def _fit(data: Wordings, value: F64, words: F64, shape: tuple[float, ...]) -> WordingFit:
    turn = np.minimum(data.turn, MAX_TURNS)
    effects = np.stack([~data.helped, data.last, words], axis=1).astype(np.float64)
    people, first, person = np.unique(data.dialogue, return_index=True, return_inverse=True)
    seen = torch.zeros((int(data.turn.max(initial=1)), len(people)), dtype=torch.float64)
    at = torch.tensor(data.turn - 1), torch.tensor(person)
    seen[at] = 1.0
    other: Bools = ~data.helped[first]
    design = torch.tensor(np.concatenate([np.eye(MAX_TURNS)[turn - 1], effects], axis=1))
    turns = _Turns(at, torch.tensor(value), design, seen, torch.tensor(other))
    step = np.diff(np.eye(MAX_TURNS), axis=0) / _STEP
    precision = np.zeros((_LENGTH, _LENGTH))
    precision[:MAX_TURNS, :MAX_TURNS] = step.T @ step
    precision[0, 0] += _WIDE**-2
    free = np.arange(MAX_TURNS, _LENGTH)
    precision[free, free] = [*[_SHIFT**-2] * _EFFECTS, *(deviation**-2 for _, deviation in _SIZES)]
    centre = np.concatenate([np.zeros(_FIXED), [mean for mean, _ in _SIZES]])
    prior_centre, prior = torch.tensor(centre), torch.tensor(precision)

    def penalty(theta: torch.Tensor) -> torch.Tensor:
        away = theta - prior_centre
        return 0.5 * away @ prior @ away

    def loss(theta: torch.Tensor) -> torch.Tensor:
        return penalty(theta) - _filter(theta, turns)[0].sum()

    start = centre.copy()
    start[:MAX_TURNS] = value.mean() if len(value) else 0.0
    posterior = laplace(loss, start, penalty)
    with torch.no_grad():
        effect = _filter(torch.tensor(posterior.mode), turns)[1].numpy()
    return WordingFit(posterior, shape, people, effect / np.exp(posterior.mode[_FIXED + other]))


def _filter(theta: torch.Tensor, turns: _Turns) -> tuple[torch.Tensor, torch.Tensor]:
    """Log likelihood up to a constant, and what is expected of the personal effect, `[P]` each."""
    sizes = theta[_FIXED:]
    rest = torch.zeros_like(turns.seen).index_put(turns.at, turns.value - turns.design @ theta[:_FIXED])
    scale = torch.exp(2 * torch.sigmoid(sizes[4]) * torch.tensor(SHARPNESS_NODES))[:, None]
    noise, drift = scale * torch.exp(2 * sizes[2]) + _LEAST**2, scale * torch.exp(2 * sizes[3])
    memory = _MOST * torch.tanh(sizes[5])
    # Means and covariance of effect and drift, for each unevenness and person.
    total = torch.zeros((len(scale), turns.seen.shape[1]), dtype=torch.float64)
    effect, state, cross = total, total, total
    effects = total + torch.where(turns.other, torch.exp(2 * sizes[1]), torch.exp(2 * sizes[0]))
    states = total + drift
    for k, seen in enumerate(turns.seen):
        if k:
            state, cross, states = memory * state, memory * cross, memory**2 * states + (1.0 - memory**2) * drift
        variance = effects + 2.0 * cross + states + noise
        away = rest[k] - effect - state
        total = total - 0.5 * seen * (away**2 / variance + torch.log(variance))
        with_effect, with_state = effects + cross, cross + states
        gain, state_gain = seen * with_effect / variance, seen * with_state / variance
        effect, state = effect + gain * away, state + state_gain * away
        effects, cross, states = (
            effects - gain * with_effect, cross - gain * with_state, states - state_gain * with_state
        )  # fmt: skip
    joint = total + torch.log(torch.tensor(SHARPNESS_SHARES))[:, None]
    return torch.logsumexp(joint, 0), (torch.softmax(joint, 0) * effect).sum(0)
