"""Simulation: the order of persons, and going on from any state."""

import itertools
import json
import pickle

import pytest

from rlgen.experiments.dialogues.simulation import Simulation, simulate
from rlgen.policies.baselines import Fixed, Random


def test_dialogues_are_whole_and_in_order(fake_world):
    world = fake_world(4)
    found = list(simulate(world, Fixed(), 11, 70))
    assert sorted(d[0]["person"] for d in found) == [70 * 10**9 + i for i in range(11)]
    for dialogue in found:
        assert [r["turn"] for r in dialogue] == list(range(len(dialogue)))
        assert len({r["person"] for r in dialogue}) == 1
        outcome = dialogue[-1]["outcome"]
        assert outcome["length"] == len(dialogue)
        assert outcome["return"] == pytest.approx(sum(r["reward"] for r in dialogue), abs=1e-2)
        assert all("outcome" not in r for r in dialogue[:-1])
    assert json.loads(json.dumps(found)) == found
    assert world.record is False


def lines_of(world, people=23):
    return [line for done in Simulation(world, Random(), people, 70, False).steps() for d in done for line in d]


def test_dialogues_are_in_the_order_of_persons_whatever_the_number_of_rows(fake_world):
    found = [[json.loads(line) for line in lines_of(fake_world(rows))] for rows in (1, 5, 64)]
    for record in (record for records in found for record in records if "outcome" in record):
        del record["outcome"]["mean_rating"]  # that of the fake world depends on the row
    assert found[0] == found[1] == found[2]
    assert [r["person"] for r in found[0] if r["turn"] == 0] == [70 * 10**9 + i for i in range(23)]
    for before, after in itertools.pairwise(found[0]):
        assert after["turn"] == (0 if "outcome" in before else before["turn"] + 1)
    assert not {"said", "reply", "then"} & set(found[0][0])


def test_a_simulation_goes_on_from_any_of_its_states(fake_world):
    whole = lines_of(fake_world(4))
    simulation = Simulation(fake_world(4), Random(), 23, 70, False)
    begun: list[str] = []
    for done in simulation.steps():
        begun += [line for dialogue in done for line in dialogue]
        other = Simulation(fake_world(4), Random(), 23, 70, False)
        other.load_state(pickle.loads(pickle.dumps(simulation.state())))
        rest = [line for d in other.steps() for dialogue in d for line in dialogue]
        assert begun + rest == whole
        assert (other.done, other.dialogues.turns) == (23, len(whole))
