"""Reward terms against values worked out by hand, their promised ranges, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlgen.affect import ANGER, FEAR, NEUTRAL, SADNESS, VALENCE, cosine, from_category, regulating_target
from rlgen.errors import ConfigError, PartError, RewardError
from rlgen.rewards import TERMS, TermParams, Trace, term

MakeTrace = Callable[..., Trace]
TURN_TERMS = ("alignment", "engagement", "rating", "continuity")


def score(name: str, trace: Trace, **params: Any) -> np.ndarray:
    kind = TERMS[name]
    return np.asarray(kind(trace, kind.params(**params)))


def pure(*categories: int) -> np.ndarray:
    return from_category(np.array(categories), np.ones(len(categories), dtype=np.float32))


def test_alignment_is_best_at_the_regulating_target(make_trace: MakeTrace) -> None:
    recognised = pure(SADNESS, ANGER, FEAR)
    best = score("alignment", make_trace(3, recognised=recognised, read=regulating_target(recognised)))
    mirror = score("alignment", make_trace(3, recognised=recognised, read=recognised))
    assert best == pytest.approx(0.3, abs=1e-6)  # cosine 1 less the centre, 0.7
    assert (mirror < 0.0).all()


def test_mirroring_is_an_option(make_trace: MakeTrace) -> None:
    recognised = pure(SADNESS, ANGER)
    trace = make_trace(2, recognised=recognised, read=recognised)
    assert score("alignment", trace, target="mirror", centre=0.0) == pytest.approx(1.0)


def test_a_reply_without_emotion_earns_about_nothing_for_distress(make_trace: MakeTrace) -> None:
    recognised = pure(SADNESS, ANGER, FEAR)
    flat = np.broadcast_to(pure(NEUTRAL), (3, 8))
    earned = score("alignment", make_trace(3, recognised=recognised, read=flat))
    assert earned == pytest.approx(cosine(flat, regulating_target(recognised)) - 0.7)
    assert (np.abs(earned) < 0.16).all()


def test_engagement_is_centred(make_trace: MakeTrace) -> None:
    shown = np.array([0.0, 0.5, 1.0], dtype=np.float32)
    assert score("engagement", make_trace(3, engagement=shown)).tolist() == [-0.5, 0.0, 0.5]


def test_rating_is_against_the_persons_own_mean(make_trace: MakeTrace) -> None:
    nan = np.nan
    trace = make_trace(
        5,
        rating=np.array([5, 3, nan, 4, 1], dtype=np.float32),
        history=np.array([1, 3, 3, nan, 5], dtype=np.float32),
    )
    assert score("rating", trace).tolist() == [1.0, 0.0, 0.0, 0.0, -1.0]


def test_a_constant_rater_earns_a_policy_nothing(make_trace: MakeTrace) -> None:
    for constant in (1.0, 5.0):
        same = np.full(4, constant, dtype=np.float32)
        assert not score("rating", make_trace(rating=same, history=same)).any()


def test_continuity_pays_completion_by_turns_left_and_charges_abandonment(make_trace: MakeTrace) -> None:
    completed, abandoned = np.array([True, False, False]), np.array([False, True, False])
    for turn, left in ((0, 15), (9, 6), (15, 0)):
        trace = make_trace(3, turn=turn, completed=completed, abandoned=abandoned)
        earned = score("continuity", trace, completion=1.0, abandonment=2.0, per_turn_left=0.1)
        assert earned == pytest.approx([1.0 + 0.1 * left, -2.0, 0.0])


def test_relief_is_paid_once_at_the_end(make_trace: MakeTrace) -> None:
    relief = np.array([0.4, -0.2, 0.3], dtype=np.float32)
    ends = {"completed": np.array([True, False, False]), "abandoned": np.array([False, True, False])}
    assert score("relief", make_trace(3, relief=relief, **ends)) == pytest.approx([0.4, -0.2, 0.0])
    assert score("relief", make_trace(3, turn=15, relief=relief)) == pytest.approx(relief)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), turn=st.integers(0, 14), centre=st.floats(0, 1))
def test_every_term_keeps_its_promised_range_while_staying(
    make_trace: MakeTrace, seed: int, turn: int, centre: float
) -> None:
    trace = make_trace(64, seed, turn, relief=np.ones(64, dtype=np.float32))
    for name, kind in TERMS.items():
        given = 1 + 4 * centre if name == "satisfaction" else centre  # ratings go from 1 to 5
        params = kind.params(**({"centre": given} if "centre" in kind.params.model_fields else {}))
        low, high = params.staying()
        earned = kind(trace, params)
        assert (earned >= low - 1e-6).all(), name
        assert (earned <= high + 1e-6).all(), name


@pytest.mark.parametrize(
    ("name", "part", "field"),
    [
        ("alignment", "estimate", "affect"),
        ("alignment", "reading", "affect"),
        ("engagement", "feedback", "engagement"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(
    make_trace: MakeTrace, name: str, part: str, field: str, value: float
) -> None:
    trace = make_trace(4)
    spoiled = getattr(getattr(trace, part), field).copy()
    spoiled[2] = value
    trace = replace(trace, **{part: replace(getattr(trace, part), **{field: spoiled})})
    with pytest.raises(RewardError, match=rf"'{name}'.*{part}\.{field}.*row 2"):
        score(name, trace)


def test_an_infinite_rating_is_no_missing_rating(make_trace: MakeTrace) -> None:
    with pytest.raises(RewardError, match=r"'rating'.*feedback\.rating.*row 1"):
        score("rating", make_trace(2, rating=np.array([3, np.inf], dtype=np.float32)))


def test_relief_that_the_world_did_not_fill_in(make_trace: MakeTrace) -> None:
    with pytest.raises(RewardError, match=r"'relief': the trace holds no relief"):
        score("relief", make_trace())


def test_terms_of_ones_own(make_trace: MakeTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlgen.rewards.registry.TERMS", registered := {})

    @term("asks", TermParams, reads=("reading.question",))
    def asks(trace: Trace, params: TermParams) -> np.ndarray:
        """Whether the reply asks."""
        return trace.reading.question

    @term("broken", TermParams, reads=())
    def broken(trace: Trace, params: TermParams) -> np.ndarray:
        return np.zeros(1)

    trace = make_trace(3)
    assert registered["asks"].summary == "Whether the reply asks."
    assert (registered["asks"](trace, TermParams()) == trace.reading.question).all()
    with pytest.raises(PartError, match=r"'broken'.*it gave float64 of shape"):
        registered["broken"](trace, TermParams())
    with pytest.raises(ConfigError, match="registered twice"):
        term("asks", TermParams, reads=())(asks)


def test_satisfaction_is_the_rating_about_a_centre(make_trace: MakeTrace) -> None:
    trace = make_trace(3, rating=np.array([5, np.nan, 2], np.float32))
    assert score("satisfaction", trace).tolist() == [0.5, 0.0, -0.25]
    assert score("satisfaction", trace, centre=4.0).tolist() == [0.25, 0.0, -0.5]


def test_cost_is_what_the_guard_found_up_to_a_most(make_trace: MakeTrace) -> None:
    trace = make_trace(3, cost=np.array([0, 1, 9], dtype=np.float32))
    assert score("cost", trace).tolist() == [0.0, 1.0, 5.0]
    with pytest.raises(RewardError, match="'cost': the trace holds no cost"):
        score("cost", replace(trace, cost=None))


def test_shaping_is_the_discounted_gain_of_potential_and_takes_all_back_at_the_end(make_trace: MakeTrace) -> None:
    now, then = np.array([-0.5, -0.5], dtype=np.float32), np.array([0.25, 0.25], dtype=np.float32)
    trace = make_trace(2, completed=np.array([False, True]))
    before, after = (replace(trace.estimate, affect=trace.estimate.affect.copy()) for _ in range(2))
    before.affect[:, VALENCE], after.affect[:, VALENCE] = now, then
    trace = replace(trace, estimate=before, next_estimate=after)
    assert score("shaping", trace, gamma=0.9) == pytest.approx([0.9 * 0.25 + 0.5, 0.5])
    nan = np.nan
    rated = make_trace(4, rating=np.array([5, nan, 2, nan], np.float32), before=np.array([3, 4, nan, nan], np.float32))
    assert score("shaping", rated, potential="rating", gamma=0.5) == pytest.approx([0.5, 0.25 - 0.5, -0.25, 0.0])


def test_shaping_sums_to_the_potential_of_the_beginning_whatever_happens(make_trace: MakeTrace) -> None:
    """Discounted by its gamma, a dialogue's shaping is minus the potential that it began with."""
    rng = np.random.default_rng(0)
    for turns in (1, 4, 16):
        valence = rng.uniform(-1, 1, turns + 1)
        total = 0.0
        for turn in range(turns):
            trace = make_trace(1, turn, turn, completed=np.array([turn == turns - 1]))
            before, after = (replace(trace.estimate, affect=trace.estimate.affect.copy()) for _ in range(2))
            before.affect[:, VALENCE], after.affect[:, VALENCE] = valence[turn : turn + 2]
            trace = replace(trace, estimate=before, next_estimate=after)
            total += 0.99**turn * float(score("shaping", trace)[0])
        assert total == pytest.approx(-valence[0], abs=1e-6)
