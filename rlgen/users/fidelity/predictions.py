"""How well ratings and endings of unseen people are predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from rlgen.types import F64, I64, Bools
from rlgen.users.fitting.rating_model import POINTS
from rlgen.users.logs.observations import CENTRE, Endings, Ratings


@dataclass(frozen=True)
class Rated:
    """R predicted and given ratings of several people.

    Attributes:
        probability: `[R, 5]`.
        value: `[R]` 0-4.
        person: `[R]`.
    """

    probability: F64
    value: I64
    person: I64

    @classmethod
    def of(cls, probability: F64, data: Ratings, later: bool) -> Rated:
        """From `[P, J, 5]` predictions; with `later` only of ratings that have one before them."""
        mask = data.value >= 0
        mask[:, 0] &= not later
        return cls(probability[mask], data.value[mask], np.nonzero(mask)[0])

    @classmethod
    def joined(cls, parts: Sequence[Rated]) -> Rated:
        """Predictions for different people together."""
        first = np.cumsum([0, *(part.person.max(initial=-1) + 1 for part in parts[:-1])])
        return cls(
            np.concatenate([part.probability for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.person + start for part, start in zip(parts, first, strict=True)]),
        )


def rating_scores(rated: Rated) -> dict[str, float]:
    """Scores of predictions.

    Returns:
        `NLL` per rating; `QWK` of `points`, and `Spearman` of the mean, with the rating; `Spearman within`, of both
        as deviations from the person's mean; `calibration slope` of ratings on predicted means.
    """
    given, person = rated.value, rated.person
    picked = rated.probability[np.arange(len(given)), given]
    mean = rated.probability @ np.arange(POINTS)
    own = [part - (np.bincount(person, part) / np.maximum(np.bincount(person), 1))[person] for part in (mean, given)]
    return {
        "NLL": float(-np.log(np.maximum(picked, 1e-12)).mean()),
        "QWK": qwk(points(rated.probability), given),
        "Spearman": _spearman(mean, given),
        "Spearman within": _spearman(*own),
        "calibration slope": float(np.cov(mean, given)[0, 1] / max(mean.var(ddof=1), 1e-12)),
    }


def repeated(data: Ratings) -> F64:
    """Certainty that the last rating comes again, and 4 at first, `[P, J, 5]`; only its points are worth scoring."""
    certain: F64 = np.eye(POINTS)[(data.last + CENTRE - 1).astype(np.int64)]
    return certain


def points(probability: F64) -> I64:
    """Point predictions `[R]` that rank as the predicted means and are distributed as is predicted on the whole.

    Rounded means and medians shun the ends of the scale, which a kappa counts as disagreement of the margins.
    """
    mean = probability @ np.arange(POINTS)
    if np.ptp(mean) < 1e-6:
        return np.rint(mean).astype(np.int64)
    cuts = np.quantile(mean, np.minimum(np.cumsum(probability.mean(axis=0))[:-1], 1.0))
    return np.asarray((mean[:, None] > cuts - 1e-9).sum(axis=1), dtype=np.int64)


def qwk(predicted: I64, given: I64) -> float:
    """Quadratic weighted kappa of two ratings 0-4 (Cohen, Psychol. Bull. 70, 1968)."""
    from sklearn.metrics import cohen_kappa_score  # it takes a second, which only figures need

    if np.ptp(predicted) == 0 and np.array_equal(predicted, given):
        return 1.0  # one value and no other: there is nothing to disagree about
    return float(cohen_kappa_score(predicted, given, labels=np.arange(POINTS), weights="quadratic"))


def ending_scores(hazard: F64, data: Endings, rows: Bools) -> dict[str, float]:
    """Scores of predicted hazards `[M]` on some person-turns at risk.

    Returns:
        `NLL` per dialogue; `C-index`, the probability that who leaves after a reply had a higher hazard than who was
        at risk at the same reply and stayed (ties count half; concordance within risk sets).
    """
    rows = rows & data.entered
    ended = (data.completed | data.abandoned)[rows]
    hazard, turn = np.clip(hazard[rows], 1e-9, 1 - 1e-9), data.turn[rows]
    total = -np.where(ended, np.log(hazard), np.log1p(-hazard)).sum()
    right = pairs = 0.0
    for t in np.unique(turn[ended]):
        left, stayed = hazard[(turn == t) & ended], hazard[(turn == t) & ~ended]
        right += (left[:, None] > stayed).sum() + 0.5 * (left[:, None] == stayed).sum()
        pairs += len(left) * len(stayed)
    return {
        "NLL": float(total / len(np.unique(data.dialogue[rows]))),
        "C-index": right / pairs if pairs else float("nan"),
    }


def _spearman(a: F64, b: F64 | I64) -> float:
    if np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9:
        return 0.0  # who predicts one value for all ranks nothing
    return float(scipy.stats.spearmanr(a, b).statistic)
