import json

import pytest
import torch

from rlgen.errors import ConfigError, DataError
from rlgen.experiments.provenance import config_hash
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig, load_checkpoint

PPO = PPOConfig(n_steps=16, batch_size=64, n_epochs=2)


def config(out, **changes):
    fields = {"out": out, "steps": 1024, "num_envs": 8, "ppo": PPO, "checkpoint_every": 256, **changes}
    return TrainConfig(**fields)


class Killed(Exception):
    pass


def kill_at(step):
    def progress(now, record):
        if record is None and now >= step:
            raise Killed

    return progress


def stable(record):
    return {k: v for k, v in record.items() if k not in {"seconds", "steps_per_second", "learner_share"}}


def test_a_run_holds_what_it_should(fake_world, tmp_path):
    outcome = train(config(tmp_path / "run"), world=fake_world(8))
    assert outcome.finished
    run = Run.open(tmp_path / "run")
    records = run.read_metrics()
    assert [r["step"] for r in records] == list(range(128, 1025, 128))
    last = records[-1]
    assert set(last["terms"]) == {"near", "other"}
    assert last["return"] == pytest.approx(last["terms"]["near"] + last["terms"]["other"], rel=1e-5)
    assert 0 < last["learner_share"] < 1
    assert last["mean_rating"] == pytest.approx(3.5)
    manifest = run.manifest()
    assert manifest["parts"] == {"fake": "0" * 64}
    assert manifest["encoder"] == "a fake (0123)"
    assert manifest["seeds"]["people"] == {"realm": "training", "seed": 0, "rows": 8}
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_a_killed_run_goes_on_to_the_same_weights_and_metrics(fake_world, tmp_path):
    train(config(tmp_path / "whole"), world=fake_world(8))
    with pytest.raises(Killed):
        train(config(tmp_path / "killed"), kill_at(700), world=fake_world(8))
    torch.manual_seed(4321)
    outcome = train(config(tmp_path / "killed"), world=fake_world(8))
    assert outcome.started_at == 512
    one, two = (load_checkpoint(tmp_path / name / "policy.zip").policy.state_dict() for name in ("whole", "killed"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    whole, killed = Run(tmp_path / "whole").read_metrics(), Run(tmp_path / "killed").read_metrics()
    assert [stable(r) for r in whole] == [stable(r) for r in killed]
    assert train(config(tmp_path / "killed"), world=fake_world(8)).started_at == 1024


def test_ctrl_c_saves_and_the_same_command_goes_on(fake_world, tmp_path):
    import os
    import signal

    def press(step, record):
        if record is None and step == 200:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = train(config(tmp_path / "run"), press, world=fake_world(8))
    assert not outcome.finished
    assert outcome.step == 256
    assert train(config(tmp_path / "run"), world=fake_world(8)).started_at == 256


def test_another_config_needs_another_folder(fake_world, tmp_path):
    train(config(tmp_path / "run", steps=128), world=fake_world(8))
    with pytest.raises(ConfigError, match="seed is 0 there and 1 now"):
        train(config(tmp_path / "run", steps=128, seed=1), world=fake_world(8))
    train(config(tmp_path / "run", steps=128, checkpoint_every=9), world=fake_world(8))


def test_other_frozen_parts_are_refused(fake_world, tmp_path):
    train(config(tmp_path / "run", steps=128), world=fake_world(8))
    changed = fake_world(8)
    changed.sha256 = {"fake": "1" * 64}
    with pytest.raises(ConfigError, match=r"other frozen parts \(fake\)"):
        train(config(tmp_path / "run", steps=128), world=changed)


def test_a_foreign_folder_is_left_alone(fake_world, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ConfigError, match="not an empty folder"):
        train(config(tmp_path), world=fake_world(8))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_batch_larger_than_a_rollout_is_a_sentence(fake_world, tmp_path):
    with pytest.raises(ConfigError, match="batch_size"):
        train(config(tmp_path / "run", num_envs=2), world=fake_world(2))
    assert not (tmp_path / "run").exists()


def test_half_a_line_of_metrics_is_dropped(tmp_path):
    run = Run(tmp_path)
    whole = json.dumps({"step": 1, "terms": {}}) + "\n"
    run.metrics.write_text(whole + '{"step": 2, "ret')
    run.rewind_metrics(5)
    assert run.metrics.read_text() == whole


def test_a_damaged_line_of_metrics_is_refused_and_nothing_is_lost(tmp_path):
    run = Run(tmp_path)
    damaged = '{"step": 1, "te\n' + json.dumps({"step": 2, "terms": {}}) + "\n"
    run.metrics.write_text(damaged)
    with pytest.raises(DataError, match="line 1"):
        run.rewind_metrics(5)
    assert run.metrics.read_text() == damaged


def test_the_hash_ignores_where_a_run_lies():
    assert config_hash({"seed": 1, "out": "a"}) == config_hash({"seed": 1, "out": "b"})
    assert config_hash({"seed": 1}) != config_hash({"seed": 2})
