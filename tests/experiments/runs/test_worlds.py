"""Worlds of options and of runs."""

from __future__ import annotations

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.options import parse
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.experiments.runs.worlds import WorldOptions


@pytest.mark.parametrize(
    ("options", "family", "field", "value"),
    [
        ({}, "theory", "population", "general"),
        ({"population": "guarded"}, "theory", "population", "guarded"),
        ({"users": "calibrated"}, "calibrated", "parameters", "shipped:calibrated_users"),
        (
            {"users": {"family": "calibrated", "parameters": "mine"}, "population": "crisis"},
            "calibrated",
            "parameters",
            "mine",
        ),
        ({"users": "calibrated", "population": "crisis"}, "calibrated", "population", "crisis"),
        ({"users": {"family": "llm", "model": "a/b:c"}}, "llm", "model", "a/b:c"),
        ({"env": "rlgen/Support-v0", "users": "theory"}, "theory", "effect_scale", 1.0),
        ({"world": {"users": {"pacing": False}}, "population": "impatient"}, "theory", "pacing", False),
    ],
)
def test_people_by_name(options, family, field, value):
    users = WorldOptions(**options).world_config().users
    assert users.family == family
    assert getattr(users, field) == value


@pytest.mark.parametrize("users", ["nobody", "theory:x", "replay:", "", ":x", "replay", {"family": "nobody"}])
def test_people_that_do_not_exist_are_refused(users):
    with pytest.raises(ConfigError, match=r"users|path"):
        WorldOptions(users=users).world_config()


def test_a_policy_that_is_no_run_acts_in_the_world_of_the_options(tmp_path):
    options = WorldOptions(env="rlgen/Support-v0", missing=(0.0, 0.0, 1.0))
    assert options.world_for("baseline:centre") == ("rlgen/Support-v0", options.world_config(), None)
    assert options.world_for(str(tmp_path)) == (
        "rlgen/Support-v0",
        options.world_config(),
        None,
    )  # a folder, but no run


def test_a_run_brings_its_own_world(tmp_path):
    trained = TrainConfig(out=tmp_path, env="rlgen/Support-v0", missing=(1.0, 1.0, 1.0))
    Run(tmp_path).write_config(trained.resolved())
    *brought, run = WorldOptions().world_for(str(tmp_path))
    assert brought == ["rlgen/Support-v0", trained.world_config()]
    assert run is not None
    assert run.path == tmp_path
    laid_over = WorldOptions(missing=(0.0, 0.0, 0.0)).world_for(str(tmp_path))[1]
    assert laid_over == trained.model_copy(update={"missing": (0.0, 0.0, 0.0)}).world_config()
    with pytest.raises(ConfigError, match="was trained in rlgen/Support-v0"):
        WorldOptions(env="rlgen/SupportDiscrete-v0").world_for(str(tmp_path))


def test_an_env_given_by_hand_is_not_ignored_where_it_is_the_default(tmp_path):
    Run(tmp_path).write_config(TrainConfig(out=tmp_path, env="rlgen/Support-v0").resolved())
    given = parse(WorldOptions, ["--env", "rlgen/SupportDynamic-v0"], "evaluate")
    with pytest.raises(ConfigError, match="was trained in rlgen/Support-v0, not in rlgen/SupportDynamic-v0"):
        given.world_of(tmp_path)
    assert parse(WorldOptions, [], "evaluate").world_of(tmp_path)[0] == "rlgen/Support-v0"


def test_the_device_of_a_file_is_taken_and_one_given_by_hand_wins(tmp_path):
    (tmp_path / "c.yaml").write_text("world: {device: cpu}\n")
    argv = ["--config", str(tmp_path / "c.yaml")]
    assert parse(WorldOptions, argv, "evaluate").world_config().device == "cpu"
    assert parse(WorldOptions, [*argv, "--device", "auto"], "evaluate").world_config().device == "auto"
    Run(tmp_path).write_config(TrainConfig(out=tmp_path, device="cuda").resolved())
    assert WorldOptions().world_of(tmp_path)[1].device == "auto"  # the machine that measures may have none


def test_files_that_a_yaml_file_names_lie_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "designs").mkdir()
    design = tmp_path / "designs" / "my.yaml"
    design.write_text("terms: {continuity: {weight: 1.0}}\n")
    (tmp_path / "designs" / "people").mkdir()
    config = tmp_path / "designs" / "c.yaml"
    for text in ("reward: my.yaml", "world: {reward: my.yaml}"):
        config.write_text(f"{text}\nusers: {{family: calibrated, parameters: people}}\n")
        found = parse(WorldOptions, ["--config", str(config)], "train").world_config()
        assert found.reward.name == "my"
        assert found.users.parameters == str(tmp_path / "designs" / "people")
    (tmp_path / "here.yaml").write_text(design.read_text())
    config.write_text("reward: here.yaml\nencoder: fast\ngenerator: shipped:surface\n")
    found = parse(WorldOptions, ["--config", str(config)], "train")
    assert (found.reward, found.encoder, found.generator) == ("here.yaml", "fast", "shipped:surface")
    # What is given by hand lies where one stands.
    assert parse(WorldOptions, ["--config", str(config), "--reward", "my.yaml"], "train").reward == "my.yaml"
