"""Policies by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sb3_contrib import RecurrentPPO

from benchmarks.needs import Held
from rlgen.errors import ActionError, ConfigError, PartError
from rlgen.experiments.dialogues.simulation import Simulation
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.experiments.runs.policies import find_policy
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig, Trained, WorldVecEnv
from rlgen.policies.baselines import Fixed

ID = "rlgen/SupportDynamic-v0"
OWN = """
import numpy as np
from beside import VALUE

class Mine:
    def act(self, obs, layout, streams, turn):
        return np.full((len(obs), 4), VALUE)

class Counts:
    "Remembers how often each dialogue was answered, and answers accordingly."
    def __init__(self): self.count = None
    def begin(self, rows):
        fresh = Counts(); fresh.count = np.zeros(rows); return fresh
    def state(self): return self.count.copy()
    def load_state(self, state): self.count = state.copy()
    def act(self, obs, layout, streams, turn):
        self.count = np.where(turn == 0, 0, self.count + 1)
        assert (self.count == turn).all()
        return np.tile(self.count[:, None] / 100, 4)

mine = Mine()
far = Mine(); far.act = lambda obs, *_: np.full((len(obs), 4), 1.5)
odd = Mine(); odd.act = lambda obs, *_: np.zeros(4)
class Falls(Mine):
    def act(self, obs, layout, streams, turn): return obs["affect"]
falls = Falls()
number = 7
def broken(): raise KeyError("x")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_policies.py").write_text(OWN)
    (tmp_path / "beside.py").write_text("VALUE = .25\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "own_policies.py"


@pytest.mark.parametrize(
    ("name", "short", "actor"),
    [
        ("baseline:centre", "centre", Fixed()),
        ("fixed:0,0,0.6245,1", "fixed:0,0,0.6245,1", None),
        ("fixed:random", "fixed:random", Fixed(controls=(None,) * 4)),
    ],
)
def test_a_rule_by_name(name, short, actor):
    found = find_policy(name, ID, None)
    assert found.name == short
    assert actor is None or found.actor == actor
    assert found.stamp["rule"]["kind"] == "fixed"
    with pytest.raises(ConfigError, match="--stochastic"):
        find_policy(name, ID, None, stochastic=True)


@pytest.mark.parametrize("name", ["randm", "no/such/folder", "baseline:randm"])
def test_an_unknown_policy_is_answered_with_those_that_there_are(name):
    with pytest.raises(ConfigError, match=r"randm.*random|such/folder.*baseline:random"):
        find_policy(name, ID, None)


def test_an_object_of_ones_own(own, fake_world):
    world = fake_world(4)
    for where in ("own_policies", str(own)):
        for attribute in ("mine", "Mine"):
            found = find_policy(f"{where}:{attribute}", ID, world)
            assert (evaluate(world, found.actor, 6).actions == 0.25).all()
            assert found.stamp["sha256"].keys() == {f"{where}:{attribute}"}


@pytest.mark.parametrize(
    ("attribute", "error", "said"),
    [
        ("none", ConfigError, "has no 'none'"),
        ("number", ConfigError, "int, which has no act"),
        ("broken", ConfigError, "KeyError: 'x'"),
        ("far", ActionError, "outside"),
        ("odd", ActionError, r"shape \(4,\)"),
        ("falls", PartError, r"policy was .*it raised IndexError: .*own_policies.py, line \d+\); mend it"),
    ],
)
def test_an_object_that_is_no_policy_is_a_sentence(own, fake_world, attribute, error, said):
    with pytest.raises(error, match=said):
        evaluate(fake_world(4), find_policy(f"own_policies:{attribute}", ID, fake_world(4)).actor, 4)


@pytest.mark.parametrize("name", ["no_such_module:mine", "no/such.py:mine", "bad.py:mine"])
def test_a_module_that_cannot_be_had_is_a_sentence(own, name):
    (own.parent / "bad.py").write_text("import (")
    with pytest.raises(ConfigError, match=r"no module .no_such_module.|no file no/such|bad.py cannot be imported"):
        find_policy(name, ID, None)


def recurrent(fake_world):
    return Trained(RecurrentPPO("MlpLstmPolicy", WorldVecEnv(fake_world(2)), n_steps=8, batch_size=16, seed=0))


@pytest.mark.parametrize("what", ["counts", "recurrent", "held"])
def test_a_memory_is_of_the_dialogue_and_goes_on_after_a_kill(own, fake_world, what):
    if what == "counts":
        actor = find_policy("own_policies:Counts", ID, fake_world(4)).actor
    else:
        actor = recurrent(fake_world)
        actor = Held(actor, 1, 0.5) if what == "held" else actor
    few, many = (evaluate(fake_world(n), actor, 20).values["return"] for n in (3, 20))
    assert few == pytest.approx(many, abs=1e-5)
    whole, killed, after = (Simulation(fake_world(3), actor, 12) for _ in range(3))
    lines = [dialogue for done in whole.steps() for dialogue in done]
    steps = killed.steps()
    before = [dialogue for _ in range(5) for dialogue in next(steps)]
    after.load_state(json_free(killed.state()))
    assert before + [dialogue for done in after.steps() for dialogue in done] == lines


def json_free(state):
    """As a file keeps it."""
    import pickle

    return pickle.loads(pickle.dumps(state))


def test_a_run_that_is_not_finished_says_so(fake_world, tmp_path, capsys):
    ppo = PPOConfig(n_steps=16, batch_size=64, n_epochs=1)
    run = train(TrainConfig(out=tmp_path / "run", steps=128, num_envs=8, ppo=ppo), world=fake_world(8)).run
    found = find_policy(str(run.path), ID, fake_world(4))
    assert capsys.readouterr().err == ""
    assert found.name == "trained"
    assert found.stamp == {
        "algorithm": "BoundedPPO", "step": 128, "sha256": {"policy.zip": run.stamp()["policy"]}, "deterministic": True,
    }  # fmt: skip
    config = {k: v for k, v in json.loads((run.path / "config.json").read_text()).items() if k != "hash"}
    run.write_config({**config, "steps": 50_000})
    find_policy(str(run.path), ID, fake_world(4))
    assert "Trained for 128 of 50,000 steps; resume with" in capsys.readouterr().err
    run.policy.unlink()
    with pytest.raises(ConfigError, match="has no policy yet"):
        find_policy(str(run.path), ID, fake_world(4))
    assert np.isfinite(found.actor.model.num_timesteps)
