"""A world travels light: its config and state, not the weights."""

import copy
import pickle
from dataclasses import replace

import cloudpickle
import numpy as np
import pytest

from rlgen.envs import DialogueVectorEnv, SupportDynamicEnv, World, parts, world_config
from rlgen.envs.pipeline import TextPipeline
from rlgen.errors import ArtifactError, ConfigError
from rlgen.generation import ConstantGenerator

LIGHT = 300_000  # bytes


def same_steps(worlds, actions):
    for action in actions:
        steps = [world.step(action) for world in worlds]
        for step in steps[1:]:
            assert step.obs.tobytes() == steps[0].obs.tobytes()
            assert step.reward.tobytes() == steps[0].reward.tobytes()


def test_a_world_pickled_on_its_way_goes_on_to_the_bit(config, draw):
    world = World(config, 3)
    world.reset(4)
    actions = draw(8, 3)
    for action in actions[:4]:
        world.step(action)
    data = pickle.dumps(world)
    assert len(data) < LIGHT
    twins = [pickle.loads(data), copy.deepcopy(world)]
    assert twins[0].sha256 == world.sha256
    assert twins[1].parts.table is world.parts.table
    same_steps([world, *twins], actions[4:])


@pytest.mark.parametrize("make", [SupportDynamicEnv, lambda **kwargs: DialogueVectorEnv(num_envs=4, **kwargs)])
def test_environments_travel_too(make):
    env = make(words_in_info=True, render_mode="ansi")
    env.reset(seed=1)
    action = np.zeros(env.action_space.shape, dtype=np.float32)
    env.step(action)
    data = pickle.dumps(env)
    assert len(data) < LIGHT
    twin = pickle.loads(data)
    assert twin.render() == env.render()
    assert np.array_equal(twin.step(action)[0], env.step(action)[0])
    assert np.array_equal(twin.reset()[0], env.reset()[0])


def test_other_weights_under_the_same_name_are_refused(config, monkeypatch):
    world = World(config, 1)
    world.reset(0)
    data = pickle.dumps(world)
    real = parts.load_parts

    def refitted(*args):
        loaded = real(*args)
        loaded.sha256["readers"] = "0" * 64
        return loaded

    monkeypatch.setattr("rlgen.envs.world.load_parts", refitted)
    with pytest.raises(ArtifactError, match="another readers than the config names here"):
        pickle.loads(data)


def test_parts_of_ones_own_travel_with_the_world(config, draw):
    loaded = parts.load_parts(config)
    speech = TextPipeline(ConstantGenerator("I see."), None, loaded.pipeline.reader)
    world = World(config, 1, parts=replace(loaded, pipeline=speech))
    world.record = True
    world.reset(0)
    twin = pickle.loads(pickle.dumps(world))
    twin.step(draw(1, 1)[0])
    assert twin.last.reply == ["I see."]


def test_people_of_ones_own_travel_with_the_world(config, draw):
    from rlgen.users import build

    loaded = parts.load_parts(config)
    own = build(config.users, 2, loaded.utterances, loaded.segments)
    own.mark = "mine"
    world = World(config, 2, users=own)
    world.reset(0)
    twin = pickle.loads(pickle.dumps(world))
    assert twin._users.mark == "mine"
    same_steps([world, twin], draw(2, 2))


def test_an_audit_log_has_one_writer(config, tmp_path):
    world = World(config, 1, audit=tmp_path / "audit.jsonl")
    world.reset(0)
    with pytest.raises(ConfigError, match="audit"):
        pickle.dumps(world)


def test_a_lambda_says_in_a_sentence_what_cannot_travel(draw):
    engaged = lambda trace: 0.1 * trace.feedback.engagement  # noqa: E731
    config = world_config("rlgen/SupportDynamic-v0", reward=engaged, generator="constant:Okay.")
    world = World(config, 1)
    world.reset(0)
    with pytest.raises(ConfigError, match=r"cannot be pickled .*; instead of a lambda .* package.module:attribute"):
        pickle.dumps(world)
    twin = pickle.loads(cloudpickle.dumps(world))  # as the worker processes of SB3 and Gymnasium get it
    action = draw(1, 1)[0]
    assert twin.step(action).reward == world.step(action).reward
