"""Distances between what people do: two-sample tests, distances of distributions, correlations with their spread."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.stats
from sklearn.metrics import roc_auc_score

from rlgen.types import F64, I64
from rlgen.users.fidelity.talks import Talks
from rlgen.users.fitting.rating_model import POINTS

LENGTH: Final = 4  # ratings of a sequence that are compared
RESAMPLES: Final = 1000
_RIDGE: Final = 0.02  # penalty for each person


def ks(first: I64, second: I64) -> float:
    """Kolmogorov-Smirnov distance of two samples."""
    return float(scipy.stats.ks_2samp(first, second, method="asymp").statistic)


def two_sample_auc(first: Talks, second: Talks, seed: int, joint: bool = False, folds: int = 5) -> float:
    """How well a classifier tells two sets of dialogues apart: .5 not at all, 1 always.

    Ridge logistic regression, cross-validated, classes weighed equally (classifier two-sample test: Lopez-Paz and
    Oquab, ICLR 2017), on which point each of the first `LENGTH` ratings has, whether neighbours are equal, mean,
    spread and slope. `joint` adds words and valence of what was said with each of them, their means and spreads,
    their squares and products with the rating, and the number of replies. Dialogues with fewer ratings are left out;
    NaN where hardly any remain.
    """
    sets = [talks.rows(np.flatnonzero((talks.value[:, :LENGTH] >= 0).all(axis=1))) for talks in (first, second)]
    if min(len(talks.value) for talks in sets) < folds:
        return float("nan")
    from sklearn.linear_model import LogisticRegression  # it takes a second, which only figures need
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.concatenate([_features(talks, joint) for talks in sets])
    y = np.repeat([0, 1], [len(talks.value) for talks in sets])
    fold = np.random.default_rng(seed).permutation(len(y)) % folds
    score = np.zeros(len(y))
    for k in range(folds):
        kept = fold != k
        ridge = LogisticRegression(C=1.0 / (_RIDGE * kept.sum()), class_weight="balanced", tol=1e-6, max_iter=1000)
        made = make_pipeline(StandardScaler(), ridge).fit(x[kept], y[kept])
        score[~kept] = made.decision_function(x[~kept]) - ridge.intercept_  # folds differ in their shares
    return float(roc_auc_score(y, score))


def wasserstein(first: Talks, second: Talks) -> dict[str, float]:
    """Wasserstein distances of people's mean rating, its spread and relief (points), and slope (points per reply)."""
    shapes = [_shape(talks) for talks in (first, second)]
    distances = {
        name: float(scipy.stats.wasserstein_distance(a, b))
        for name, a, b in zip(("mean", "spread", "slope"), *shapes, strict=True)
    }
    known = [talks.relief_points[~np.isnan(talks.relief_points)] for talks in (first, second)]
    if min(map(len, known)):
        distances["relief (points)"] = float(scipy.stats.wasserstein_distance(*known))
    return distances


def rating_relief(talks: Talks) -> float:
    """Correlation of a person's mean rating with relief; NaN where hardly anybody was surveyed."""
    mean, relief = _mean_and_relief(talks)
    if len(mean) < 3:
        return float("nan")  # without surveys there is no relief to compare with
    if np.ptp(mean) < 1e-9 or np.ptp(relief) < 1e-9:
        return 0.0  # what never changes goes along with nothing
    return float(np.corrcoef(mean, relief)[0, 1])


def rating_relief_interval(talks: Talks, seed: int) -> tuple[float, float]:
    """Its 95 % bootstrap interval over people."""
    mean, relief = _mean_and_relief(talks)
    rows = np.random.default_rng(seed).integers(len(mean), size=(RESAMPLES, len(mean)))
    a, b = mean[rows], relief[rows]
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    found = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def _mean_and_relief(talks: Talks) -> tuple[F64, F64]:
    mask = talks.value >= 0
    some = mask.any(axis=1) & ~np.isnan(talks.relief_points)
    return (talks.value * mask).sum(axis=1)[some] / mask.sum(axis=1)[some], talks.relief_points[some]


def _shape(talks: Talks) -> tuple[F64, F64, F64]:
    """Mean, standard deviation and slope over replies of the ratings of people with two or more."""
    mask = (talks.value >= 0).astype(np.float64)
    some = mask.sum(axis=1) >= 2
    mask, value, time = mask[some], talks.value[some], talks.after[some]
    count = mask.sum(axis=1, keepdims=True)
    value = (value - (value * mask).sum(axis=1, keepdims=True) / count) * mask
    centred = (time - (time * mask).sum(axis=1, keepdims=True) / count) * mask
    mean = (talks.value[some] * mask).sum(axis=1) / count[:, 0]
    slope = (value * centred).sum(axis=1) / np.maximum((centred**2).sum(axis=1), 1e-9)
    return mean, np.sqrt((value**2).sum(axis=1) / count[:, 0]), slope


def _features(talks: Talks, joint: bool) -> F64:
    value = talks.value[:, :LENGTH]
    onehot = np.eye(POINTS)[value].reshape(len(value), -1)
    same = (np.diff(value, axis=1) == 0).astype(np.float64)
    time = np.arange(LENGTH) - (LENGTH - 1) / 2
    shape = np.stack([value.mean(axis=1), value.std(axis=1), value @ time, same.sum(axis=1), same.all(axis=1)], axis=1)
    columns = [onehot, same, shape]
    if joint:
        for said in (talks.words[:, :LENGTH], talks.valence[:, :LENGTH]):
            columns += [said, said**2, said * value, np.diff(said, axis=1)]
            columns += [said.mean(axis=1, keepdims=True), said.std(axis=1, keepdims=True)]
        replies = talks.replies[:, None] / 10.0
        columns += [replies, replies**2]
    return np.concatenate(columns, axis=1)
