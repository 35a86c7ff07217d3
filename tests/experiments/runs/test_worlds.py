"""Policies by name."""

from __future__ import annotations

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.experiments.runs.worlds import WorldOptions, find_actor
from rlgen.policies.baselines import Fixed


def test_a_baseline_by_name():
    name, actor = find_actor("baseline:centre", "rlgen/SupportDynamic-v0", None)
    assert name == "centre"
    assert actor == Fixed()


@pytest.mark.parametrize("name", ["randm", "no/such/folder", "baseline:randm"])
def test_an_unknown_policy_is_answered_with_those_that_there_are(name):
    with pytest.raises(ConfigError, match=r"randm.*random|such/folder.*baseline:random"):
        find_actor(name, "rlgen/SupportDynamic-v0", None)


@pytest.mark.parametrize(
    ("options", "family", "field", "value"),
    [
        ({}, "theory", "population", "general"),
        ({"population": "guarded"}, "theory", "population", "guarded"),
        ({"users": "calibrated"}, "calibrated", "parameters", "shipped:calibrated_users"),
        ({"users": "calibrated:mine", "population": "crisis"}, "calibrated", "parameters", "mine"),
        ({"users": "calibrated", "population": "crisis"}, "calibrated", "population", "crisis"),
        ({"users": "llm:a/b:c"}, "llm", "model", "a/b:c"),
        ({"env": "rlgen/Support-v0", "users": "theory"}, "theory", "effect_scale", 1.0),
        ({"world": {"users": {"pacing": False}}, "population": "impatient"}, "theory", "pacing", False),
    ],
)
def test_people_by_name(options, family, field, value):
    users = WorldOptions(**options).world_config().users
    assert users.family == family
    assert getattr(users, field) == value


@pytest.mark.parametrize("users", ["nobody", "theory:x", "replay:", "", ":x", "replay"])
def test_people_that_do_not_exist_are_refused(users):
    with pytest.raises(ConfigError, match=r"users|path"):
        WorldOptions(users=users).world_config()


def test_a_policy_that_is_no_run_acts_in_the_world_of_the_options(tmp_path):
    options = WorldOptions(env="rlgen/Support-v0", missing=(0.0, 0.0, 1.0))
    assert options.world_for("baseline:centre") == ("rlgen/Support-v0", options.world_config())
    assert options.world_for(str(tmp_path)) == ("rlgen/Support-v0", options.world_config())  # a folder, but no run


def test_a_run_brings_its_own_world(tmp_path):
    trained = TrainConfig(out=tmp_path, env="rlgen/Support-v0", missing=(1.0, 1.0, 1.0))
    Run(tmp_path).write_config(trained.resolved())
    assert WorldOptions().world_for(str(tmp_path)) == ("rlgen/Support-v0", trained.world_config())
    laid_over = WorldOptions(missing=(0.0, 0.0, 0.0)).world_for(str(tmp_path))[1]
    assert laid_over == trained.model_copy(update={"missing": (0.0, 0.0, 0.0)}).world_config()
    with pytest.raises(ConfigError, match="was trained in rlgen/Support-v0"):
        WorldOptions(env="rlgen/SupportDiscrete-v0").world_for(str(tmp_path))
