"""Ratings as an ordinal logistic model with personal effects, constant raters and lapses.

A person i is a constant rater with probability `constant` and gives one value for ever; else the
latent rating after a reply is

    eta = alpha_i + first [no rating yet] + trend replies / 10 + last (last rating - 4) + sum_k b_k x_k

with alpha_i normal, and P(rating <= c) = logistic(cut_c - eta), mixed with a uniform lapse (ordinal
mixed model: Agresti, Categorical Data Analysis, 2013, ch. 8 and 13). `x_k` is the mean reading k of
the replies since the last rating, as deviation from the person's own mean in within-person standard
deviations; so the `b_k` use comparisons within a person only. Supporters chose what to say by how
the talk went: the `b_k` are confounded, not causal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from rlgen.users.laplace import F64, Posterior, laplace
from rlgen.users.observations import Ratings
from rlgen.users.parameters import RatingParameters
from rlgen.users.readings import NAMES

POINTS: Final = 5
EFFECT_PRIOR: Final = 0.05  # rating points per within-person standard deviation of a reading
_NODES: Final = 21
# Name, size, prior mean, prior standard deviation; cuts are the first and the log steps to the next.
_LAYOUT: Final = (
    ("cuts", 4, 0.0, 3.0),
    ("log_spread", 1, 0.5, 1.0),
    ("unhelped", 1, 0.0, 3.0),
    ("first", 1, 0.0, 1.5),
    ("trend", 1, 0.0, 1.5),
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


def scale_of(data: Ratings) -> Scale:
    """Means, and standard deviations of windows around each person's own mean."""
    mask = data.value >= 0
    own = _own_means(data)
    deviation = np.sqrt(((data.readings - own[:, None]) ** 2)[mask].mean(axis=0)) if mask.any() else np.ones(0)
    return Scale(data.readings[mask].mean(axis=0), np.maximum(deviation, 1e-6))


def fit_ratings(data: Ratings) -> RatingFit:
    """Posterior of the model; the readings' prior is `EFFECT_PRIOR` rating points."""
    scale = scale_of(data)
    plain = Ratings(data.value, data.after, data.readings[..., :0], data.helped)
    start = np.concatenate([np.full(size, mean) for _, size, mean, _ in _LAYOUT])
    start[:4] = [-4.0, 0.3, 0.3, 0.3]
    first = laplace(_Loss(plain, Scale(np.zeros(0), np.ones(0)), 1.0), start)
    slope = _slope(first.mode, plain)
    size = data.readings.shape[2]
    posterior = first
    if size:
        loss = _Loss(data, scale, EFFECT_PRIOR / slope)
        posterior = laplace(loss, np.concatenate([first.mode, np.zeros(size)]))
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
        "lapse": torch.sigmoid(parts["lapse"]),
        "constant": torch.sigmoid(parts["constant"]),
        "constant_value": torch.softmax(parts["constant_value"].reshape(2, POINTS), dim=1),
        "readings": theta[at:],
    }


def flatten(p: RatingParameters) -> tuple[F64, Scale]:
    """The flat parameters and the scale that named ones stand for, readings in the order of `NAMES`."""
    steps = np.log(np.maximum(np.diff(p.cuts), 1e-9))
    shares = np.array([p.lapse, *p.constant]).clip(1e-9, 1 - 1e-9)
    theta = [
        *[p.cuts[0], *steps, np.log(max(p.spread, 1e-9)), p.unhelped, p.first, p.trend, p.last],
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
    if not data.readings.shape[2]:
        theta, scale = theta[: len(theta) - len(scale.mean)], Scale(np.zeros(0), np.ones(0))
    with torch.no_grad():
        loss = _Loss(data, scale, 1.0)
        kinds = [loss.components(torch.tensor(theta), torch.full(data.helped.shape, k).double()) for k in (1.0, 0.0)]
    weights = np.log([helped_share, 1.0 - helped_share])
    log_prior = torch.cat([prior + weight for (prior, _), weight in zip(kinds, weights, strict=True)], dim=1)
    points = torch.cat([probability for _, probability in kinds], dim=1)  # [P, C, J, 5]
    value = torch.tensor(data.value)
    mask = value >= 0
    index = value.clamp(min=0)[:, None, :, None].expand(-1, points.shape[1], -1, 1)
    seen = torch.log(torch.gather(points, 3, index)[..., 0].clamp(min=1e-300)) * mask[:, None]
    before = torch.cumsum(seen, dim=2) - seen
    weight = torch.softmax(log_prior[:, :, None] + before, dim=1)
    predicted: F64 = ((weight[..., None] * points).sum(dim=1) * mask[..., None]).numpy()
    return predicted


class _Loss:
    """Negative log posterior of the flat parameters."""

    def __init__(self, data: Ratings, scale: Scale, effect_prior: float) -> None:
        self._value = torch.tensor(data.value)
        self._mask = self._value >= 0
        self._helped = torch.tensor(data.helped, dtype=torch.float64)
        self._turn = torch.tensor(data.after / 10.0)
        self._last = torch.tensor(data.last)
        self._first = torch.zeros(data.value.shape, dtype=torch.float64)
        self._first[:, 0] = 1.0
        self._x = torch.tensor((data.readings - _own_means(data)[:, None]) / scale.deviation)
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        self._nodes = torch.tensor(nodes)
        self._log_weights = torch.tensor(np.log(weights / weights.sum()))
        size = data.readings.shape[2]
        mean = [np.full(size, mean) for _, size, mean, _ in _LAYOUT]
        deviation = [np.full(size, sd) for _, size, _, sd in _LAYOUT]
        self._prior_mean = torch.tensor(np.concatenate([*mean, np.zeros(size)]))
        self._prior_deviation = torch.tensor(np.concatenate([*deviation, np.full(size, effect_prior)]))
        # A constant rater repeats the first value: [P, J], 1 where the rating equals the first one.
        self._repeats = (self._value == self._value[:, :1]).to(torch.float64)

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        log_prior, points = self.components(theta, self._helped)
        index = self._value.clamp(min=0)[:, None, :, None].expand(-1, points.shape[1], -1, 1)
        seen = torch.gather(points, 3, index)[..., 0].clamp(min=1e-12)
        likelihood = (torch.log(seen) * self._mask[:, None]).sum(dim=2)
        shrunk = 0.5 * (((theta - self._prior_mean) / self._prior_deviation) ** 2).sum()
        return shrunk - torch.logsumexp(log_prior + likelihood, dim=1).sum()

    def components(self, theta: torch.Tensor, helped: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log prior `[P, C]` and rating probabilities `[P, C, J, 5]` of the components.

        The components are the constant rater and the quadrature nodes of the personal effect.
        """
        p = unpack(theta)
        alpha = p["spread"] * self._nodes[None] + p["unhelped"] * (1.0 - helped[:, None])
        shared = p["first"] * self._first + p["trend"] * self._turn + p["last"] * self._last
        if len(p["readings"]):
            shared = shared + self._x @ p["readings"]
        points = ordinal(alpha[:, :, None] + shared[:, None], p["cuts"], p["lapse"])
        constant = helped * p["constant"][0] + (1.0 - helped) * p["constant"][1]
        value = helped[:, None] * p["constant_value"][0] + (1.0 - helped[:, None]) * p["constant_value"][1]
        onward = torch.nn.functional.one_hot(self._value[:, :1].clamp(min=0), POINTS).to(torch.float64)
        steady = torch.cat([value[:, None], onward.expand(-1, self._value.shape[1] - 1, -1)], dim=1)
        log_prior = torch.cat(
            [torch.log(constant)[:, None], torch.log1p(-constant)[:, None] + self._log_weights[None]], dim=1
        )
        return log_prior, torch.cat([steady[:, None], points], dim=1)


def ordinal(eta: torch.Tensor, cuts: torch.Tensor, lapse: torch.Tensor) -> torch.Tensor:
    """Probabilities of the five points, `[..., 5]`."""
    below = torch.sigmoid(cuts - eta[..., None])
    edges = torch.nn.functional.pad(below, (1, 0), value=0.0), torch.nn.functional.pad(below, (0, 1), value=1.0)
    return (1.0 - lapse) * (edges[1] - edges[0]) + lapse / POINTS


def _own_means(data: Ratings) -> F64:
    mask = (data.value >= 0)[..., None]
    means: F64 = (data.readings * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return means


def _slope(theta: F64, data: Ratings) -> float:
    """Derivative of the expected rating by eta over the population of non-constant raters."""
    loss = _Loss(data, Scale(np.zeros(0), np.ones(0)), 1.0)
    p = unpack(torch.tensor(theta))
    helped = torch.tensor(data.helped, dtype=torch.float64)
    alpha = p["spread"] * loss._nodes[None] + p["unhelped"] * (1.0 - helped[:, None])
    shared = p["first"] * loss._first + p["trend"] * loss._turn + p["last"] * loss._last
    eta = alpha[:, :, None] + shared[:, None]
    score = torch.arange(1.0, POINTS + 1, dtype=torch.float64)
    step = 1e-4
    rise = [(ordinal(eta + sign * step, p["cuts"], p["lapse"]) * score).sum(-1) for sign in (1, -1)]
    slopes = ((rise[0] - rise[1]) / (2 * step) * torch.exp(loss._log_weights)[None, :, None]).sum(dim=1)
    return float(slopes[loss._mask].mean())
