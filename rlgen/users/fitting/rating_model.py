"""Ratings as an ordinal logistic model with personal effects, constant raters and lapses.

A person i is a constant rater with probability `constant` and gives one value for ever; else the
latent rating after t replies (at most 16 are counted) is

    eta = alpha_i + first [no rating yet] + trend t / 10 + curve (t / 10 - 1)^2 + last (last rating - 4) + sum_k b_k x_k

with alpha_i normal, and P(rating <= c) = logistic(s_i (cut_c - eta)), mixed with a uniform lapse (ordinal
mixed model: Agresti, Categorical Data Analysis, 2013, ch. 8 and 13). The sharpness s_i says how much a person's
ratings jump about: exp(-a), 1 or exp(a) with a = sqrt(3) `sharpness` for a sixth, two thirds and a sixth of people,
the three points that stand for a normal log sharpness in Gauss-Hermite quadrature (mixed-effects location-scale
model: Hedeker, Mermelstein and Demirtas, Biometrics 64, 2008).

`x_k` is the mean reading k of the replies since the last rating. The fit takes it as deviation from the person's own
mean in within-person standard deviations, so that the `b_k` use comparisons within a person only; prediction and
simulation, which know no later replies, take it as deviation from the human mean. Supporters chose what to say by how
the talk went: the `b_k` are confounded, not causal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import scipy.special
import torch

from rlgen.types import F64, MAX_TURNS
from rlgen.users.calibrated.parameters import SHARPNESS_NODES, SHARPNESS_SHARES, RatingParameters
from rlgen.users.fitting.laplace import Posterior, laplace
from rlgen.users.logs.observations import Ratings
from rlgen.users.logs.readings import NAMES

POINTS: Final = 5
EFFECT_PRIOR: Final = 0.05  # rating points per within-person standard deviation of a reading
READING_LIMIT: Final = 3.0  # readings count up to so many standard deviations
_NODES: Final = 11
_FAR: Final = 60.0  # logits beyond which no threshold matters
# Name, size, prior mean, prior standard deviation; cuts are the first and the log steps to the next.
_LAYOUT: Final = (
    ("cuts", 4, 0.0, 3.0),
    ("log_spread", 1, 0.5, 1.0),
    ("log_sharpness", 1, -1.0, 0.7),
    ("unhelped", 1, 0.0, 3.0),
    ("first", 1, 0.0, 1.5),
    ("trend", 1, 0.0, 1.5),
    ("curve", 1, 0.0, 1.0),
    ("last", 1, 0.0, 1.5),
    ("lapse", 1, -4.0, 1.0),
    ("constant", 2, -1.5, 1.0),
    ("constant_value", 10, 0.0, 1.5),
)


@dataclass(frozen=True)
class Scale:
    """Standardisation of readings, `[K]` each: mean over people, deviation within people."""

    mean: F64
    deviation: F64


@dataclass(frozen=True)
class RatingFit:
    """A fitted rating model.

    Attributes:
        posterior: over the flat parameters, readings last.
        scale: of the readings.
        slope: rating points per unit of eta, averaged over people and turns.
        helped: share of helped people among the rated ones it was fitted to.
    """

    posterior: Posterior
    scale: Scale
    slope: float
    helped: float


class Chance(Protocol):
    """How probable the components of a mixture find R ratings: `[R]` of 0-4 to `[R, C]`."""

    def __call__(self, value: torch.Tensor) -> torch.Tensor:
        """Probabilities `[R, C]`."""
        ...


def scale_of(data: Ratings) -> Scale:
    """Means, and standard deviations of windows around each person's own mean."""
    mask = data.value >= 0
    own = _own_means(data)
    deviation = np.sqrt(((data.readings - own[:, None]) ** 2)[mask].mean(axis=0)) if mask.any() else np.ones(0)
    return Scale(data.readings[mask].mean(axis=0), np.maximum(deviation, 1e-6))


def fit_ratings(data: Ratings) -> RatingFit:
    """Posterior of the model; the readings' prior is `EFFECT_PRIOR` rating points."""
    start = np.concatenate([np.full(size, mean) for _, size, mean, _ in _LAYOUT])
    start[:4] = [-4.0, 0.3, 0.3, 0.3]
    plain = _Loss(data, np.zeros((*data.value.shape, 0)), 1.0)
    posterior = laplace(plain, start, plain.prior)
    slope = plain.slope(torch.tensor(posterior.mode))
    scale = scale_of(data)
    if size := data.readings.shape[2]:
        x = (data.readings - _own_means(data)[:, None]) / scale.deviation
        loss = _Loss(data, x, EFFECT_PRIOR / slope)
        posterior = laplace(loss, np.concatenate([posterior.mode, np.zeros(size)]), loss.prior)
    return RatingFit(posterior, scale, slope, float(data.helped.mean()))


def unpack(theta: torch.Tensor) -> dict[str, torch.Tensor]:
    """Flat parameters by name; what is left over are the readings' coefficients."""
    parts, at = {}, 0
    for name, size, _, _ in _LAYOUT:
        parts[name] = theta[at : at + size]
        at += size
    steps = torch.cat([parts["cuts"][:1], torch.exp(parts["cuts"][1:])])
    return {
        **parts,
        "cuts": torch.cumsum(steps, 0),
        "spread": torch.exp(parts["log_spread"]),
        "sharpness": torch.exp(parts["log_sharpness"]),
        "lapse": torch.sigmoid(parts["lapse"]),
        "constant": torch.sigmoid(parts["constant"]),
        "constant_value": torch.softmax(parts["constant_value"].reshape(2, POINTS), dim=1),
        "readings": theta[at:],
    }


def flatten(p: RatingParameters) -> tuple[F64, Scale]:
    """The flat parameters and the scale that named ones stand for, readings in the order of `NAMES`."""
    steps = np.log(np.maximum(np.diff(p.cuts), 1e-9))
    shares = np.array([p.lapse, *p.constant]).clip(1e-9, 1 - 1e-9)
    logs = np.log(np.maximum([p.spread, p.sharpness], 1e-9))
    theta = [
        *[p.cuts[0], *steps, *logs, p.unhelped, p.first, p.trend, p.curve, p.last],
        *np.log(shares / (1.0 - shares)),
        *np.log(np.maximum(p.constant_value, 1e-9)).ravel(),
        *[p.readings[name].effect for name in NAMES if name in p.readings],
    ]
    found = [p.readings[name] for name in NAMES if name in p.readings]
    return np.array(theta), Scale(np.array([r.mean for r in found]), np.array([r.deviation for r in found]))


def predict(p: RatingParameters, data: Ratings, helped_share: float) -> F64:
    """Predictive probabilities of each rating given those before, `[P, J, 5]`; zero where padded.

    Whether a person is helped is not known in advance: both kinds are weighed by `helped_share` and
    by how well they explain the ratings so far. Readings enter only where the data hold them.
    """
    theta, scale = flatten(p)
    if data.readings.shape[2] and len(scale.mean):
        held = [k for k, name in enumerate(NAMES) if name in p.readings]
        x = (data.readings[..., held] - scale.mean) / scale.deviation
        x = np.clip(x, -READING_LIMIT, READING_LIMIT)
    else:
        theta, x = theta[: len(theta) - len(scale.mean)], np.zeros((*data.value.shape, 0))
    loss = _Loss(data, x, 1.0)
    share = min(max(helped_share, 1e-12), 1 - 1e-12)
    log_prior, points = [], []
    with torch.no_grad():
        for kind, weight in ((1.0, share), (0.0, 1.0 - share)):
            helped = torch.full((len(data.value),), kind, dtype=torch.float64)
            prior, chance = loss.components(torch.tensor(theta), helped)
            log_prior.append(prior.numpy() + np.log(weight))
            points.append(np.stack([chance(torch.full(loss.value.shape, c)).numpy() for c in range(POINTS)], axis=2))
    each = np.concatenate(points, axis=1)  # [R, C, 5]
    seen = np.zeros((*data.value.shape, each.shape[1]))
    given = np.take_along_axis(each, loss.value.numpy()[:, None, None], axis=2)[..., 0]
    seen[data.value >= 0] = np.log(np.maximum(given, 1e-300))
    before = np.concatenate(log_prior, axis=1)[:, None] + np.cumsum(seen, axis=1) - seen
    posterior = scipy.special.softmax(before, axis=2)[data.value >= 0]
    predicted = np.zeros((*data.value.shape, POINTS))
    predicted[data.value >= 0] = (posterior[..., None] * each).sum(axis=1)
    return predicted


class _Loss:
    """Negative log posterior of the flat parameters, for R ratings in a row.

    Args:
        data: ratings.
        x: `[P, J, K]` standardised readings.
        effect_prior: standard deviation of their coefficients.
    """

    def __init__(self, data: Ratings, x: F64, effect_prior: float) -> None:
        given = data.value >= 0
        person, number = np.nonzero(given)
        self.value = torch.tensor(data.value[given])
        self._repeats = torch.tensor(number > 0)
        self._initial = torch.tensor(data.value[person, 0])
        self._person = torch.tensor(person)
        self._helped = torch.tensor(data.helped, dtype=torch.float64)
        self._turn = torch.tensor(np.minimum(data.after[given], MAX_TURNS) / 10.0)
        self._last = torch.tensor(data.last[given])
        self._x = torch.tensor(x[given])
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        self._nodes = torch.tensor(nodes)
        self._log_weights = torch.tensor(np.log(np.outer(weights / weights.sum(), SHARPNESS_SHARES)).ravel())
        size = x.shape[2]
        mean = [np.full(size, mean) for _, size, mean, _ in _LAYOUT]
        deviation = [np.full(size, sd) for _, size, _, sd in _LAYOUT]
        self._prior_mean = torch.tensor(np.concatenate([*mean, np.zeros(size)]))
        self._prior_deviation = torch.tensor(np.concatenate([*deviation, np.full(size, effect_prior)]))

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        log_prior, chance = self.components(theta, self._helped)
        seen = torch.log(chance(self.value).clamp(min=1e-12))
        likelihood = torch.zeros_like(log_prior).index_add(0, self._person, seen)
        return self.prior(theta) - torch.logsumexp(log_prior + likelihood, dim=1).sum()

    def prior(self, theta: torch.Tensor) -> torch.Tensor:
        """The part of the loss that is the prior's."""
        return 0.5 * (((theta - self._prior_mean) / self._prior_deviation) ** 2).sum()

    def components(self, theta: torch.Tensor, helped: torch.Tensor) -> tuple[torch.Tensor, Chance]:
        """Log prior `[P, C]` of the components, and how probable they find ratings.

        The components are the constant rater, and the nodes of the personal effect by those of sharpness.
        """
        p = unpack(theta)
        eta = self._eta(p, helped)
        sharpness = torch.exp(p["sharpness"] * torch.tensor(SHARPNESS_NODES))
        constant = helped * p["constant"][0] + (1.0 - helped) * p["constant"][1]
        steady = helped[:, None] * p["constant_value"][0] + (1.0 - helped[:, None]) * p["constant_value"][1]
        log_prior = torch.cat(
            [torch.log(constant)[:, None], torch.log1p(-constant)[:, None] + self._log_weights[None]], dim=1
        )

        def chance(value: torch.Tensor) -> torch.Tensor:
            varied = ordinal(eta[:, :, None], value[:, None, None], p["cuts"], p["lapse"], sharpness)
            again = (value == self._initial).to(torch.float64)
            same = torch.where(self._repeats, again, steady[self._person, value])
            return torch.cat([same[:, None], varied.flatten(1)], dim=1)

        return log_prior, chance

    def slope(self, theta: torch.Tensor) -> float:
        """Derivative of the expected rating by eta, averaged over non-constant raters and their ratings."""
        p = unpack(theta)
        eta = self._eta(p, self._helped)[:, :, None]
        sharpness = torch.exp(p["sharpness"] * torch.tensor(SHARPNESS_NODES))
        step, rise = 1e-4, torch.zeros(1, dtype=torch.float64)
        for point in range(POINTS):
            for sign in (1.0, -1.0):
                chance = ordinal(eta + sign * step, torch.tensor(point), p["cuts"], p["lapse"], sharpness)
                rise = rise + sign * point * chance / (2 * step)
        return float((rise.flatten(1) @ torch.exp(self._log_weights)).mean())

    def _eta(self, p: dict[str, torch.Tensor], helped: torch.Tensor) -> torch.Tensor:
        """The latent rating at the nodes of the personal effect, `[R, A]`."""
        alpha = p["spread"] * self._nodes[None] + (p["unhelped"] * (1.0 - helped))[:, None]
        shared = p["trend"] * self._turn + p["curve"] * (self._turn - 1.0) ** 2 + p["last"] * self._last
        shared = shared + p["first"] * (~self._repeats).to(torch.float64)
        if len(p["readings"]):
            shared = shared + self._x @ p["readings"]
        return alpha[self._person] + shared[:, None]


def ordinal(
    eta: torch.Tensor, value: torch.Tensor, cuts: torch.Tensor, lapse: torch.Tensor, sharpness: torch.Tensor
) -> torch.Tensor:
    """Probability of ratings 0-4; all but `cuts` and `lapse` broadcast."""
    far = torch.full((1,), _FAR, dtype=cuts.dtype)
    edges = torch.cat([-far, cuts, far])
    mass = torch.sigmoid(sharpness * (edges[value + 1] - eta)) - torch.sigmoid(sharpness * (edges[value] - eta))
    return (1.0 - lapse) * mass + lapse / POINTS


def _own_means(data: Ratings) -> F64:
    mask = (data.value >= 0)[..., None]
    means: F64 = (data.readings * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return means
