"""Endings as discrete-time competing risks, and the change of intensity that the last survey finds.

After each reply one leaves disappointed with hazard h_a, and else content with hazard h_c (cause-specific
logistic hazards: Allison, Sociol. Methodol. 13, 1982; Prentice et al., Biometrics 34, 1978):

    logit h_c(t) = c_t + completion_mood mood,       c_t a random walk over replies
    logit h_a(t) = a + abandon_mood mood + abandon_turn t / 10

People who write more, or more brightly, complete sooner: with b the personal effects of `wording_model`, in standard
deviations, logit h_c(t | b) = logit h_c(t) + ties'b. In place of b stands what all turns of the person tell of it
(regression calibration: Tsiatis, DeGruttola and Wulfsohn, JASA 90, 1995), and c_t stays what it is without
them: ties order people who follow the model, and predictions do not use them.

Where a dialogue is about to complete, what is said shows it (`signs`): by Bayes' rule, with signs x,

    logit h_c(t | x) = logit h_c(t) + w'x - log mean exp(w'x),

the mean over replies t that no end followed (exponential tilting of their distribution: Anderson, Biometrika 59, 1972).
Signs therefore sharpen a prediction and leave the hazards, which people follow, as they are.

The corpus kept a success only if it had 16 utterances: that is left truncation, so a success is at risk
of completion only from the reply at which it reached them. People are weighed so that successes make up
the assumed share; the share cannot be learned from data that were filtered by outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.special import expit

from rlgen.types import F64, I64, MAX_TURNS, Bools
from rlgen.users.calibrated.parameters import EndingParameters, SignParameters
from rlgen.users.fitting.laplace import Posterior, laplace
from rlgen.users.logs.observations import PLAIN_SIGNS, SIGNS, Endings

SHARE: Final = 0.8  # share of successes at which hazards are fitted; `EndingParameters.share` keeps it
_STEP: Final = 1.0  # prior standard deviation of the step from c_t to c_(t+1)
_WIDE: Final = 5.0  # prior standard deviation of intercepts
_EFFECT: Final = 1.0  # prior standard deviation of the effects of mood and time
_SIGN: Final = 1.5  # prior standard deviation of the weight of a sign


@dataclass(frozen=True)
class EndingFit:
    """What endings follow, and what shows an end.

    Attributes:
        complete: of `[c_1 ... c_16, completion_mood]`.
        ties: of what verbosity and brightness do to it.
        abandon: of `[a, abandon_mood, abandon_turn]`.
        signs, signs_with_goodbyes: what shows an end.
    """

    complete: Posterior
    ties: Posterior
    abandon: Posterior
    signs: SignParameters
    signs_with_goodbyes: SignParameters


def weights(data: Endings, share: float) -> F64:
    """Weight of each person-turn, `[M]`, that gives successes their share among people."""
    helped = len(np.unique(data.dialogue[data.helped]))
    others = len(np.unique(data.dialogue[~data.helped]))
    people = helped + others
    if not helped or not others:
        return np.ones(len(data.turn))
    return np.where(data.helped, share * people / helped, (1.0 - share) * people / others)


def fit_endings(data: Endings, effects: F64 | None = None) -> EndingFit:
    """Posteriors of both hazards at `SHARE` successes.

    Args:
        data: person-turns.
        effects: `[D, 2]` verbosity and brightness of the person of each dialogue; None for people of whom
            neither is known.
    """
    risk = data.entered & ~data.abandoned  # who walks out after a reply is no longer there to complete
    turn = np.minimum(data.turn[risk], MAX_TURNS)
    design = np.concatenate([np.eye(MAX_TURNS)[turn - 1], data.mood[risk, None]], axis=1)
    step = np.diff(np.eye(MAX_TURNS), axis=0) / _STEP
    precision = np.zeros((MAX_TURNS + 1, MAX_TURNS + 1))
    precision[:MAX_TURNS, :MAX_TURNS] = step.T @ step + np.eye(MAX_TURNS) / (_WIDE**2 * MAX_TURNS)
    precision[-1, -1] = _EFFECT**-2
    weight = weights(data, SHARE)
    start = np.append(np.full(MAX_TURNS, -2.0), 0.0)
    complete = _logistic(design, data.completed[risk], weight[risk], precision, start)

    at_risk = data.rows(risk)
    prior = _complete(complete.mode[:-1], complete.mode[-1], at_risk)
    signs = [_fit_signs(at_risk, prior, weight[risk], names) for names in (PLAIN_SIGNS, SIGNS)]
    of_people = np.zeros((len(prior), 2)) if effects is None else effects[at_risk.dialogue]
    ties = _logistic(of_people, at_risk.completed, weight[risk], np.eye(2) * _EFFECT**-2, np.zeros(2), prior)

    risk = data.known  # only rated people tell how mood and leaving go together
    of_rated = data.rows(risk)
    design = np.stack([np.ones(risk.sum()), of_rated.mood, of_rated.turn / 10.0], axis=1)
    precision = np.diag([_WIDE**-2, _EFFECT**-2, _EFFECT**-2])
    abandon = _logistic(design, of_rated.abandoned, weights(of_rated, SHARE), precision, np.array([-4.0, 0.0, 0.0]))
    return EndingFit(complete, ties, abandon, *signs)


def hazards(p: EndingParameters, data: Endings, signs: SignParameters | None = None) -> tuple[F64, F64]:
    """Hazards of completing, once signs are seen, and of abandoning, `[M]` each."""
    complete = _complete(np.array(p.complete), p.complete_mood, data)
    if signs is not None:
        columns = [SIGNS.index(name) for name in signs.weight]
        parts = (signs.weight, signs.mean, signs.deviation)
        weight, mean, deviation = (np.array(list(part.values())) for part in parts)
        shown = (data.signs[:, columns] - mean) / deviation
        complete = complete + shown @ weight + np.array(signs.offset)[_turn(data, len(signs.offset))]
    return expit(complete), expit(p.abandon + p.abandon_mood * data.mood + p.abandon_turn * data.turn / 10.0)


def fit_relief(initial: F64, final: F64, mood: F64, at_most: F64) -> Posterior:
    """Posterior of `[base, slope, mood, log spread]` of the final intensity, all inputs `[P]`.

    The final intensity is a normal variable rounded to 1-5, observed only where it is `at_most` so high:
    successes entered the corpus only if their intensity had fallen.
    """
    x = torch.tensor(np.stack([np.ones_like(initial), initial - 4.0, mood], axis=1))
    observed, bound = torch.tensor(final), torch.tensor(at_most)
    deviation = torch.tensor([3.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    centre = torch.tensor([3.0, 0.0, 0.0, 0.0], dtype=torch.float64)

    def cumulative(point: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
        inside = torch.special.ndtr((point + 0.5 - mean) / spread)
        return torch.where(point < 1, 0.0, torch.where(point >= 5, 1.0, inside))

    def penalty(theta: torch.Tensor) -> torch.Tensor:
        return 0.5 * (((theta - centre) / deviation) ** 2).sum()

    def loss(theta: torch.Tensor) -> torch.Tensor:
        mean, spread = x @ theta[:3], torch.exp(theta[3])
        mass = cumulative(observed, mean, spread) - cumulative(observed - 1, mean, spread)
        seen = torch.log(mass.clamp(min=1e-12)) - torch.log(cumulative(bound, mean, spread).clamp(min=1e-12))
        return penalty(theta) - seen.sum()

    return laplace(loss, np.array([3.0, 0.0, 0.0, 0.0]), penalty)


def _turn(data: Endings, length: int) -> I64:
    """Index of each row's reply in a table of `length` replies; later ones count as the last."""
    return np.minimum(data.turn, length) - 1


def _complete(by_turn: F64, by_mood: float, data: Endings) -> F64:
    logit: F64 = by_turn[_turn(data, len(by_turn))] + by_mood * data.mood
    return logit


def _fit_signs(data: Endings, prior: F64, weight: F64, names: tuple[str, ...]) -> SignParameters:
    """Weights of signs at given logits of completing, for people at risk; without any, signs say nothing."""
    if not len(data.turn):
        plain = (dict.fromkeys(names, value) for value in (0.0, 1.0, 0.0))
        return SignParameters(
            **dict(zip(("mean", "deviation", "weight"), plain, strict=True)), offset=(0.0,) * MAX_TURNS
        )
    shown = data.signs[:, [SIGNS.index(name) for name in names]]
    mean, deviation = shown.mean(axis=0), shown.std(axis=0)
    deviation = np.where(deviation > 1e-3, deviation, 1.0)  # a sign that is always or never there tells nothing
    x, before, done, w = (
        torch.tensor(np.asarray(part, dtype=np.float64))
        for part in ((shown - mean) / deviation, prior, data.completed, weight)
    )
    turn, onward = torch.tensor(_turn(data, MAX_TURNS)), 1.0 - done

    def offset(beta: torch.Tensor) -> torch.Tensor:
        ratio, count = torch.ones(2, MAX_TURNS, dtype=torch.float64)  # one pseudo-reply that shows nothing
        ratio = ratio.index_add(0, turn, onward * torch.exp(x @ beta))
        return -torch.log(ratio / count.index_add(0, turn, onward))

    def penalty(beta: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((beta / _SIGN) ** 2).sum()

    def loss(beta: torch.Tensor) -> torch.Tensor:
        eta = before + x @ beta + offset(beta)[turn]
        seen = w * (done * eta - torch.nn.functional.softplus(eta))
        return penalty(beta) - seen.sum()

    beta = laplace(loss, np.zeros(len(names)), penalty).mode
    with torch.no_grad():
        found = offset(torch.tensor(beta)).numpy()
    by_name = [
        {name: float(value) for name, value in zip(names, part.round(5), strict=True)}
        for part in (mean, deviation, beta)
    ]
    return SignParameters(
        mean=by_name[0], deviation=by_name[1], weight=by_name[2], offset=tuple(found.round(5).tolist())
    )


def _logistic(
    design: F64, event: Bools, weight: F64, precision: F64, start: F64, known: F64 | float = 0.0
) -> Posterior:
    """Weighted logistic regression with a normal prior of mean 0, beside logits that are known."""
    x, y, w, prior, given = (
        torch.tensor(np.asarray(a, dtype=np.float64)) for a in (design, event, weight, precision, known)
    )

    def penalty(theta: torch.Tensor) -> torch.Tensor:
        return 0.5 * theta @ prior @ theta

    def loss(theta: torch.Tensor) -> torch.Tensor:
        eta = given + x @ theta
        return penalty(theta) - (w * (y * eta - torch.nn.functional.softplus(eta))).sum()

    return laplace(loss, start, penalty)
