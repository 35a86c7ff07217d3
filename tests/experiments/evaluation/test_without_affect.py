"""Worlds whose observation leaves blocks out are measured like others."""

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies.baselines import EmotionTable, Fixed

FAST = {"generator": "shipped:surface", "max_turns": 3}


def world(drop):
    return World(world_config("rlgen/SupportDynamic-v0", drop=drop, **FAST), 2)


def test_a_policy_is_measured_where_the_recognised_affect_is_not_observed():
    fixed = Fixed(controls=(0.0, 0.0, 0.0, 0.0))
    whole, less = (evaluate(world(drop), fixed, people=3) for drop in ([], ["affect"]))
    assert np.array_equal(whole.emotion, less.emotion)
    assert np.array_equal(whole.values["return"], less.values["return"])


def test_a_rule_that_needs_what_is_left_out_says_so():
    with pytest.raises(ConfigError, match="block affect"):
        evaluate(world(["affect"]), EmotionTable(table=((0.0,) * 4,) * 6), people=1)
