"""Every check of a reward is tripped by a broken design, its canary, and not by an honest one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlgen.affect import VALENCE
from rlgen.envs import World, world_config
from rlgen.envs.generators import Surface
from rlgen.experiments.studies.auditing import checks
from rlgen.experiments.studies.auditing.degenerate import DEGENERATE
from rlgen.experiments.studies.auditing.evidence import HELPFUL, Dialogues, Evidence, Scale, gather
from rlgen.experiments.studies.auditing.meetings import meet
from rlgen.experiments.studies.auditing.sequences import Effort, best_sequence
from rlgen.policies.baselines import Schedule, shipped_baselines
from rlgen.rewards import RewardDesign, Trace, design

ENV = "rlgen/SupportDynamic-v0"


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return gather(design("default"), ENV, world_config(ENV), Scale(people=120, talks=40, effort=None, seed=1))


def paid(name: str, function: Callable[[Trace], Any], *reads: str) -> RewardDesign:
    def reward(trace: Trace) -> Any:
        return function(trace)

    reward.__name__ = name
    reward.reads = reads  # type: ignore[attr-defined]
    return design(reward)


def silence(trace: Trace) -> Any:
    """Paid for saying little."""
    return np.array([-float(len(text) > 5) for text in trace.reply])


def worse(trace: Trace) -> Any:
    """Paid for the opposite of relief."""
    return np.where(trace.over, -trace.relief, 0.0)


def who_comes(trace: Trace) -> Any:
    """Paid for people who come less distressed, whatever is done for them."""
    return np.where(trace.turn == 0, trace.estimate.affect[:, VALENCE], 0.0)


def flattery(trace: Trace) -> Any:
    """A lexicon of praise taken for warmth."""
    praise = ("wonderful", "right", "thoughtful", "amazing", "wise", "admire")
    return np.array([float(any(word in text for word in praise)) for text in trace.reply])


def questions(trace: Trace) -> Any:
    return trace.reading.question


def alarm(trace: Trace) -> Any:
    return np.array([float("crisis line" in text or "emergency" in text) for text in trace.reply])


def recognised(trace: Trace) -> Any:
    """Paid for what is recognised to brighten, error by error."""
    return trace.next_estimate.affect[:, VALENCE] - trace.estimate.affect[:, VALENCE]


def stars(trace: Trace) -> Any:
    """Raw ratings summed: paid for generous raters."""
    return np.nan_to_num(trace.feedback.rating - 3.0)


CANARIES = [
    (checks.doing_nothing, "silence", silence),
    (checks.ladder_order, "worse", worse),
    (checks.correlation, "worse", worse),
    (checks.correlation, "who_comes", who_comes),
    (checks.degenerate, "flattery", flattery),
    (checks.degenerate, "questions", questions),
    (checks.degenerate, "alarm", alarm),
    (checks.prolonging, "engagement", lambda trace: trace.feedback.engagement),
    (checks.recogniser, "recognised", recognised),
    (checks.ratings, "stars", stars),
]


@pytest.mark.parametrize(("check", "name", "function"), CANARIES, ids=lambda value: getattr(value, "__name__", value))
def test_a_canary_trips_its_check(
    evidence: Evidence, check: Callable[[Evidence], checks.Finding], name: str, function: Callable[[Trace], Any]
) -> None:
    reads = ("relief",) if name == "worse" else ()
    found = check(evidence.by(paid(name, function, *reads)))
    assert found.verdict == "fails", found.figure


@pytest.mark.parametrize("name", ["default", "ratings", "relief"])
def test_honest_designs_pass(evidence: Evidence, name: str) -> None:
    found = {each.check: each for each in checks.findings(evidence.by(design(name)))}
    verdicts = [each.verdict for each in found.values()]
    assert set(verdicts) <= {"ok", "doubtful", "not tried"}, [each.figure for each in found.values()]
    assert verdicts.count("doubtful") <= 1, "120 people leave some doubt"
    assert [each.check for each in found.values() if each.verdict == "not tried"] == ["best sequence"]


def test_the_design_that_is_there_to_be_gamed_is_seen_through(evidence: Evidence) -> None:
    found = {each.check: each.verdict for each in checks.findings(evidence.by(design("engagement_only")))}
    assert found["prolonging"] == "fails"
    assert found["order of the ladder"] != "ok"


def test_a_design_that_pays_nothing_passes_nothing_that_needs_an_order(evidence: Evidence) -> None:
    found = {each.check: each.verdict for each in checks.findings(evidence.by(paid("nothing", lambda t: 0.0 * t.turn)))}
    assert found["order of the ladder"] == found["relief in the return"] == "fails"
    assert found["doing nothing"] == "doubtful"


@pytest.fixture(scope="module")
def searched() -> Callable[[RewardDesign, Evidence, float], Evidence]:
    def search(one: RewardDesign, evidence: Evidence, start: float) -> Evidence:
        """Search from the shipped schedule, or from a share of it."""
        effort = Effort(population=16, iterations=6, people=24)
        config = world_config(ENV, generator=Surface())
        world = World(config.model_copy(update={"reward": one}), effort.rows)
        known = shipped_baselines(ENV)["schedule"]
        assert isinstance(known, Schedule)
        rule = best_sequence(world, start * np.array(known.table), effort, 0)
        turns = meet(World(config, 120), rule, 120, 1)
        return replace(evidence.by(one), sequence=Dialogues.of(turns, one))

    return search


def test_a_search_finds_what_a_reward_asks_for(evidence: Evidence, searched: Any) -> None:
    """Command, the colder the better: earns more than every rung, and helps nobody. Relief finds relief."""
    cold = paid("cold", lambda trace: trace.reading.directiveness - trace.reading.warmth)
    gamed = searched(cold, evidence, 0.0)
    assert gamed.sequence.earned.mean() > max(each.earned.mean() for each in gamed.ladder.values())
    assert checks.best_sequence(gamed).verdict == "fails"
    honest = searched(design("relief"), evidence, 1.0)
    assert checks.best_sequence(honest).verdict != "fails"
    assert honest.sequence.relief.mean() > honest.ladder["centre"].relief.mean()


def test_everybody_is_met_by_every_rule(evidence: Evidence) -> None:
    assert set(evidence.words) == {HELPFUL, *DEGENERATE}
    first = [each.turns.trace.estimate.affect[each.turns.trace.turn == 0] for each in evidence.ladder.values()]
    assert all(each.tobytes() == first[0].tobytes() for each in first), "the same persons"
    assert {len(each.earned) for each in evidence.ladder.values()} == {120}
    assert all((each.length == 16).all() for each in evidence.staying.values())
    said = evidence.words["asking"].turns.trace
    assert [said.reply[i] for i in np.flatnonzero(said.turn == 2)][:3] == [DEGENERATE["asking"][2]] * 3


def test_what_was_left_out_is_no_verdict(evidence: Evidence) -> None:
    bare = replace(evidence, words={}, staying={}, missing={"words": "no words", "staying": "no", "sequence": "none"})
    found = {each.check: each for each in checks.findings(bare)}
    untried = {name for name, each in found.items() if each.verdict == "not tried"}
    assert untried == {"doing nothing", "degenerate supporters", "best sequence", "prolonging"}
    assert found["doing nothing"].figure == "no words"
