import numpy as np
import pytest

from rlgen.experiments.studies.overoptimisation import overoptimisation


def along(a, b, noise=0.0, seeds=8, iterations=30, far=2.0):
    """Relief that goes by the law, at distances up to `far`."""
    d = np.linspace(0.0, far, iterations)[:, None] * np.ones(seeds)
    relief = 0.1 + d * (a - b * np.log(np.where(d > 0, d, 1.0)))
    return d**2, relief + np.random.default_rng(0).normal(0, noise, d.shape)


def test_the_law_is_found_again():
    found = overoptimisation(*along(0.3, 0.4))
    assert (found.start, found.a, found.b, found.reached) == pytest.approx((0.1, 0.3, 0.4, 2.0))
    assert found.peak == pytest.approx(np.exp(0.3 / 0.4 - 1))
    at_peak = 0.4 * np.exp(0.3 / 0.4 - 1)  # d (a - b log d) where its slope is nothing
    assert found.lost == pytest.approx(at_peak - 2 * (0.3 - 0.4 * np.log(2)), abs=1e-3)  # the peak lies between points
    assert found.low == pytest.approx(found.lost)


def test_past_the_peak_is_told_from_still_rising():
    fallen, rising = overoptimisation(*along(0.3, 0.4, 0.03)), overoptimisation(*along(0.3, 0.05, 0.03))
    assert fallen.low > 0
    assert rising.lost < 0.02
    assert rising.low <= 0


def test_relief_that_falls_from_the_start_was_largest_there():
    found = overoptimisation(*along(-0.2, 0.0, 0.01))
    assert found.lost == pytest.approx(0.4, abs=0.03)
    assert found.low > 0.3


@pytest.mark.parametrize("b", [0.0, -0.1])
def test_without_a_largest_value_there_is_no_peak(b):
    found = overoptimisation(*along(0.3, b))
    assert found.peak is None
    assert found.lost == pytest.approx(0.0, abs=1e-9)


def test_one_seed_has_no_interval_and_few_or_unknown_iterations_say_nothing():
    kl, relief = along(0.3, 0.4, seeds=1)
    found = overoptimisation(kl, relief)
    assert (found.low, found.high) == (None, None)
    assert overoptimisation(kl[:9], relief[:9]) is None
    assert overoptimisation(kl * np.nan, relief) is None
    assert overoptimisation(kl * 0, relief) is None


def test_the_interval_over_seeds_covers_what_is_lost_in_truth():
    """Of 200 studies of 8 seeds whose curves differ, the interval holds the loss of the mean curve in nearly 95 %."""
    draw = np.random.default_rng(1)
    d = np.linspace(0.0, 2.0, 25)[:, None] * np.ones(8)
    log = np.log(np.where(d > 0, d, 1.0))
    line = d[:, 0] * (0.3 - 0.4 * log[:, 0])
    held = 0
    for _ in range(200):
        relief = d * (0.3 + draw.normal(0, 0.05, 8) - 0.4 * log) + draw.normal(0, 0.02, d.shape)
        found = overoptimisation(d**2, relief)
        held += found.low <= line.max() - line[-1] <= found.high
    assert 0.88 <= held / 200 <= 0.99
