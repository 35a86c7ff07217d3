"""Relief leaves a world on one scale, in points beside it, and as unknown where nobody knows it."""

import json

import gymnasium as gym
import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError

SUPPORT = "rlgen/Support-v0"


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A log of one dialogue whose person was surveyed before and after (5, then 2), and one of one who was not."""
    folder = tmp_path_factory.mktemp("logs")
    turns = [{"speaker": who, "text": f"{who} speaks of it."} for who in ("usr", "sys") * 3]
    for name, final in (("surveyed", "2"), ("unknown", "")):
        survey = {"initial_emotion_intensity": "5", "final_emotion_intensity": final}
        record = {"id": name, "problem_type": "one", "survey_score": {"seeker": survey}, "turns": turns}
        (folder / f"{name}.jsonl").write_text(json.dumps(record) + "\n")
    return folder


def config(logs, name, **fields):
    users = {"family": "replay", "path": str(logs / f"{name}.jsonl")}
    return world_config(SUPPORT, users=users, generator={"kind": "constant", "text": "I see."}, **fields)


def ended(world):
    world.reset(0)
    while True:
        finished = world.step(np.zeros((world.num_envs, 4), dtype=np.float32)).finished
        if finished is not None:
            return finished


def test_reward_and_outcome_of_the_same_fall_are_the_same_for_logged_people(logs):
    finished = ended(World(config(logs, "surveyed", reward="relief"), 1))
    assert finished.relief.tolist() == [0.75]
    assert finished.relief_points.tolist() == [3.0]
    assert finished.hidden["relief_points"].tolist() == [3.0]
    assert finished.terms["relief"].tolist() == [1.5]  # the design's weight is 2, on the scale of -1 to 1


def test_what_nobody_surveyed_is_unknown_and_not_nothing(logs):
    finished = ended(World(config(logs, "unknown"), 1))
    assert np.isnan(finished.relief).all()
    assert np.isnan(finished.relief_points).all()
    with pytest.raises(ConfigError, match=r"reward was relief: it pays for relief, which is not known of all"):
        World(config(logs, "unknown", reward="relief"), 1)
    world = World(config(logs, "unknown", observation="privileged"), 1)
    assert np.isfinite(world.reset(0)).all()


@pytest.mark.parametrize("env_id", [SUPPORT, "rlgen/SupportDynamic-v0"])
def test_infos_of_both_interfaces_tell_both_units(env_id):
    fast = {"generator": "shipped:surface", "max_turns": 3}
    env = gym.make(env_id, **fast)
    env.reset(seed=1)
    over = False
    while not over:
        *_, terminated, truncated, info = env.step(np.zeros(4, dtype=np.float32))
        over = terminated or truncated
    summary = info["episode_summary"]
    assert -1 <= summary["relief"] <= 1
    assert summary["relief_points"] == pytest.approx(4 * summary["relief"])
    envs = gym.make_vec(env_id, num_envs=8, **fast)
    envs.reset(seed=1)
    while "final_info" not in (infos := envs.step(np.zeros((8, 4), dtype=np.float32))[-1]):
        pass
    final = infos["final_info"]["episode_summary"]
    np.testing.assert_allclose(final["relief_points"], 4 * final["relief"])
