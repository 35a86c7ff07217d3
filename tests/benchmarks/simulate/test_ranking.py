"""Whether two worlds rank alike, on rankings that are known."""

import numpy as np
import pytest

from benchmarks.simulate.ranking import agreement, tau


def test_agreement_of_worlds_that_are_the_same_reversed_or_unrelated():
    rng = np.random.default_rng(0)
    skill = np.arange(12)[:, None]
    first = skill + rng.normal(size=(12, 300))
    same = agreement(first, first, resamples=100, splits=20)
    assert same.tau.mean == pytest.approx(1.0)
    assert same.tau.low <= same.tau.high <= 1.0
    assert same.halves == pytest.approx(same.across)
    assert 0.9 < same.halves <= 1.0
    assert agreement(first, -first, resamples=50, splits=5).tau.mean == pytest.approx(-1.0)
    noise = agreement(first, rng.normal(size=first.shape), resamples=100, splits=5)
    assert noise.tau.low < 0.5
    with pytest.raises(ValueError, match="the same policies"):
        agreement(first, first[:, :5])


def test_tau_of_a_known_ranking():
    # One of the six pairs is discordant: (5 - 1) / 6.
    assert tau(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(4 / 6)
