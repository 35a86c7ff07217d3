"""The learned term: by hand, within what it promises, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlgen.errors import ConfigError
from rlgen.rewards import TERMS, Trace, design
from rlgen.rewards.linear import FEATURES, Linear

MakeTrace = Callable[..., Trace]
LINEAR = TERMS["linear"]
weights = st.dictionaries(st.sampled_from(sorted(FEATURES)), st.floats(-3, 3), max_size=5)


def test_a_weighted_sum_of_centred_features_by_hand(make_trace: MakeTrace) -> None:
    trace = make_trace(3, completed=np.array([True, False, False]), engagement=np.array([0.9, 0.5, 0.0], np.float32))
    params = Linear(coefficients=({"engagement": 2.0, "completed": 3.0},), centres={"engagement": 0.5}, limit=0.9)
    assert LINEAR(trace, params) == pytest.approx([0.8 + 3.0, 0.0, -0.9])


def test_an_ensemble_is_its_mean_less_deviations_or_its_worst_member(make_trace: MakeTrace) -> None:
    trace = make_trace(5, 1)
    given = ({"warmth": 0.3}, {"question": -0.2, "warmth": 0.1}, {"fluency": 0.5})
    alone = np.stack([LINEAR(trace, Linear(coefficients=(member,), limit=9)) for member in given])
    cautious = LINEAR(trace, Linear(coefficients=given, pessimism=1.5, limit=9))
    assert cautious == pytest.approx(alone.mean(axis=0) - 1.5 * alone.std(axis=0))
    assert LINEAR(trace, Linear(coefficients=given, aggregate="minimum", limit=9)) == pytest.approx(alone.min(axis=0))
    assert LINEAR(trace, Linear(coefficients=given, limit=9)) == pytest.approx(alone.mean(axis=0))
    paid = Linear(coefficients=({"completed": 1.0}, {"completed": 3.0}), pessimism=0.5)
    assert paid.completing() == (1.5, 0.0)
    assert LINEAR(make_trace(1, completed=np.array([True])), paid) == pytest.approx([1.5])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.lists(weights, min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    pessimism=st.floats(0, 2),
    aggregate=st.sampled_from(["mean", "minimum"]),
)
def test_a_turn_keeps_to_the_limit_and_rows_do_not_meet(
    make_trace: MakeTrace, members: list[dict[str, float]], seed: int, pessimism: float, aggregate: str
) -> None:
    trace = make_trace(16, seed)
    params = Linear(coefficients=members, limit=0.4, pessimism=pessimism, aggregate=aggregate, centres={"warmth": 0.1})
    scores = LINEAR(trace, params)
    low, high = params.staying()
    assert (scores >= low - 1e-9).all()
    assert (scores <= high + 1e-9).all()
    for row in (0, 7):
        alone = LINEAR(trace.rows(np.array([row])), params)
        assert alone.tobytes() == scores[row : row + 1].tobytes()


def test_features_are_within_their_ranges_and_those_of_the_end_are_nothing_before(make_trace: MakeTrace) -> None:
    trace = make_trace(200, 3, before=np.full(200, 3, np.float32))
    for name, feature in FEATURES.items():
        values = feature.of(trace)
        assert values.shape == (200,), name
        assert feature.least - 1e-6 <= values.min() <= values.max() <= feature.most + 1e-6, name
        assert not feature.ends or not values.any(), name


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"coefficients": [{"kindness": 1.0}]}, "there is no feature 'kindness'; the features are warmth"),
        ({"coefficients": [{"warmth": float("nan")}]}, "coefficients.0.warmth was nan"),
        ({"coefficients": []}, "coefficients was"),
        ({"centres": {"completed": 0.5}}, "completed is of the end and has no centre"),
        ({"limit": 0}, "limit was 0"),
    ],
)
def test_wrong_parameters_are_one_sentence(params: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        design({"name": "mine", "terms": {"linear": {"weight": 0.0, "params": params}}})
    assert "\n" not in str(caught.value)
