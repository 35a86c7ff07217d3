import json
import pickle

import numpy as np
import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.evaluation.outcomes import Evaluation, behaviour, describe, evaluate, per_person_csv
from rlgen.experiments.runs.run import Run
from rlgen.policies.baselines import EmotionTable, Fixed, Random


@pytest.fixture
def world(fake_world):
    return fake_world(8)


def test_every_person_is_met_once_and_the_number_of_rows_does_not_matter(fake_world):
    fixed = Fixed(controls=(0.3, 0.1, 0.0, 0.2))
    few, many = (evaluate(fake_world(n), fixed, 50, seed=900) for n in (4, 64))
    for name in few.values:
        if name != "mean_rating":  # the fake gives ratings by row
            assert few.values[name] == pytest.approx(many.values[name]), name
    assert few.terms["near"] == pytest.approx(many.terms["near"])
    assert len(few.turn) == len(many.turn) == few.values["length"].sum()


def test_turns_are_counted_per_dialogue(world):
    found = evaluate(world, Fixed(), 40, seed=5)
    at_turn = np.bincount(found.turn)
    lengths = found.values["length"]
    assert at_turn.tolist() == [(lengths > t).sum() for t in range(int(lengths.max()))]


def test_a_better_rule_is_found_better_and_pairing_sees_it(world):
    from importlib import import_module

    targets = import_module(type(world).__module__).TARGETS
    table = EmotionTable(table=tuple(tuple(float(v) for v in row * 0.75) for row in targets))
    good, bad = evaluate(world, table, 100, seed=7), evaluate(world, Random(), 100, seed=7)
    policies, differences = describe({"good": good, "bad": bad})
    assert differences["bad"]["return"]["low"] > 0
    assert policies["good"]["return"]["mean"] > policies["bad"]["return"]["mean"]
    assert policies["good"]["worst_tenth"]["return"]["mean"] < policies["good"]["return"]["mean"]
    for what in ("return", "relief"):
        tail, told = np.sort(good.values[what])[:10].mean(), policies["good"]["worst_tenth"][what]
        assert told["mean"] == pytest.approx(tail, abs=1e-6)
        assert told["low"] <= told["mean"] <= told["high"]
    assert "worst_decile" not in policies["good"], "one name for one figure"
    actions = behaviour(good)["by_emotion"]
    assert actions["sadness"]["mean"][0] == pytest.approx(0.6, abs=1e-3)


def test_discrete_worlds_take_the_same_rules(fake_world):
    found = evaluate(fake_world(8, actions="discrete"), Fixed(), 20, seed=1)
    assert not np.isnan(found.values["return"]).any()


def test_the_people_of_a_realm_are_met_in_it_alone(fake_world):
    returns = {}
    for realm in ("training", "fitting", "validation", "evaluation", "tuning", "simulation"):
        returns[realm] = evaluate(fake_world(4), Fixed(), 30, realm=realm).values["return"]
        later = evaluate(fake_world(8), Fixed(), 20, realm=realm, first=10).values["return"]
        assert later == pytest.approx(returns[realm][10:]), "persons keep their index whoever came before"
    assert len({tuple(found) for found in returns.values()}) == 6


def test_other_parts_are_told_of(tmp_path):
    run = Run(tmp_path)
    parts = {"encoder": "as float32", "readers": "a"}
    home = "minilm (53aa)"
    run.write_manifest(parts, home, {})
    run.check_parts(parts, home)
    with pytest.raises(ConfigError, match="encoder changed"):
        run.check_parts({**parts, "encoder": "as bfloat16"}, home)
    with pytest.raises(ConfigError, match=r"encoder minilm \(53aa\), and this is fast \(77\)"):
        run.check_parts(parts, "fast (77)")
    with pytest.raises(ConfigError, match="readers changed"):
        run.check_parts({**parts, "readers": "b"}, home)


def test_the_csv_has_a_line_per_policy_and_person(world):
    found = evaluate(world, Fixed(), 10, seed=40)
    lines = per_person_csv({"centre": found, "again": found}, 40).splitlines()
    assert len(lines) == 21
    assert lines[1].startswith("centre,40000000000,")


class Mirror:
    """A layout in which a reply is read as the affect of the observation that tells of it."""

    def unflatten(self, obs):
        return {"affect": obs[..., :8], "reply_reading": obs[..., :8]}


def test_consistency_pairs_each_reply_with_the_person_whom_it_answered(fake_world):
    # Fake people feel one thing all the while: a mirror is perfect only if no last reply is read off the next person.
    found = {}
    for rows in (4, 16):
        world = fake_world(rows)
        world.layout = Mirror()
        found[rows] = evaluate(world, Fixed(), 60, seed=11)
        monitor = found[rows].consistency
        assert monitor.mirroring.value == pytest.approx(1)
        assert monitor.mirroring.shuffled < 0.6
        assert monitor.trend.value == 0  # no dialogue has a trend
        assert monitor.dialogues == (found[rows].values["length"] >= 2).sum()
        assert monitor.anger_for_anger == 1
        assert monitor.anger_otherwise == 0
    few, many = (described["consistency"]["turns"] for described in describe(found)[0].values())
    assert few == many


def test_a_world_without_readings_has_no_consistency(world):
    found = evaluate(world, Fixed(), 10, seed=40)
    assert found.consistency is None
    assert describe({"centre": found})[0]["centre"]["consistency"] is None


def test_an_evaluation_goes_on_from_any_of_its_states(fake_world):
    actors = {"random": Random(), "centre": Fixed()}

    def made():
        return Evaluation(fake_world(4), actors, 9, 70, "readings")

    def told(evaluation, lines):
        return lines, per_person_csv(evaluation.outcomes, 70), describe(evaluation.outcomes)

    whole = made()
    lines = [line for done in whole.steps() for dialogue in done for line in dialogue]
    wanted = told(whole, lines)
    one, begun = made(), []
    for done in one.steps():
        begun += [line for dialogue in done for line in dialogue]
        other = made()
        other.load_state(pickle.loads(pickle.dumps(one.state())))
        assert (other.done, other.acting) == (one.done, one.acting)
        rest = [line for d in other.steps() for dialogue in d for line in dialogue]
        assert told(other, begun + rest) == wanted
    assert one.done == one.people == 18
    assert [json.loads(line)["outcome"]["length"] for line in lines if "outcome" in line] == whole.outcomes[
        "random"
    ].values["length"].tolist()
    for name, actor in actors.items():
        alone = evaluate(fake_world(4), actor, 9, 70)
        for what, values in alone.values.items():
            assert np.array_equal(values, whole.outcomes[name].values[what], equal_nan=True)
