"""How human the simulated people are: figures on dialogues that took no part in fitting.

Every figure stands beside a trivial model: ratings drawn from their marginal distribution, ratings
that depend on the last one only (Markov), and a hazard that never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from rlgen.rng import Streams
from rlgen.text.evaluation import auc
from rlgen.text.utterances import utterances
from rlgen.types import I64, MAX_TURNS, Reading, SegmentCatalogue, Words
from rlgen.users import observations
from rlgen.users.calibrated import CalibratedUsers
from rlgen.users.config import CalibratedConfig
from rlgen.users.dialogues import Dialogue
from rlgen.users.ending_model import hazards
from rlgen.users.laplace import F64
from rlgen.users.observations import Endings, Ratings
from rlgen.users.parameters import Parameters
from rlgen.users.rating_model import POINTS, predict

SIMULATED: Final = 2000  # people simulated for comparisons of distributions
LENGTH: Final = 4  # ratings of a sequence that are compared


@dataclass(frozen=True)
class Simulated:
    """Dialogues of simulated people who meet replies of average human reading.

    Attributes:
        value: `[P, J]` ratings as 0-4, -1 where padded.
        replies: `[P]` at the end, or the horizon.
        relief: `[P]` change of the survey.
        completed: `[P]`.
    """

    value: I64
    replies: I64
    relief: F64
    completed: np.ndarray[tuple[int], np.dtype[np.bool_]]


def simulate(parameters: Parameters, share: float, seed: int, people: int = SIMULATED) -> Simulated:
    """Let people of a fit talk with a supporter whose replies all read as the human average."""
    segment = SegmentCatalogue(np.zeros(1, np.int64), np.zeros(1, np.int64), *(np.zeros(1, np.float32),) * 3)
    users = CalibratedUsers(CalibratedConfig(share_of_successes=share), people, utterances(), segment, parameters)
    streams = Streams.of(seed, people)
    users.reset(np.arange(people), streams)
    words = Words(np.full((people, 1), -1), [""] * people)
    reading = _average(parameters, people)
    value = np.full((people, MAX_TURNS), -1, dtype=np.int64)
    count, replies = np.zeros(people, dtype=np.int64), np.full(people, MAX_TURNS)
    relief, completed, there = np.zeros(people), np.zeros(people, dtype=np.bool_), np.ones(people, dtype=np.bool_)
    for turn in range(MAX_TURNS):
        feedback, _ = users.respond(words, reading, streams, np.full(people, turn))
        given = np.flatnonzero(there & ~np.isnan(feedback.rating))
        value[given, count[given]] = feedback.rating[given].astype(np.int64) - 1
        count[given] += 1
        leaving = there & (feedback.completed | feedback.abandoned | (turn == MAX_TURNS - 1))
        replies[leaving] = turn + 1
        relief[leaving] = users.hidden()["relief"][leaving]
        completed |= there & feedback.completed
        there &= ~leaving
    return Simulated(value, replies, relief, completed)


def rating_nll(p: Parameters, data: Ratings, share: float) -> float:
    """Mean negative log-likelihood per rating, given those before."""
    return _nll(predict(p.ratings, data, share), data)


def rating_qwk(p: Parameters, data: Ratings, share: float) -> float:
    """Quadratic weighted kappa of the rounded expected rating with the rating given."""
    expected = predict(p.ratings, data, share) @ np.arange(POINTS)
    mask = data.value >= 0
    return qwk(np.rint(expected[mask]).astype(np.int64), data.value[mask])


def marginal_nll(train: Ratings, data: Ratings, distribution: F64 | None = None) -> float:
    """The same for one distribution of ratings: that of the training ratings, unless given."""
    counts = np.bincount(train.value[train.value >= 0], minlength=POINTS) + 1.0
    shares = counts / counts.sum() if distribution is None else distribution
    return _nll(np.broadcast_to(shares, (*data.value.shape, POINTS)), data)


def simulated_marginal(simulated: Simulated) -> F64:
    """Distribution of simulated ratings, `[5]`."""
    counts = np.bincount(simulated.value[simulated.value >= 0], minlength=POINTS) + 1.0
    shares: F64 = counts / counts.sum()
    return shares


def markov_nll(train: Ratings, data: Ratings) -> float:
    """The same for a Markov chain of first order with one pseudo-count."""
    return _nll(_markov(train, data), data)


def repeat_qwk(data: Ratings) -> float:
    """Quadratic weighted kappa of predicting the last rating again, and 4 at first."""
    mask = data.value >= 0
    return qwk((data.last + observations.CENTRE - 1)[mask].astype(np.int64), data.value[mask])


def qwk(predicted: I64, given: I64) -> float:
    """Quadratic weighted kappa of two ratings 0-4 (Cohen, Psychol. Bull. 70, 1968)."""
    table = np.zeros((POINTS, POINTS))
    np.add.at(table, (predicted, given), 1.0)
    apart = (np.arange(POINTS)[:, None] - np.arange(POINTS)) ** 2.0
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(1.0 - (apart * table).sum() / (apart * chance).sum())


def ending_nll(p: Parameters, data: Endings) -> float:
    """Mean negative log-likelihood per dialogue of when it ended, by whatever cause."""
    done, left = hazards(p.endings, data.turn, data.mood)
    return _ending_nll(done + left - done * left, data)


def constant_ending_nll(train: Endings, data: Endings) -> float:
    """The same for one hazard at all times."""
    risk = train.entered
    hazard = float((train.completed | train.abandoned)[risk].mean())
    return _ending_nll(np.full(len(data.turn), hazard), data)


def duration_ks(simulated: Simulated, dialogues: Sequence[Dialogue], seed: int) -> float:
    """Largest distance of the distributions of replies, of successes, both cut at the horizon.

    Simulated people are kept if they pass the corpus's filter, at a reply drawn from where human
    dialogues passed it.
    """
    helped = [d for d in dialogues if d.helped and d.replies]
    human = np.minimum([d.replies for d in helped], MAX_TURNS)
    ends = observations.endings(helped)
    entry = np.array(
        [ends.turn[(ends.dialogue == i) & ends.entered].min(initial=MAX_TURNS) for i in range(len(helped))]
    )
    drawn = np.random.default_rng(seed).choice(entry, len(simulated.replies))
    kept = simulated.replies[(simulated.replies >= drawn) & (simulated.completed | (simulated.replies == MAX_TURNS))]
    return ks(kept, human)


def constant_duration_ks(dialogues: Sequence[Dialogue], seed: int) -> float:
    """The same for geometric durations of the human mean."""
    human = np.minimum([d.replies for d in dialogues if d.helped and d.replies], MAX_TURNS)
    drawn = np.random.default_rng(seed).geometric(1.0 / human.mean(), SIMULATED)
    return ks(np.minimum(drawn, MAX_TURNS), human)


def ks(first: I64, second: I64) -> float:
    """Kolmogorov-Smirnov distance of two samples."""
    points = np.unique(np.concatenate([first, second]))
    shares = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def markov_sequences(train: Ratings, seed: int, people: int = SIMULATED) -> I64:
    """Sequences of `LENGTH` ratings from the Markov chain."""
    rng = np.random.default_rng(seed)
    start, step = _chain(train)
    value = np.zeros((people, LENGTH), dtype=np.int64)
    value[:, 0] = rng.choice(POINTS, people, p=start)
    for j in range(1, LENGTH):
        value[:, j] = (rng.random(people)[:, None] > np.cumsum(step[value[:, j - 1]], axis=1)[:, :-1]).sum(axis=1)
    return value


def two_sample_auc(first: I64, second: I64, seed: int, folds: int = 5) -> float:
    """How well a classifier tells two sets of rating sequences apart: .5 not at all, 1 always.

    Ridge logistic regression on which point each of the first `LENGTH` ratings has, whether
    neighbours are equal, mean, spread and slope; cross-validated, classes weighed equally (classifier
    two-sample test: Lopez-Paz and Oquab, ICLR 2017). Shorter sequences are left out.
    """
    sets = [value[(value[:, :LENGTH] >= 0).all(axis=1)][:, :LENGTH] for value in (first, second)]
    x = np.concatenate([_features(value) for value in sets])
    y = np.repeat([0.0, 1.0], [len(value) for value in sets])
    fold = np.random.default_rng(seed).permutation(len(y)) % folds
    score = np.zeros(len(y))
    for k in range(folds):
        kept = fold != k
        centre, spread = x[kept].mean(axis=0), x[kept].std(axis=0) + 1e-9
        beta = _ridge((x[kept] - centre) / spread, y[kept])
        score[~kept] = ((x[~kept] - centre) / spread) @ beta
    return auc(score, y == 1)


def rating_relief_correlation(value: I64, relief: F64) -> float:
    """Correlation of a person's mean rating with relief."""
    mask = value >= 0
    mean = (value * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    some = mask.any(axis=1)
    return float(np.corrcoef(mean[some], relief[some])[0, 1])


def _features(value: I64) -> F64:
    onehot = np.eye(POINTS)[value].reshape(len(value), -1)
    same = (np.diff(value, axis=1) == 0).astype(np.float64)
    time = np.arange(LENGTH) - (LENGTH - 1) / 2
    shape = np.stack([value.mean(axis=1), value.std(axis=1), value @ time, same.sum(axis=1), same.all(axis=1)], axis=1)
    return np.concatenate([onehot, same, shape], axis=1)


def _ridge(x: F64, y: F64) -> F64:
    weight = np.where(y > 0, 0.5 / (y > 0).mean(), 0.5 / (y == 0).mean())
    penalty = 0.02 * len(y)
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)

    def loss(beta: F64) -> tuple[float, F64]:
        eta = design @ beta
        value = (weight * (np.logaddexp(0.0, eta) - y * eta)).sum() + 0.5 * penalty * (beta[:-1] ** 2).sum()
        return float(value), design.T @ (weight * (expit(eta) - y)) + penalty * np.append(beta[:-1], 0.0)

    found: F64 = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x[:-1]
    return found


def _nll(probability: F64, data: Ratings) -> float:
    mask = data.value >= 0
    picked = np.take_along_axis(probability, np.maximum(data.value, 0)[..., None], axis=2)[..., 0]
    return float(-np.log(np.maximum(picked[mask], 1e-12)).mean())


def _ending_nll(hazard: F64, data: Endings) -> float:
    risk = data.entered
    ended = (data.completed | data.abandoned)[risk]
    hazard = np.clip(hazard[risk], 1e-9, 1 - 1e-9)
    total = -np.where(ended, np.log(hazard), np.log1p(-hazard)).sum()
    return float(total / len(np.unique(data.dialogue[risk])))


def _chain(train: Ratings) -> tuple[F64, F64]:
    step = np.ones((POINTS, POINTS))
    pairs = train.value[:, 1:] >= 0
    np.add.at(step, (train.value[:, :-1][pairs], train.value[:, 1:][pairs]), 1.0)
    start = np.bincount(train.value[train.value[:, 0] >= 0, 0], minlength=POINTS) + 1.0
    return start / start.sum(), step / step.sum(axis=1, keepdims=True)


def _markov(train: Ratings, data: Ratings) -> F64:
    start, step = _chain(train)
    probability = np.zeros((*data.value.shape, POINTS))
    probability[:, 0] = start
    probability[:, 1:] = step[np.maximum(data.value[:, :-1], 0)]
    return probability


def _average(parameters: Parameters, people: int) -> Reading:
    means = {name: effect.mean for name, effect in parameters.ratings.readings.items()}

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.full(people, means.get(name, 0.0), dtype=np.float32)

    affect = np.zeros((people, 8), dtype=np.float32)
    affect[:, 0] = 1.0
    affect[:, 6] = column("valence")
    empathy = np.stack([column(name) for name in ("reaction", "interpretation", "exploration")], axis=1)
    return Reading(affect, empathy, **{name: column(name) for name in Reading.SCALARS})
