"""Composition: each way by hand, nested designs, cycles, and what is known of ranges."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlgen.checks.reward import check_reward
from rlgen.errors import ConfigError, PartError
from rlgen.rewards import RewardDesign, Trace, design
from rlgen.rewards.combining import combined, range_of

MakeTrace = Callable[..., Trace]
WAYS = ("sum", "product", "geometric_mean", "worst", "lexicographic")
FREE = {"name": "mine", "allow_prolonging": True}


def made(how: str, **terms: dict[str, Any]) -> RewardDesign:
    return design({**FREE, "combine": how, "terms": terms})


def two(how: str, first: float = 1.0, second: float = 1.0) -> RewardDesign:
    ranks = [{"rank": 1, "enough": 0.2}, {"rank": 2}] if how == "lexicographic" else [{}, {}]
    return made(
        how,
        engagement={"weight": first, "params": {"centre": 0.0}, **ranks[0]},
        cost={"weight": second, "plus": 0.5, **ranks[1]},
    )


def shown(make_trace: MakeTrace) -> Trace:
    return make_trace(3, engagement=np.array([0.1, 0.4, 0.9], np.float32), cost=np.array([0, 1, 2], np.float32))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("sum", [2 * 0.1 + 3 * 0.5, 2 * 0.4 + 3 * 1.5, 2 * 0.9 + 3 * 2.5]),
        ("product", [6 * 0.1 * 0.5, 6 * 0.4 * 1.5, 6 * 0.9 * 2.5]),
        ("geometric_mean", [0.1**0.4 * 0.5**0.6, 0.4**0.4 * 1.5**0.6, 0.9**0.4 * 2.5**0.6]),
        ("worst", [0.2, 0.8, 1.8]),
        ("lexicographic", [0.2 + 1 / (1 + np.exp(-1.5)), 0.2 + 1 / (1 + np.exp(-4.5)), 0.2 + 1 / (1 + np.exp(-7.5))]),
    ],
)
def test_each_way_by_hand(make_trace: MakeTrace, how: str, expected: list[float]) -> None:
    one = two(how, 2.0, 3.0)
    reward, terms = one.score(shown(make_trace))
    assert reward == pytest.approx(expected, rel=1e-6)
    assert sum(terms.values()) == pytest.approx(reward, abs=1e-6)
    assert set(terms) == {"engagement", "cost", *([] if how == "sum" else ["combining"])}
    check_reward(one)


def test_below_nothing_a_geometric_mean_is_nothing_and_a_later_rank_never_makes_up_for_an_earlier() -> None:
    below, above = np.array([-1.0, 0.5, 0.5]), np.array([9.0, 9.0, -9.0])
    mean = combined("geometric_mean", [below, above], [1, 1], [None, None])
    assert mean == pytest.approx([0.0, 4.5**0.5, 0.0])
    ranked = combined("lexicographic", [below, above], [1, 1], [0.5, None])
    assert ranked[0] < ranked[2] < ranked[1]
    assert ranked[0] == -1.0
    assert (ranked[1:] > 0.5).all()


def test_ranks_decide_and_not_the_order_in_a_file(make_trace: MakeTrace) -> None:
    one = two("lexicographic")
    written = one.to_dict()
    turned = design({**written, "terms": dict(reversed(written["terms"].items()))})
    assert turned.sha256 == one.sha256
    assert turned.score(shown(make_trace))[0].tobytes() == one.score(shown(make_trace))[0].tobytes()


ranges = st.tuples(st.floats(-2, 2), st.floats(-2, 2)).map(lambda pair: (min(pair), max(pair)))


@settings(max_examples=200, deadline=None)
@given(
    how=st.sampled_from(WAYS),
    given_ranges=st.lists(ranges, min_size=1, max_size=4),
    data=st.data(),
)
def test_what_is_combined_stays_within_its_range(how: Any, given_ranges: list[Any], data: st.DataObject) -> None:
    low = 0.1 if how == "geometric_mean" else -2
    weights = data.draw(st.lists(st.floats(low, 2), min_size=len(given_ranges), max_size=len(given_ranges)))
    enough = data.draw(st.lists(st.floats(-1, 1), min_size=len(given_ranges), max_size=len(given_ranges)))
    shares = data.draw(st.lists(st.floats(0, 1), min_size=len(given_ranges), max_size=len(given_ranges)))
    terms = [np.array([lo, hi, lo + share * (hi - lo)]) for (lo, hi), share in zip(given_ranges, shares, strict=True)]
    least, most = range_of(how, given_ranges, weights, enough)
    values = combined(how, terms, weights, enough)
    assert (values >= least - 1e-9).all()
    assert (values <= most + 1e-9).all()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(how=st.sampled_from(WAYS), seed=st.integers(0, 500), order=st.permutations(range(6)))
def test_rows_do_not_meet_and_travel(make_trace: MakeTrace, how: str, seed: int, order: list[int]) -> None:
    one, trace = two(how, 0.7, 0.3), make_trace(6, seed)
    whole = one.score(trace)[0]
    index = np.array(order)
    assert one.score(trace.rows(index))[0].tobytes() == whole[index].tobytes()
    assert pickle.loads(pickle.dumps(one)).score(trace)[0].tobytes() == whole.tobytes()


def test_a_design_in_a_design_is_scored_as_alone_and_the_whole_keeps_the_law(make_trace: MakeTrace) -> None:
    inner = {"combine": "product", "terms": {"engagement": {"weight": 1.0}, "alignment": {"weight": 1.0}}}
    continuity = {"weight": 1.0, "params": {"per_turn_left": 0.1}}
    with pytest.raises(ConfigError, match="pays for prolonging"):
        design({"name": "alone", **inner})
    one = design({"name": "mine", "terms": {"felt": {"weight": 0.1, "design": inner}, "continuity": continuity}})
    assert one.netting()[1] == pytest.approx(0.1 * 0.5 * 1.7), "the product of the two least"
    with pytest.raises(ConfigError, match="pays for prolonging"):
        design({"name": "mine", "terms": {"felt": {"weight": 0.2, "design": inner}, "continuity": continuity}})
    trace = make_trace(5, 2)
    alone = design({"name": "alone", "allow_prolonging": True, **inner}).score(trace)[0]
    assert one.score(trace)[1]["felt"] == pytest.approx(0.1 * alone)
    again = design(one.to_dict())
    assert again == one
    assert again.sha256 == one.sha256
    check_reward(one)


def test_designs_are_named_by_name_or_by_path_beside_the_file(
    tmp_path: Path, make_trace: MakeTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "part.yaml").write_text("allow_prolonging: true\nterms: {rating: {weight: 0.05}}\n")
    terms = {"part": {"weight": 1.0, "design": "below/part.yaml"}, "default": {"weight": 1.0, "design": "default"}}
    (tmp_path / "top.yaml").write_text(yaml.safe_dump({"terms": terms, "allow_prolonging": True}))
    monkeypatch.chdir("/")
    one, trace = design(tmp_path / "top.yaml"), make_trace(4, 1)
    expected = 0.05 * (trace.feedback.rating - trace.rating_history_mean) / 4 + design("default").score(trace)[0]
    assert one.score(trace)[0] == pytest.approx(expected, abs=1e-6)
    assert not one.needs_relief
    assert design({**FREE, "terms": {"bound": {"weight": 1, "design": "relief"}}}).requires_relief


@pytest.mark.parametrize("way", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_design_that_holds_itself_is_told_the_way(tmp_path: Path, way: list[str]) -> None:
    for name, following in zip(way, [*way[1:], way[0]], strict=True):
        fields = {"terms": {"next": {"weight": 1, "design": f"{following}.yaml"}}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(fields))
    said = " -> ".join(f"{name}.yaml" for name in (*way, way[0]))
    with pytest.raises(ConfigError, match=rf"the design holds itself \({said}\); take one of them out") as caught:
        design(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)
    assert design("default"), "nothing is left of the attempt"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"combine": "mean", "terms": {"rating": {"weight": 1}}}, "combine was 'mean'"),
        ({"terms": {"x": {"weight": 1, "design": "defualt"}}}, "there is no reward design 'defualt'"),
        ({"terms": {"x": {"weight": 1, "design": {"terms": {}}}}}, r"terms was \{\}"),
        ({"terms": None}, "terms was None"),
        ({"terms": {"x": {"weight": 1, "design": "default", "params": {"a": 1}}}}, "takes neither `term` nor `params`"),
        ({"terms": {"rating": {"weight": float("inf")}}}, "weight was inf"),
        ({"terms": {"rating": {"weight": 1, "plus": float("nan")}}}, "plus was nan"),
        ({"terms": {"rating": {"weight": 1, "normalise": 0}}}, "normalise was 0"),
        ({"terms": {"rating": {"weight": 1, "rank": 1}}}, "rating has a rank or an `enough`"),
        ({"combine": "geometric_mean", "terms": {"rating": {"weight": -1}}}, "rating weighs -1; give weights above 0"),
        ({"combine": "lexicographic", "terms": {"rating": {"weight": 1}}}, "give every term a `rank` of its own"),
        (
            {
                "combine": "lexicographic",
                "terms": {"rating": {"weight": 1, "rank": 1}, "cost": {"weight": 1, "rank": 2}},
            },
            "say from where on rating is `enough`",
        ),
        ({"feedback": {"missing": 1.5}, "terms": {"rating": {"weight": 1}}}, "feedback.missing was 1.5"),
        ({"feedback": {"noise": float("nan")}, "terms": {"rating": {"weight": 1}}}, "feedback.noise was nan"),
    ],
)
def test_what_cannot_be_combined_is_one_sentence(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        design({**FREE, **fields})
    assert "\n" not in str(caught.value)


def raising(trace: Trace) -> Any:
    raise KeyError("nothing")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raising, r"it raised KeyError: 'nothing' \(.*test_composition.py, line \d+\); mend it"),
        (lambda trace: None, "it gave None for 3 rows"),
        (lambda trace: 1.0, r"it gave float64 of shape \(\) for 3 rows"),
        (lambda trace: np.zeros(1), r"it gave float64 of shape \(1,\) for 3 rows"),
        (lambda trace: np.zeros((3, 1)), r"it gave float64 of shape \(3, 1\)"),
        (lambda trace: [0.0, np.nan, 0.0], "it gave nan in row 1 for 3"),
        (lambda trace: [[1.0], [1.0, 2.0], []], "it gave a list of 3"),
        (lambda trace: trace.reply, "it gave a list of 3"),
        (lambda trace: {"reward": 1}, "it gave a dict of 1"),
    ],
)
def test_a_function_that_gives_no_reward_is_told_by_name(make_trace: MakeTrace, function: Any, said: str) -> None:
    one = design({**FREE, "terms": {"mine": {"weight": 1, "term": function}}})
    with pytest.raises(PartError, match=f"reward term 'mine' was .*: {said}") as caught:
        one.score(make_trace(3))
    assert "one finite number per row" in str(caught.value) or function is raising
    assert "\n" not in str(caught.value)
