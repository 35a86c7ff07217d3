"""Policies by name."""

from __future__ import annotations

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.worlds import find_actor
from rlgen.policies.baselines import Fixed


def test_a_baseline_by_name():
    name, actor = find_actor("baseline:centre", "rlgen/SupportDynamic-v0", None)
    assert name == "centre"
    assert actor == Fixed()


@pytest.mark.parametrize("name", ["randm", "no/such/folder", "baseline:randm"])
def test_an_unknown_policy_is_answered_with_those_that_there_are(name):
    with pytest.raises(ConfigError, match=r"randm.*random|such/folder.*baseline:random"):
        find_actor(name, "rlgen/SupportDynamic-v0", None)
