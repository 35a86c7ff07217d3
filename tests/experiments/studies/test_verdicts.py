import re

import numpy as np
import pytest

from rlgen.experiments.studies.compared import Compared
from rlgen.experiments.studies.summary import summary
from rlgen.experiments.studies.verdicts import judge, listed, pair, shown, span
from tests.experiments.studies.synthetic import planted, summarised


def verdict(**options):
    return judge(summarised(**options))


def test_a_better_design_is_said_to_be_better_by_its_interval():
    found = summarised()
    told, gap = judge(found), pair(found, "shaped", found["order"][1])
    assert told.headline.startswith("On 10 seeds a design and 400 people, shaped brings ")
    low, high = re.search(r"brings ([\d.]+) to ([\d.]+) more relief", told.headline).groups()
    assert float(low) == pytest.approx(gap["low"], abs=0.005)
    assert float(high) == pytest.approx(gap["high"], abs=0.005)
    assert found["order"][1] in told.headline
    assert "33 are told apart" in told.standing or "pairs among the others" in told.standing
    assert told.caution == ""
    assert "all 45 pairs" in told.method


def test_the_same_is_said_the_other_way_round_when_it_is_so():
    whole = planted(names=("shaped", "noisy"), seeds=5, baselines=())
    turned = {name: {**found, "relief": -found["relief"]} for name, found in whole.outcomes.items()}
    assert ", noisy brings" in judge(summary(Compared(**{**vars(whole), "outcomes": turned}))).headline
    assert ", shaped brings" in judge(summary(whole)).headline
    assert "than noisy, the only other design." in judge(summary(whole)).headline


def test_equal_designs_are_not_told_apart_and_neither_is_named_better():
    told = verdict(names=("paper_tuned", "paper_equal"), baselines=())
    assert "are not told apart by the relief that they bring" in told.headline
    assert "more relief" not in told.headline
    assert re.search(r"Not told apart from paper_\w+: paper_\w+ \(\N{MINUS SIGN}[\d.]+ to [\d.]+\)\.", told.standing)
    assert told.proxies == ""  # two designs have no order to agree with


def test_a_leader_that_is_equal_to_the_next_is_compared_with_the_first_that_is_not():
    told = verdict(names=("paper_tuned", "paper_equal", "noisy"), baselines=())
    assert "than noisy, but is not told apart from paper_" in told.headline


def test_what_is_gamed_is_named_with_both_intervals():
    names = ("shaped", "preference", "engagement_only")
    told = verdict(names=names)
    assert told.gaming.startswith("engagement_only is being gamed: by its own reward its policies earn ")
    assert "less relief, while engagement rose by" in told.gaming
    assert "shaped is being gamed" not in told.gaming
    honest = verdict(names=names, gamed=False)
    assert honest.gaming.startswith("No design is seen to be gamed")
    assert "engagement_only brings" in honest.headline


def test_of_many_gamed_designs_the_worst_two_are_told_in_full():
    found = summary(planted(names=("shaped", "engagement_only"), seeds=3, people=50))
    one = next(each for each in found["gamed"] if each["than"] == "shaped")
    several = [
        {**one, "design": name, "gold": {"mean": -x, "low": -x - 0.01, "high": -x + 0.01}}
        for name, x in (("a", 0.1), ("b", 0.3), ("c", 0.2), ("d", 0.05))
    ]
    told = judge({**found, "gamed": several}).gaming
    assert told.startswith("b is being gamed")
    assert "c is being gamed" in told
    assert told.endswith("So are a and d, by less.")


def test_a_verdict_that_holds_for_some_people_only_says_so_at_once():
    found = summary(planted(names=("shaped", "noisy"), seeds=3))
    kinds = dict.fromkeys(("as trained", "crisis", "guarded"))
    assert judge({**found, "transfer": {"kinds": kinds, "holds": 1}}).headline.endswith(
        "For 1 of 2 other kinds of people another design brings more."
    )
    assert (
        "Nor does another design bring more to any of 2"
        in judge({**found, "transfer": {"kinds": kinds, "holds": 2}}).headline
    )
    assert judge(found).headline.endswith("the only other design.")


def test_baselines_are_beaten_or_not_as_planted():
    told = verdict()
    assert told.baselines.startswith("Of the baselines, schedule by turn brings the most relief")
    assert re.search(r"better than it: shaped[^;]*; ", told.baselines)
    assert "engagement_only" in told.baselines.split("worse:")[1]
    assert verdict(names=("shaped", "noisy"), baselines=()).baselines == ""


def test_one_seed_gives_no_interval_over_seeds_and_says_so():
    told = verdict(seeds=1, names=("shaped", "noisy"))
    assert "an interval over seeds cannot be given" in told.caution
    assert "the one policy of shaped" in told.headline
    assert "95 % intervals over people alone" in told.method
    mixed = planted(seeds=3, names=("shaped", "noisy"))
    noisy = Compared(**{
        **vars(mixed),
        "designs": {**mixed.designs, "noisy": planted(seeds=1, names=("noisy",)).designs["noisy"]},
        "outcomes": {**mixed.outcomes, "noisy": {k: v[:1] for k, v in mixed.outcomes["noisy"].items()}},
        "yardsticks": {**mixed.yardsticks, "noisy": {k: v[:1] for k, v in mixed.yardsticks["noisy"].items()}},
    })  # fmt: skip
    told = judge(summary(noisy))
    assert "One policy was trained of noisy" in told.caution
    assert "On 1 to 3 seeds a design" in told.headline


def test_one_design_is_no_comparison():
    told = verdict(names=("shaped",))
    assert "one design alone is no comparison" in told.headline
    assert (told.standing, told.proxies, told.gaming) == ("", "", "")
    assert "better than it: shaped" in told.baselines


def test_what_nobody_knows_is_not_said():
    whole = planted(names=("shaped", "noisy"), seeds=3, ratings=False)
    unknown = {
        name: {**found, "relief": found["relief"] * np.nan, "completed": found["completed"] * np.nan}
        for name, found in whole.outcomes.items()
    }
    told = judge(summary(Compared(**{**vars(whole), "outcomes": unknown})))
    assert told.headline.startswith("Which design is better cannot be said")
    assert "Nobody knows the relief" in told.caution


def test_trainings_that_were_not_finished_or_of_other_length_are_named():
    whole = planted(names=("shaped", "noisy"), seeds=3)
    run = whole.designs["noisy"].runs[0]
    for change, words in (({"step": 10_000}, "Not trained to the end: noisy."), ({"step": 1, "of": 1}, "equally long")):
        runs = (type(run)(**{**vars(run), **change}), *whole.designs["noisy"].runs[1:])
        noisy = type(whole.designs["noisy"])("", runs)
        other = Compared(**{**vars(whole), "designs": {**whole.designs, "noisy": noisy}})
        assert words in judge(summary(other)).caution


@pytest.mark.slow
def test_of_equal_designs_hardly_ever_is_one_called_better():
    names = ("shaped", "preference", "noisy", "pessimistic")
    called = 0
    for rng in range(60):
        whole = planted(names=names, baselines=(), seeds=4, people=60, rng=rng)
        same = {}
        draw = np.random.default_rng(rng)
        person = draw.normal(0, 0.2, 60)
        for name in names:
            same[name] = {"relief": person + draw.normal(0, 0.03, (4, 1)) + draw.normal(0, 0.2, (4, 60))}
        found = summary(Compared(**{**vars(whole), "outcomes": same, "yardsticks": {}, "curves": {}}))
        called += "are not told apart" not in judge(found).headline
    assert called <= 8  # at most 5 % are expected, which is 3


def test_words():
    assert span(0.004, 0.21) == "0.00 to 0.21".replace("0.00", "0.004").replace("0.21", "0.210")
    assert span(-0.3, -0.2) == "0.20 to 0.30"
    assert span(0.098, 0.1) == "0.098 to 0.100"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d", "e"], 3) == "a, b, c and 2 more"
    assert listed(["a", "b", "c", "d"], 3) == "a, b, c and d"


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        (0, "For the people of the training alone: on 10 seeds a design and 400 people, shaped brings "),
        (1, " For 1 of 2 other kinds of people another design brings more."),
        (2, " Nor does another design bring more to any of 2 other kinds of people."),
    ],
)
def test_a_verdict_that_other_people_turn_says_so_first(holds, said):
    kinds = {"as trained": {}, "guarded": {}, "crisis": {}}
    headline = judge({**summarised(), "transfer": {"kinds": kinds, "holds": holds}}).headline
    assert headline.startswith(said) if holds == 0 else headline.endswith(said)


def test_a_design_with_the_name_of_an_outcome_is_told_from_it():
    assert shown("relief") == '"relief"'
    assert shown("shaped") == "shaped"
