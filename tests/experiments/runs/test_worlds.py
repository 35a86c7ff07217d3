"""Policies by name."""

from __future__ import annotations

import pytest

from rlgen.errors import ConfigError
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
