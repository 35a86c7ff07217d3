import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.experiments.statistics import Interval, as_dict, bootstrap_mean, crossed_error, intervals, paired_difference


def test_interval_of_a_mean_is_the_normal_one():
    values = np.random.default_rng(0).normal(2.0, 3.0, 4000)
    found = bootstrap_mean(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def worst_share(values, share=0.1, **options):
    return intervals({"": values}, share, **options)[""]


@pytest.mark.parametrize("people", [1, 2, 7, 60])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_all_columns_at_once_are_each_as_by_itself(people, share):
    """The direct way: every resample's values are looked up, sorted and averaged."""
    table = np.random.default_rng(people).normal(size=(people, 3))
    table[:, 2] *= 1e6
    found = intervals(dict(enumerate(table.T)), share, resamples=500, seed=3)
    lowest = max(1, int(people * share))
    for name, values in enumerate(table.T):
        ranked = values if share == 1.0 else np.sort(values)  # a tail is of ranks
        drawn = ranked[np.random.default_rng(3).integers(people, size=(500, people))]
        direct = np.quantile(np.sort(drawn, axis=1)[:, :lowest].mean(axis=1), [0.025, 0.975])
        assert [found[name].low, found[name].high] == pytest.approx(direct, rel=1e-9, abs=1e-9)
        assert found[name].mean == pytest.approx(np.sort(values)[:lowest].mean())


def test_missing_values_of_a_column_leave_the_others_alone():
    values = np.random.default_rng(7).normal(size=40)
    holes = np.where(np.arange(40) % 4 == 0, np.nan, values)
    for share in (0.2, 1.0):
        alone = intervals({"whole": values}, share, resamples=200)["whole"]
        both = intervals({"whole": values, "holes": holes}, share, resamples=200)
        assert (both["whole"].low, both["whole"].high) == pytest.approx((alone.low, alone.high))
        known = np.sort(holes[~np.isnan(holes)])
        assert both["holes"].mean == pytest.approx(known[: max(1, int(30 * share))].mean())
        assert both["holes"].low < both["holes"].mean < both["holes"].high


@pytest.mark.slow
def test_a_hundred_columns_of_100_000_people_take_seconds():
    table = np.random.default_rng(8).normal(size=(100, 100_000))
    started = time.process_time()
    found = intervals(dict(enumerate(table)))
    assert time.process_time() - started < 60
    half = (found[0].high - found[0].low) / 2
    assert half == pytest.approx(1.96 / np.sqrt(100_000), rel=0.1)


def test_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = [
        (lambda i: i.low <= 0 <= i.high)(bootstrap_mean(rng.normal(size=100), resamples=400, seed=k))
        for k in range(400)
    ]
    assert 0.91 <= np.mean(covered) <= 0.98


def test_pairing_removes_what_people_share():
    rng = np.random.default_rng(2)
    person = rng.normal(0, 10, 500)
    a, b = person + 0.5 + rng.normal(0, 0.1, 500), person + rng.normal(0, 0.1, 500)
    found = paired_difference(a, b)
    assert found.low > 0
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.02 / 500), rel=0.15)
    assert paired_difference(b, a).high < 0


@settings(max_examples=20, deadline=None)
@given(st.floats(-10, 10), st.integers(2, 50))
def test_a_constant_has_no_interval_and_a_shift_moves_it(value, size):
    values = np.full(size, value)
    found = bootstrap_mean(values, resamples=50)
    assert found.low == pytest.approx(value)
    assert found.high == pytest.approx(value)
    assert paired_difference(values, values, resamples=50) == Interval(0.0, 0.0, 0.0)


def test_missing_values_are_left_out_and_nothing_is_nothing():
    assert bootstrap_mean([1.0, np.nan, 3.0]).mean == 2.0
    assert as_dict(bootstrap_mean([np.nan])) == {"mean": None, "low": None, "high": None}
    with pytest.raises(ValueError, match="pairs"):
        paired_difference([1.0], [1.0, 2.0])


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(3).normal(size=50)
    first = bootstrap_mean(values, seed=4)
    assert first == bootstrap_mean(values, seed=4)
    other = bootstrap_mean(values, seed=5)
    assert other.mean == first.mean
    assert (other.low, other.high) != (first.low, first.high)


def test_the_interval_of_a_tail_covers_as_often_as_it_says():
    # The mean of the lowest tenth of a uniform on [0, 1] is .05.
    rng = np.random.default_rng(5)
    found = [worst_share(rng.random(300), resamples=400, seed=k) for k in range(300)]
    assert 0.88 <= np.mean([interval.low <= 0.05 <= interval.high for interval in found]) <= 0.98
    assert np.mean([interval.mean for interval in found]) == pytest.approx(0.05, abs=0.002)


def test_worst_share_is_the_mean_of_the_tail():
    found = worst_share(np.arange(100))
    assert found.mean == 4.5
    assert 0 <= found.low < 4.5 < found.high
    assert worst_share([3.0, np.nan, 1.0]).mean == 1.0
    assert np.isnan(worst_share([np.nan]).mean)
    everybody = np.random.default_rng(6).normal(size=200)
    assert worst_share(everybody, share=1.0).mean == pytest.approx(bootstrap_mean(everybody).mean)


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
