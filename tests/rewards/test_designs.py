"""Designs: the law against prolonging, declarative errors, and the sum of terms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlgen.affect import VALENCE, regulating_target
from rlgen.errors import ConfigError
from rlgen.rewards import RewardDesign, Trace, design, shipped_designs

MakeTrace = Callable[..., Trace]
TURNS = 16
finite = st.floats(-2, 2)
PAY_FOR_PROLONGING = {"alignment_only", "engagement_only", "equal", "rating_only"}  # and say so
KEEP_THE_LAW = sorted(set(shipped_designs()) - PAY_FOR_PROLONGING)


def play(
    one: RewardDesign, make_trace: MakeTrace, turns: int, ending: str, seed: int, relief: float, valence: float
) -> np.ndarray:
    """Rewards of one dialogue that ends after some turns, with every turn term at its maximum."""
    rewards = []
    for turn in range(turns):
        last = turn == turns - 1
        given: dict[str, Any] = {"relief": np.array([relief], dtype=np.float32)}
        if last and ending != "limit":
            given[ending] = np.array([True])
        target = np.zeros((1, 8), dtype=np.float32)
        target[0, 0], target[0, VALENCE] = 1, valence
        given |= {"recognised": target, "read": regulating_target(target), "engagement": np.ones(1, np.float32)}
        given |= {"rating": np.full(1, 5, np.float32), "history": np.ones(1, np.float32)}
        given |= {"cost": np.zeros(1, np.float32)}
        trace = make_trace(1, 1000 * seed + turn, turn, **given)
        rewards.append(float(one.score(trace)[0][0]))
    return np.array(rewards)


def discounted(rewards: np.ndarray, gamma: float) -> float:
    return float((rewards * gamma ** np.arange(len(rewards))).sum())


@pytest.mark.parametrize("name", shipped_designs())
def test_no_shipped_design_pays_more_per_turn_than_completion_saves_unless_it_says_so(name: str) -> None:
    one = design(name)
    fixed, per_turn = one.completing()
    assert one.cites
    assert one.allow_prolonging == (one.netting()[1] > per_turn + 1e-9) == (name in PAY_FOR_PROLONGING)
    assert one.allow_prolonging == ("prolonging" in one.description or "every further turn pays" in one.description)
    assert fixed > 0 or one.allow_prolonging


@pytest.mark.parametrize("name", KEEP_THE_LAW)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.integers(1, TURNS - 1),
    more=st.integers(1, TURNS - 1),
    seed=st.integers(0, 50),
    relief=st.floats(-1, 1, width=32),
    gamma=st.sampled_from([1.0, 0.99, 0.9]),
    valence=st.sampled_from([-1.0, 0.0, 1.0]),
)
def test_stalling_never_earns_more_than_recovering(
    make_trace: MakeTrace, name: str, turns: int, more: int, seed: int, relief: float, gamma: float, valence: float
) -> None:
    """Everything as good as can be, and still: done now beats done later, left later, or never done."""
    one = design(name)
    later = min(TURNS, turns + more)
    relief = abs(relief)
    now = discounted(play(one, make_trace, turns, "completed", seed, relief, valence), gamma)
    for longer, ending in ((later, "completed"), (later, "abandoned"), (TURNS, "limit")):
        stalled = discounted(play(one, make_trace, longer, ending, seed, relief, valence), gamma)
        assert stalled <= now + 1e-6, ending


@pytest.mark.parametrize("name", [name for name in KEEP_THE_LAW if name != "relief"])
def test_driving_a_person_away_never_pays(name: str) -> None:
    """Abandonment at once costs at least what the worst possible rest of a dialogue costs, but for what it breaks."""
    written = design(name).to_dict()
    written["terms"].pop("cost", None)
    written["terms"].pop("shaping", None)  # the same whatever follows
    one = design(written)
    abandonment = written["terms"]["continuity"]["params"]["abandonment"]
    assert -abandonment <= (TURNS - 1) * one.netting()[0] + 1e-9


@settings(max_examples=200, deadline=None)
@given(alignment=finite, engagement=finite, rating=finite, continuity=finite, c=st.floats(0, 1), centre=st.floats(0, 1))
def test_a_design_is_refused_exactly_where_it_pays_for_prolonging(
    alignment: float, engagement: float, rating: float, continuity: float, c: float, centre: float
) -> None:
    terms = {
        "alignment": {"weight": alignment, "params": {"centre": centre}},
        "engagement": {"weight": engagement, "params": {"centre": centre}},
        "rating": {"weight": rating},
        "continuity": {"weight": continuity, "params": {"per_turn_left": c}},
    }
    most = max(alignment * (1 - centre), -alignment * (1 + centre))
    most += max(engagement * (1 - centre), -engagement * centre) + abs(rating)
    pays = most > continuity * c + 1e-9 or continuity < 0
    values = {"name": "drawn", "terms": terms}
    if pays:
        with pytest.raises(ConfigError, match=r"prolong|stall"):
            design(values)
        assert design({**values, "allow_prolonging": True}).allow_prolonging
    else:
        assert design(values).staying()[1] == pytest.approx(most)


def test_the_law_checks_what_states_its_range_and_names_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgen.rewards import TERMS, Term, TermParams

    monkeypatch.setitem(
        TERMS, "wild", Term("wild", TermParams, (), (), lambda trace, params: np.zeros(len(trace.turn)))
    )
    one = design({"name": "x", "terms": {"wild": {"weight": 1.0}, "continuity": {"weight": 1.0}}})
    assert one.unchecked == ("wild",)
    assert "wild states no range" in one.notice
    assert one.staying() == (0.0, 0.0), "what is stated"
    assert design({"name": "x", "terms": {"wild": {"weight": 0.0}, "continuity": {"weight": 1.0}}}).notice == ""
    assert all(design(name).notice == "" for name in shipped_designs())
    with pytest.raises(ConfigError, match=r"pays for prolonging: a turn can pay up to 0\.5"):
        design({"name": "x", "terms": {"wild": {"weight": 1.0}, "engagement": {"weight": 1.0}}})


@pytest.mark.parametrize("name", shipped_designs())
def test_terms_sum_to_the_reward_and_rows_do_not_meet(make_trace: MakeTrace, name: str) -> None:
    one = design(name)
    ends = {"completed": np.arange(8) == 1, "abandoned": np.arange(8) == 5, "relief": np.linspace(-1, 1, 8)}
    trace = make_trace(8, 3, 4, **ends)
    reward, terms = one.score(trace)
    assert reward.dtype == np.float32
    assert set(terms) == set(one.terms)
    assert sum(terms.values()) == pytest.approx(reward, abs=1e-6)
    assert one.needs_relief == (name == "relief")


def test_the_default_by_hand(make_trace: MakeTrace) -> None:
    flat = np.zeros((3, 8), dtype=np.float32)
    flat[:, 0] = 1
    trace = make_trace(
        3,
        turn=5,
        recognised=flat,
        read=flat,
        engagement=np.array([1.0, 0.5, 0.0], dtype=np.float32),
        completed=np.array([True, False, False]),
        abandoned=np.array([False, False, True]),
    )
    cosine = 0.6 / np.sqrt(0.6**2 + 0.4**2 + 0.3**2)
    alignment = 0.02 * (cosine - 0.7)
    assert design("default").score(trace)[0] == pytest.approx(
        [alignment + 0.03 + 1 + 0.06 * 10, alignment, alignment - 0.03 - 1], abs=1e-6
    )


@pytest.mark.parametrize("name", shipped_designs())
def test_a_design_written_out_is_the_same_design(name: str) -> None:
    written = design(name).to_dict()
    assert design(written).to_dict() == written
    assert design(design(name)) == design(name)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"terms": {"kindness": {"weight": 1}}},
            r"no term 'kindness'; the terms are alignment, coherence, continuity, cost",
        ),
        ({"terms": {}}, r"terms was \{\}"),
        ({"terms": {"rating": {"weight": "much"}}}, r"terms.rating.weight was 'much'"),
        ({"terms": {"rating": {"weight": float("nan")}}}, r"terms.rating.weight was nan"),
        ({"terms": {"rating": {"wait": 1, "weight": 0}}}, r"no field 'terms.rating.wait'"),
        ({"terms": {"alignment": {"weight": 0, "params": {"target": "please"}}}}, r"target was 'please'.*'regulate'"),
        (
            {"terms": {"engagement": {"weight": 0, "params": {"middle": 0}}}},
            r"no field 'middle'; the fields are centre",
        ),
        ({"terms": {"continuity": {"weight": 1, "params": {"abandonment": -1}}}}, r"abandonment was -1"),
        (
            {"terms": {"rating": {"weight": 0}}, "gamma": 1},
            r"no field 'gamma'; the fields are name, description, cites, terms",
        ),
        ({"terms": {"engagement": {"weight": 0.1}}}, r"pays for prolonging: a turn can pay up to 0.05"),
    ],
)
def test_a_wrong_design_is_one_sentence(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    import yaml

    with pytest.raises(ConfigError, match=said) as caught:
        design({"name": "mine", **values})
    assert "\n" not in str(caught.value)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=said):
        design(path)


def test_an_unknown_name_lists_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'defualt'; the shipped ones are alignment_only, coherent, default, engagement_only"
    ):
        design("defualt")
    with pytest.raises(ConfigError, match="cannot be read"):
        design(tmp_path / "none.yaml")
