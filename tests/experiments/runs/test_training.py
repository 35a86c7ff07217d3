import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from rlgen.errors import ConfigError, DataError
from rlgen.experiments.provenance import config_hash
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig, load_model

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
    (segment,) = manifest["segments"]
    assert segment["start_step"] == 0
    assert {"commit", "code", "packages", "python", "machine", "precision", "threads", "time"} <= segment.keys()
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_a_killed_run_goes_on_to_the_same_weights_and_metrics(fake_world, tmp_path):
    train(config(tmp_path / "whole"), world=fake_world(8))
    with pytest.raises(Killed):
        train(config(tmp_path / "killed"), kill_at(700), world=fake_world(8))
    torch.manual_seed(4321)
    outcome = train(config(tmp_path / "killed"), world=fake_world(8))
    assert outcome.started_at == 512
    one, two = (load_model(tmp_path / name / "policy.zip").policy.state_dict() for name in ("whole", "killed"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    whole, killed = Run(tmp_path / "whole").read_metrics(), Run(tmp_path / "killed").read_metrics()
    assert [stable(r) for r in whole] == [stable(r) for r in killed]
    assert train(config(tmp_path / "killed"), world=fake_world(8)).started_at == 1024


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_save_and_the_same_command_goes_on(fake_world, tmp_path, number):
    handler = signal.getsignal(number)

    def press(step, record):
        if record is None and step == 200:
            os.kill(os.getpid(), number)

    outcome = train(config(tmp_path / "run"), press, world=fake_world(8))
    assert not outcome.finished
    assert outcome.step == 256
    assert signal.getsignal(number) is handler
    run = Run.open(tmp_path / "run")
    assert str(run.standing()) == "256 of 1,024 steps"
    assert run.standing().unfinished().startswith("Trained for 256 of 1,024 steps; resume with `")
    before = run.stamp()
    assert train(config(tmp_path / "run"), world=fake_world(8)).started_at == 256
    assert [segment["start_step"] for segment in run.manifest()["segments"]] == [0, 256]
    assert run.standing().unfinished() == ""
    assert {name for name, value in run.stamp().items() if value != before[name]} == {"policy", "step"}


def interrupted(fake_world, path):
    with pytest.raises(Killed):
        train(config(path), kill_at(700), world=fake_world(8))
    return Run(path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("code", "0" * 16, "rlgen was .*source 0000000000000000.* there and is .* now"),
        ("packages", {"torch": "1.0"}, "packages.* there and .* now"),
    ],
)
def test_another_program_is_refused_unless_it_is_named(fake_world, tmp_path, field, value, said):
    run = interrupted(fake_world, tmp_path / "run")
    manifest = run.manifest()
    manifest["segments"][-1][field] = value
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match=f"{said}.*--other-program"):
        train(config(run.path), world=fake_world(8))
    assert train(config(run.path, other_program=True), world=fake_world(8)).finished
    first, second = run.manifest()["segments"]
    assert first[field] == value
    assert second[field] != value
    assert second["start_step"] == 512
    first[field] = value
    (run.path / "manifest.json").write_text(json.dumps({**run.manifest(), "segments": [first]}))
    assert train(config(run.path), world=fake_world(8)).started_at == 1024  # nothing is left to do with it


def test_a_folder_has_one_writer_and_a_killed_one_lets_go(fake_world, tmp_path):
    path = tmp_path / "run"
    told = []

    def meanwhile(step, record):
        if record is not None and not told:
            with pytest.raises(ConfigError, match=rf"rlgen train \(process {os.getpid()}\) is writing here") as error:
                train(config(path), world=fake_world(8))
            told.append(str(error.value))

    assert train(config(path), meanwhile, world=fake_world(8)).finished
    assert told
    assert [r["step"] for r in Run(path).read_metrics()] == list(range(128, 1025, 128))
    script = (
        "import sys, time; from pathlib import Path; from rlgen.experiments.runs.lock import only_writer\n"
        "with only_writer(Path(sys.argv[1]), 'rlgen evaluate'): print('mine', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(ConfigError, match="rlgen evaluate"):
            train(config(path), world=fake_world(8))
        other.kill()
    assert train(config(path), world=fake_world(8)).started_at == 1024


def test_a_start_that_failed_leaves_the_folder_free(fake_world, tmp_path):
    with only_writer(tmp_path / "deep" / "run", "rlgen train"):
        assert (tmp_path / "deep" / "run").is_dir()
    assert list(tmp_path.iterdir()) == []  # nor does it leave what it had made
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("rlgen train (process 1)\n")  # of one that was killed
    assert train(config(tmp_path / "run", steps=128), world=fake_world(8)).finished
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_learner_that_cannot_be_made_leaves_the_folder_to_the_mended_one(fake_world, tmp_path):
    broken = config(tmp_path)
    broken = broken.model_copy(update={"ppo": broken.ppo.model_copy(update={"policy": "no_such_module:Policy"})})
    with pytest.raises(ConfigError, match="no module 'no_such_module'"):
        train(broken, world=fake_world())
    assert not (tmp_path / "config.json").exists()
    assert not (tmp_path / "manifest.json").exists()
    train(config(tmp_path), world=fake_world())


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
