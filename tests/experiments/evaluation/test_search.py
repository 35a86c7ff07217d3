import numpy as np
import pytest

from rlgen.experiments.evaluation import search
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies.baselines import Fixed, Random, Schedule
from rlgen.types import MAX_TURNS

SMALL = search.Budget(population=12, iterations=8, people=64, first=16)


def targets(world):
    from importlib import import_module

    return import_module(type(world).__module__).TARGETS


def test_the_best_fixed_controls_are_the_known_optimum(fake_world):
    # Short episodes weigh each turn's target alike, so the optimum is the mean of the targets met.
    world = fake_world(64, max_turns=2)
    searching = search.Search(search.meeting(world), search.Budget(population=24, iterations=12, people=256, first=32))
    rule = searching.cross_entropy(search.fixed, np.zeros(4), 0.3, "fixed")
    found = evaluate(world, Fixed(), 2000, seed=1)
    scale = (found.turn == 0).sum() * 1.0 + (found.turn == 1).sum() * 0.75
    best = targets(world).mean(0) * scale / len(found.turn)
    assert rule == pytest.approx(best, abs=0.08)


def test_every_rung_is_at_least_the_fixed_rule(fake_world):
    world = fake_world(64)
    rules = search.Search(search.meeting(world), SMALL).ladder()
    assert set(rules) == {"fixed", "emotion_table", "schedule"}
    earned = {name: evaluate(world, rule, 400, seed=99).values["return"].mean() for name, rule in rules.items()}
    assert all(value >= earned["fixed"] - 0.03 for value in earned.values())
    assert earned["emotion_table"] > earned["fixed"] + 0.1  # how much depends on the people that the search met


def test_a_schedule_passes_through_its_knots():
    params = np.random.default_rng(0).uniform(-0.9, 0.9, (len(search.KNOTS), 4))
    rule = search.schedule(params.ravel())
    assert len(rule.table) == MAX_TURNS
    for knot, row in zip(search.KNOTS, params, strict=True):
        assert rule.table[knot] == pytest.approx(row, abs=1e-4)


def test_a_cooler_rule_differs_in_temperature_alone_and_stays_in_the_box():
    assert search.cooler(Fixed(controls=(0.1, 0.2, 0.9, 0.4))) == Fixed(controls=(0.1, 0.2, 0.6, 0.4))
    schedule = Schedule(table=((0.0, 0.0, -0.9, 0.0), (0.5, 0.5, 0.5, 0.5)))
    assert search.cooler(schedule).table == ((0.0, 0.0, -1.0, 0.0), (0.5, 0.5, 0.2, 0.5))
    assert search.cooler(Random()) == Random()


def test_the_better_candidate_of_each_rung_is_kept(fake_world):
    world = fake_world(64)
    good, bad = Fixed(controls=(0.2, 0.0, 0.0, 0.2)), Fixed(controls=(-0.9, 0.9, 0.9, -0.9))
    said = []
    chosen = search.best_on(search.meeting(world), {"one": [bad, good], "two": [good, bad]}, 64, said.append)
    assert chosen == {"one": good, "two": good}
    assert len(said) == 2  # a rule that stands for two rungs is measured once


def test_halving_finds_the_clear_winner(fake_world):
    world = fake_world(64)
    good, bad = targets(world).mean(0) * 0.7, np.full(4, 0.95)
    found = search.Search(search.meeting(world), SMALL).halving(search.fixed, [bad, -bad, good, bad * 0.9, -bad * 0.8])
    assert found is good


def test_the_meetings_of_a_search_are_known_beforehand(fake_world):
    met, plainly = [], search.meeting(fake_world(64))

    def counted(rule, people, realm, first=0):
        met.append(people)
        return plainly(rule, people, realm, first)

    search.Search(counted, SMALL).ladder()
    assert sum(met) == SMALL.meetings
