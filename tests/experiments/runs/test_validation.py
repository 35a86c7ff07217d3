"""Validation while training, beginning as another policy, threads: nothing of it changes what is learned."""

import json

import numpy as np
import pytest
import torch

from rlgen.envs import World
from rlgen.errors import ArtifactError, ConfigError
from rlgen.experiments.evaluation import evaluate
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig, load_model
from rlgen.policies.trained import Trained

SMALL = PPOConfig(n_steps=16, batch_size=64, n_epochs=2)
SURFACE = {"kind": "surface", "path": "shipped:surface"}


def config(out, **changes):
    fields = {"out": out, "steps": 768, "num_envs": 16, "ppo": SMALL, "generator": SURFACE, "checkpoint_every": 256}
    return TrainConfig(**{**fields, **changes})


def weights(path):
    return load_model(path).policy.state_dict()


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    out = tmp_path_factory.mktemp("validation") / "run"
    assert train(config(out, eval_every=256, eval_people=20)).finished
    return Run(out)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    out = tmp_path_factory.mktemp("validation") / "plain"
    assert train(config(out)).finished
    return Run(out)


def test_looking_changes_nothing_of_what_is_learned(watched, plain):
    assert same(weights(watched.policy), weights(plain.policy))
    assert not plain.best.exists()


def test_validations_stand_in_the_metrics_and_the_best_policy_is_kept(watched):
    found = {record["step"]: record["validation"] for record in watched.read_metrics() if "validation" in record}
    assert list(found) == [256, 512, 768]
    best = max(found, key=lambda step: found[step]["return"])
    model = load_model(watched.best)
    assert model.num_timesteps == best
    world = World(config(watched.path).world_config(), 16)
    again = evaluate(world, Trained(model), 20, 0, realm="validation").values
    assert found[best]["return"] == pytest.approx(np.mean(again["return"]), abs=1e-6)
    assert found[best]["relief"] == pytest.approx(np.mean(again["relief"]), abs=1e-6)


def test_a_hook_ends_a_training_that_goes_on_later(tmp_path, watched):
    seen = []

    def hopeless(step, found):
        seen.append((step, found["return"]))
        return step >= 512

    asked = config(tmp_path / "run", eval_every=256, eval_people=20)
    outcome = train(asked, prune=hopeless)
    assert (outcome.finished, outcome.step) == (False, 512)
    assert [step for step, _ in seen] == [256, 512]
    assert train(asked).finished
    assert same(weights(tmp_path / "run" / "policy.zip"), weights(watched.policy))
    told = [record for record in Run(tmp_path / "run").read_metrics() if "validation" in record]
    assert [record["step"] for record in told] == [256, 512, 768]


def test_a_policy_begins_as_another_and_tells_of_it(tmp_path, plain):
    outcome = train(config(tmp_path / "next", steps=256, init_from=plain.path, seed=7))
    lineage = outcome.run.manifest()["lineage"]
    assert lineage["step"] == 768
    assert lineage["lineage"] is None
    assert train(config(tmp_path / "third", steps=256, init_from=tmp_path / "next")).finished
    assert Run(tmp_path / "third").manifest()["lineage"]["lineage"] == lineage
    assert json.loads((tmp_path / "next" / "config.json").read_text())["init_from"] == lineage["sha256"]


def test_it_really_begins_with_those_weights(tmp_path, plain):
    from rlgen.experiments.runs.lineage import begin_as
    from rlgen.policies import make_ppo
    from rlgen.policies.vec_env import WorldVecEnv

    fresh = make_ppo(WorldVecEnv(World(config(tmp_path).world_config(), 16)), SMALL, seed=3)
    assert not same(fresh.policy.state_dict(), weights(plain.policy))
    begin_as(fresh, plain.policy)
    assert same(fresh.policy.state_dict(), weights(plain.policy))


def test_what_one_cannot_begin_as(tmp_path, plain):
    with pytest.raises(ArtifactError, match=r"init_from was .*nobody.*there is no policy here"):
        train(config(tmp_path / "run", init_from=tmp_path / "nobody"))
    wide = SMALL.model_copy(update={"hidden": (8, 8)})
    with pytest.raises(ConfigError, match="its policy has other weights than this one"):
        train(config(tmp_path / "wide", init_from=plain.path, ppo=wide))


def test_threads_are_set_for_the_training_and_kept_in_the_config(tmp_path):
    before, seen = torch.get_num_threads(), []
    train(config(tmp_path / "run", steps=256, threads=3), lambda step, record: seen.append(torch.get_num_threads()))
    assert set(seen) == {3}
    assert torch.get_num_threads() == before
    assert Run(tmp_path / "run").config()["threads"] == 3
