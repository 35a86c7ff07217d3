"""A policy goes to a folder and comes back as it was, or not at all."""

import json

import pytest

from rlgen.errors import ArtifactError, ConfigError, DataError
from rlgen.experiments.cli import main
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.sharing import is_place, pull, push
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("shared") / "run"
    small = PPOConfig(n_steps=16, batch_size=64, n_epochs=1)
    surface = {"kind": "surface", "path": "shipped:surface"}
    return train(TrainConfig(out=out, steps=256, num_envs=16, ppo=small, generator=surface)).run


def test_there_and_back(run, tmp_path, capsys):
    assert main(["push", str(run.path), str(tmp_path / "hub")]) == 0
    assert main(["pull", str(tmp_path / "hub"), "--out", str(tmp_path / "mine")]) == 0
    assert "load it only if you trust who made it" in capsys.readouterr().err
    mine = Run.open(tmp_path / "mine")
    assert mine.policy.read_bytes() == run.policy.read_bytes()
    assert mine.config() == run.config()
    assert mine.weights_sha256() in (tmp_path / "mine" / "README.md").read_text()
    push(run, str(tmp_path / "hub"))  # again, over the one that is there


@pytest.mark.parametrize("damage", ["policy.zip", "hashes.json", "gone"])
def test_what_was_changed_on_the_way_is_refused_and_nothing_is_left(run, tmp_path, damage):
    push(run, str(tmp_path / "hub"))
    if damage == "gone":
        (tmp_path / "hub" / "config.json").unlink()
    elif damage == "hashes.json":
        told = json.loads((tmp_path / "hub" / damage).read_text())
        (tmp_path / "hub" / damage).write_text(json.dumps({**told, "../outside": "0"}))
    else:
        place = tmp_path / "hub" / damage
        place.write_bytes(place.read_bytes() + b"x")
    with pytest.raises(ArtifactError, match="is not what was pushed"):
        pull(str(tmp_path / "hub"), tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_what_is_no_policy_or_no_place(run, tmp_path):
    with pytest.raises(ArtifactError, match=r"hashes.json is missing"):
        pull(str(tmp_path), tmp_path / "mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something else"):
        push(run, str(tmp_path / "full"))
    with pytest.raises(ConfigError, match="is there already"):
        pull(str(tmp_path), tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_names_at_the_hub():
    assert not is_place("lab/policy")
    assert is_place("./lab/policy")
    assert is_place("/lab/policy")
    assert is_place("policy")


def test_a_hub_that_cannot_be_reached_is_told_in_a_sentence(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for refused in (lambda: push(run, "nobody/nothing"), lambda: pull("nobody/nothing", tmp_path / "mine")):
        with pytest.raises(DataError, match="nobody/nothing: the Hugging Face hub did not do it"):
            refused()
    assert not (tmp_path / "mine").exists()
