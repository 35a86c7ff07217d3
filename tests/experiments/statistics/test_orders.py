import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rlgen.experiments.statistics import (
    holm,
    kendall,
    order_agreement,
    pareto_front,
    probability_of_improvement,
    resample,
)


def test_holms_own_steps():
    # .01 x 4; .02 x 3; .03 x 2; then never less than before; nothing above 1.
    assert holm({"d": 0.04, "a": 0.01, "c": 0.03, "b": 0.02}) == pytest.approx(
        {"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.06}
    )
    adjusted = holm({"a": 0.9, "b": 0.8, "unknown": float("nan")})
    assert (adjusted["a"], adjusted["b"]) == (1.0, 1.0)
    assert np.isnan(adjusted["unknown"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_plain_and_bonferroni(values):
    adjusted = holm(dict(enumerate(values)))
    for i, value in enumerate(values):
        assert value <= adjusted[i] <= min(1.0, len(values) * value) + 1e-12


@pytest.mark.slow
def test_holm_errs_as_seldom_as_it_says():
    rng = np.random.default_rng(0)
    erred = [min(holm(dict(enumerate(rng.random(45)))).values()) < 0.05 for _ in range(4000)]
    assert np.mean(erred) == pytest.approx(0.05, abs=0.012)


def test_the_probability_of_improvement_is_mann_and_whitneys():
    rng = np.random.default_rng(1)
    first, second = np.round(rng.normal(0.4, 1, (8, 1)), 1), np.round(rng.normal(0, 1, (6, 1)), 1)
    second[0] = first[0]  # a tie
    found = resample({"a": np.repeat(first, 5, axis=1), "b": np.repeat(second, 5, axis=1)})
    ahead = probability_of_improvement(found["a"], found["b"])
    assert ahead.mean == pytest.approx(stats.mannwhitneyu(first[:, 0], second[:, 0]).statistic / 48)
    assert 0 <= ahead.low <= ahead.mean <= ahead.high <= 1
    assert probability_of_improvement(found["b"], found["a"]).mean == pytest.approx(1 - ahead.mean)


def test_a_design_ahead_on_every_seed_is_ahead_for_certain_and_nobody_knows_of_the_unknown():
    rng = np.random.default_rng(2)
    low = rng.normal(size=(5, 200))
    found = resample({"a": low + 5, "b": low, "c": low * np.nan})
    ahead = probability_of_improvement(found["a"], found["b"])
    assert (ahead.mean, ahead.low, ahead.high) == (1.0, 1.0, 1.0)
    assert np.isnan(probability_of_improvement(found["a"], found["c"]).mean)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9))
def test_kendalls_tau_is_scipys(pairs):
    first, second = np.array(pairs, dtype=float).T
    peer = stats.kendalltau(first, second).statistic
    assert float(kendall(first, second)) == pytest.approx(peer, nan_ok=True)
    assert np.asarray(kendall(np.stack([first, first]), np.stack([second, -second]))) == pytest.approx(
        [peer, -peer], nan_ok=True
    )


def test_orders_of_two_metrics_agree_as_planted():
    rng = np.random.default_rng(3)
    noise = {k: rng.normal(0, 0.1, (5, 100)) for k in range(6)}
    gold = {k: k + noise[k] for k in noise}
    turned = {k: -k + noise[k] for k in noise}
    same = order_agreement(resample(gold), resample({k: 3 * v for k, v in gold.items()}))
    assert (same.mean, same.low, same.high) == (1.0, 1.0, 1.0)
    assert order_agreement(resample(gold), resample(turned)).mean == -1.0
    blurred = resample({k: rng.normal(0, 1, (5, 100)) for k in noise})
    unsure = order_agreement(resample(gold), blurred)
    assert unsure.low <= unsure.mean <= unsure.high
    assert unsure.high - unsure.low > 0.3
    other_people = resample({k: k + rng.normal(0, 0.1, (5, 70)) for k in noise})
    assert order_agreement(resample(gold), other_people).mean == 1.0
    alone = order_agreement(resample({0: gold[0]}), resample({0: gold[0]}))
    assert np.isnan(alone.mean)
    with pytest.raises(ValueError, match="same"):
        order_agreement(resample(gold), resample({0: gold[0]}))


def test_the_front_is_what_nothing_beats_in_all():
    up, also_up = [3.0, 2.0, 1.0, 2.0, np.nan], [1.0, 2.0, 2.0, 2.0, 0.0]
    assert pareto_front(up, also_up).tolist() == [True, True, False, True, False]  # equals stand together
    assert pareto_front(up).tolist() == [True, False, False, False, False]
    batch = pareto_front(np.stack([up, up]), np.stack([also_up, also_up]))
    assert batch.tolist() == [pareto_front(up, also_up).tolist()] * 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8))
def test_every_one_off_the_front_is_beaten_by_one_on_it(points):
    found = np.array(points, dtype=float)
    front = pareto_front(*found.T)
    assert front.any()
    for i in np.flatnonzero(~front):
        assert any((found[j] >= found[i]).all() and (found[j] > found[i]).any() for j in np.flatnonzero(front))
