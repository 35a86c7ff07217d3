import numpy as np
import pytest

from rlgen.experiments.commands import bench_headroom
from rlgen.experiments.evaluation import headroom
from rlgen.experiments.evaluation.outcomes import Outcomes, evaluate
from rlgen.experiments.statistics import crossed_error
from rlgen.policies.baselines import Fixed, Random, Schedule
from rlgen.types import MAX_TURNS

SMALL = headroom.Budget(population=12, iterations=8, people=64, first=16)


def targets(world):
    from importlib import import_module

    return import_module(type(world).__module__).TARGETS


def test_the_best_fixed_controls_are_the_known_optimum(fake_world):
    # Short episodes weigh each turn's target alike, so the optimum is the mean of the targets met.
    world = fake_world(64, max_turns=2)
    search = headroom.Search(world, headroom.Budget(population=24, iterations=12, people=256, first=32))
    rule = search.cross_entropy(headroom.fixed, np.zeros(4), 0.3, "fixed")
    found = evaluate(world, Fixed(), 2000, seed=1)
    scale = (found.turn == 0).sum() * 1.0 + (found.turn == 1).sum() * 0.75
    best = targets(world).mean(0) * scale / len(found.turn)
    assert rule == pytest.approx(best, abs=0.08)


def test_every_rung_is_at_least_the_fixed_rule(fake_world):
    world = fake_world(64)
    rules = headroom.Search(world, SMALL).ladder()
    assert set(rules) == {"fixed", "emotion_table", "schedule"}
    earned = {name: evaluate(world, rule, 400, seed=99).values["return"].mean() for name, rule in rules.items()}
    assert all(value >= earned["fixed"] - 0.03 for value in earned.values())
    assert earned["emotion_table"] > earned["fixed"] + 0.1  # how much depends on the people that the search met


def test_a_schedule_passes_through_its_knots():
    params = np.random.default_rng(0).uniform(-0.9, 0.9, (len(headroom.KNOTS), 4))
    rule = headroom.schedule(params.ravel())
    assert len(rule.table) == MAX_TURNS
    for knot, row in zip(headroom.KNOTS, params, strict=True):
        assert rule.table[knot] == pytest.approx(row, abs=1e-4)


def test_a_cooler_rule_differs_in_temperature_alone_and_stays_in_the_box():
    assert headroom.cooler(Fixed(controls=(0.1, 0.2, 0.9, 0.4))) == Fixed(controls=(0.1, 0.2, 0.6, 0.4))
    schedule = Schedule(table=((0.0, 0.0, -0.9, 0.0), (0.5, 0.5, 0.5, 0.5)))
    assert headroom.cooler(schedule).table == ((0.0, 0.0, -1.0, 0.0), (0.5, 0.5, 0.2, 0.5))
    assert headroom.cooler(Random()) == Random()


def test_holding_a_control_costs_what_it_was_worth(fake_world):
    """A rule that holds one control where it stands anyway loses nothing; the others stay as they were."""
    world = fake_world(64)
    rule = Schedule(table=((0.3, -0.2, 0.1, 0.4), (-0.3, 0.2, 0.1, -0.4)))
    whole = evaluate(world, rule, 200, seed=5)
    same = evaluate(world, headroom.Held(rule, 2, 0.1), 200, seed=5)
    assert np.array_equal(same.values["return"], whole.values["return"])
    held = evaluate(world, headroom.Held(rule, 0, 0.0), 200, seed=5)
    assert (held.actions[:, 0] == 0).all()
    assert np.array_equal(held.actions[:, 1:], whole.actions[:, 1:])
    assert not np.array_equal(held.values["return"], whole.values["return"])


def test_the_better_candidate_of_each_rung_is_kept(fake_world):
    world = fake_world(64)
    good, bad = Fixed(controls=(0.2, 0.0, 0.0, 0.2)), Fixed(controls=(-0.9, 0.9, 0.9, -0.9))
    said = []
    chosen = headroom.best_on(world, {"one": [bad, good], "two": [good, bad]}, 64, said.append)
    assert chosen == {"one": good, "two": good}
    assert len(said) == 2  # a rule that stands for two rungs is measured once


def test_halving_finds_the_clear_winner(fake_world):
    world = fake_world(64)
    good, bad = targets(world).mean(0) * 0.7, np.full(4, 0.95)
    found = headroom.Search(world, SMALL).halving(headroom.fixed, [bad, -bad, good, bad * 0.9, -bad * 0.8])
    assert found is good


def test_the_error_is_that_of_pairs_over_seeds_and_people():
    def outcomes(*returns):
        empty = np.zeros(0)
        return Outcomes({"return": np.array(returns)}, {}, empty.astype(int), empty.astype(int), np.zeros((0, 4), "f4"))

    found = {
        "fixed": outcomes(0.0, 0.2),
        "ppo, seed 0": outcomes(1.0, 2.0),
        "ppo, seed 1": outcomes(3.0, 3.0),
        "blind ppo, seed 0": outcomes(0.0, 1.0),
        "blind ppo, seed 1": outcomes(0.0, 1.0),
    }
    assert bench_headroom._error(found, "ppo", "blind ppo") == crossed_error([[1.0, 1.0], [3.0, 2.0]])
    assert bench_headroom._error(found, "ppo", "fixed") == crossed_error([[1.0, 1.8], [3.0, 2.8]])
    assert bench_headroom._error(found, "ppo", "linear ppo") is None
    alone = {"fixed": found["fixed"], "ppo, seed 0": found["ppo, seed 0"]}
    assert bench_headroom._error(alone, "ppo", "fixed") == pytest.approx(np.std([1.0, 1.8], ddof=1) / np.sqrt(2))
