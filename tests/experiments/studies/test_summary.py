import csv
import io
import json
import time

import numpy as np
import pytest

from rlgen.errors import DataError
from rlgen.experiments.studies.compared import METRICS, Compared
from rlgen.experiments.studies.summary import summary, table_csv
from tests.experiments.studies.synthetic import BASELINES, TRUTH, planted, summarised


@pytest.fixture(scope="module")
def found():
    return summarised()


def test_it_is_json_without_nan_and_the_same_each_time(found):
    json.dumps(found, allow_nan=False)
    once, again = (json.dumps(summary(planted(names=("shaped", "noisy"), seeds=3, people=50))) for _ in range(2))
    assert once == again


def test_the_order_is_the_planted_one(found):
    designs = [name for name in found["order"] if name in TRUTH]
    assert designs[0] == "shaped"
    assert designs[-1] == "engagement_only"
    assert set(designs[1:3]) == {"paper_tuned", "paper_equal"}
    assert set(found["order"]) == {*TRUTH, *BASELINES}


def test_intervals_hold_the_planted_relief(found):
    held = [
        found["designs"][name]["outcomes"]["relief"]["low"] - 0.02
        <= relief
        <= found["designs"][name]["outcomes"]["relief"]["high"] + 0.02  # all share the people that were drawn
        for name, (relief, *_) in {**TRUTH, **BASELINES}.items()
    ]
    assert sum(held) >= len(held) - 1


def test_pairs_are_told_apart_as_planted(found):
    told = {(p["first"], p["second"]): p for p in found["pairs"]}
    assert len(told) == 45
    for (first, second), gap in told.items():
        truth = TRUTH[first][0] - TRUTH[second][0]
        if abs(truth) >= 0.05:
            assert gap["told"] == np.sign(truth)
            assert gap["low"] <= truth + 0.02
            assert truth - 0.02 <= gap["high"]
        if truth == 0:
            assert gap["told"] == 0
            assert gap["low"] < 0 < gap["high"]
        if gap["told"]:
            assert gap["low"] > 0  # the first is ahead, and what is told obeys the plain interval too
    best = told["shaped", "engagement_only"]["improvement"]
    assert best["mean"] == 1.0


def test_only_the_gamed_design_is_found_and_not_where_it_helps(found):
    assert {each["design"] for each in found["gamed"]} == {"engagement_only"}
    worst = next(each for each in found["gamed"] if each["than"] == "shaped")
    assert worst["own_return"]["low"] > 0 > worst["gold"]["high"]
    assert set(worst["risen"]) == {"engagement", "cost", "length"}
    assert summarised(gamed=False)["gamed"] == []


def test_the_gamed_reward_orders_the_designs_least_as_relief_does(found):
    taus = {name: by["relief"]["mean"] for name, by in found["agreement"].items() if name.startswith("return by")}
    assert min(taus, key=taus.get) == "return by engagement_only"
    assert max(taus.values()) > 0.8


def test_the_front_holds_the_best_of_each_and_none_that_is_beaten(found):
    front = {name for name, each in found["front"]["designs"].items() if each["on"]}
    assert {"shaped", "engagement_only", "cost_priced"} <= front
    assert not {"noisy", "fixed"} & front
    assert found["front"]["designs"]["shaped"]["often"] > 0.9


def test_profiles_fall_and_the_better_lies_above(found):
    best, worst = (np.array(found["profiles"]["designs"][name]["mean"]) for name in ("shaped", "engagement_only"))
    assert (np.diff(best) <= 1e-9).all()
    assert (best - worst)[10:30].min() > 0.05


def test_one_seed_says_what_its_intervals_are_over():
    found = summary(planted(seeds=1, names=("shaped", "noisy")))
    assert found["designs"]["shaped"]["outcomes"]["relief"]["over"] == "people"
    assert found["designs"]["fixed"]["outcomes"]["relief"]["over"] == "seeds and people"
    assert found["pairs"][0]["over"] == "people"
    assert found["curves"]["shaped"]["relief"]["low"] == [None] * 25


def test_without_cost_ratings_or_yardsticks_the_rest_is_told():
    whole = planted(names=("shaped", "noisy", "preference"), seeds=3, cost=False, ratings=False)
    found = summary(Compared(**{**vars(whole), "yardsticks": {}, "curves": {}}))
    assert "cost" not in found["designs"]["shaped"]["outcomes"]
    assert found["designs"]["shaped"]["outcomes"]["mean_rating"]["mean"] is None
    assert found["front"]["axes"] == ["relief", "engagement"]
    assert found["yardsticks"] == {}
    assert found["gamed"] == []
    assert list(found["agreement"]["engagement"]) == ["relief", "completed"]


def test_unknown_relief_leaves_the_ranking_to_the_rating():
    whole = planted(names=("shaped", "noisy"), seeds=3)
    outcomes = {name: {**found, "relief": found["relief"] * np.nan} for name, found in whole.outcomes.items()}
    found = summary(Compared(**{**vars(whole), "outcomes": outcomes}))
    assert found["gold"] == "mean_rating"
    assert found["order"][0] == "shaped"


def test_a_table_of_other_people_is_refused():
    whole = planted(names=("shaped", "noisy"), seeds=2, people=20)
    short = {**whole.outcomes, "noisy": {"relief": np.zeros((2, 19))}}
    with pytest.raises(DataError, match="same people"):
        Compared(**{**vars(whole), "outcomes": short})
    with pytest.raises(DataError, match="nothing was measured of 'noisy'"):
        Compared(**{**vars(whole), "outcomes": {"shaped": whole.outcomes["shaped"]}})
    with pytest.raises(DataError, match="no reward design"):
        Compared(**{**vars(whole), "designs": {}})


def test_the_table_has_a_line_for_every_policy_and_person():
    whole = planted(names=("shaped", "noisy"), seeds=3, people=20, ratings=False)
    lines = list(csv.DictReader(io.StringIO(table_csv(whole))))
    assert len(lines) == (3 + 3 + 1 + 1) * 20
    assert list(lines[0]) == ["design", "seed", "person", *METRICS, "return by shaped", "return by noisy"]
    for metric, value in (("relief", whole.outcomes["noisy"]["relief"][1, 4]), ("mean_rating", np.nan)):
        assert float(lines[60 + 20 + 4][metric]) == pytest.approx(value, rel=1e-4, nan_ok=True)
    assert lines[84]["person"] == "4"
    assert float(lines[84]["return by shaped"]) == pytest.approx(whole.yardsticks["noisy"]["shaped"][1, 4], rel=1e-4)


def test_ten_designs_of_ten_seeds_and_1000_people_take_seconds():
    whole = planted(people=1000)
    started = time.process_time()
    summary(whole)
    assert time.process_time() - started < 30
