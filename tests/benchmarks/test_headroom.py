"""`python -m benchmarks.headroom`: errors of differences between policies."""

import numpy as np
import pytest

from benchmarks import headroom
from benchmarks.headroom import crossed_error
from rlgen.experiments.evaluation.outcomes import Outcomes


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


def test_the_error_over_seeds_and_people_is_that_of_fresh_ones():
    rng = np.random.default_rng(3)

    def table(seeds, people):
        return rng.normal(0, 0.5, (seeds, 1)) + rng.normal(0, 2.0, people) + rng.normal(0, 1.0, (seeds, people))

    drawn = [table(6, 20) for _ in range(3000)]
    true = np.sqrt(0.25 / 6 + 4 / 20 + 1 / 120)
    assert np.std([found.mean() for found in drawn]) == pytest.approx(true, rel=0.05)
    assert np.sqrt(np.mean([crossed_error(found) ** 2 for found in drawn])) == pytest.approx(true, rel=0.05)


def test_the_error_of_one_seed_is_that_over_people_and_of_one_person_that_over_seeds():
    values = [1.0, 2.0, 4.0]
    alone = np.std(values, ddof=1) / np.sqrt(3)
    assert crossed_error([values]) == pytest.approx(alone)
    assert crossed_error([[value] for value in values]) == pytest.approx(alone)
    assert np.isnan(crossed_error([[1.0]]))
    # Without interaction it is the sum of both variances: rows 0 and 2, columns 0 and 4.
    assert crossed_error([[0.0, 4.0], [2.0, 6.0]]) == pytest.approx(np.sqrt(2 / 2 + 8 / 2))
