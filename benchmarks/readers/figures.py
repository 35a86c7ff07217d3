"""What an evaluation of readers consists of: figures beside a peer's, and the scores that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


@dataclass(frozen=True)
class Figure:
    """One measured figure, with that of a plain peer in the same run where there is one."""

    artifact: str
    name: str
    value: float
    baseline: float | None = None
    higher: bool = True


def auc(score: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive scores above a negative, ties counting half; 0.5 is chance."""
    ranks = rankdata(score)
    p, n = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n))


def spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Rank correlation; 0 where one side is constant."""
    x, y = rankdata(a), rankdata(b)
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])
