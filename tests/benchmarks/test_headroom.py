"""`python -m benchmarks.headroom`: errors of differences between policies."""

import numpy as np
import pytest

from benchmarks import headroom
from rlgen.experiments.evaluation.outcomes import Outcomes
from rlgen.experiments.statistics import crossed_error


def test_the_error_is_that_of_pairs_over_seeds_and_people():
    def outcomes(*returns):
        empty = np.zeros(0)
        return Outcomes({"return": np.array(returns)}, {}, empty.astype(int), empty.astype(int), np.zeros((0, 4), "f4"))

    found = {
        "fixed": outcomes(0.0, 0.2),
        "ppo, seed 0": outcomes(1.0, 2.0),
        "ppo, seed 1": outcomes(3.0, 3.0),
        "blind ppo, seed 0": outcomes(0.0, 1.0),
        "blind ppo, seed 1": outcomes(0.0, 1.0),
    }
    assert headroom._error(found, "ppo", "blind ppo") == crossed_error([[1.0, 1.0], [3.0, 2.0]])
    assert headroom._error(found, "ppo", "fixed") == crossed_error([[1.0, 1.8], [3.0, 2.8]])
    assert headroom._error(found, "ppo", "linear ppo") is None
    alone = {"fixed": found["fixed"], "ppo, seed 0": found["ppo, seed 0"]}
    assert headroom._error(alone, "ppo", "fixed") == pytest.approx(np.std([1.0, 1.8], ddof=1) / np.sqrt(2))
