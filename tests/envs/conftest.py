"""One load of the shipped parts for all tests of the room."""

from dataclasses import replace

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.envs.parts import load_parts
from rlgen.envs.pipeline import TextPipeline
from rlgen.types import Replies

DYNAMIC = "rlgen/SupportDynamic-v0"


@pytest.fixture(scope="session")
def config():
    return world_config(DYNAMIC)


@pytest.fixture(scope="session")
def parts(config):
    return load_parts(config)


@pytest.fixture
def make_world(config, parts):
    """A world on shared parts; `generator` exchanges the generator alone."""

    def make(num_envs, generator=None, **overrides):
        chosen, used = config, parts
        if overrides:
            chosen = world_config(DYNAMIC, **overrides)
            used = load_parts(chosen)
        if generator is not None:
            speech = used.pipeline
            used = replace(used, pipeline=TextPipeline(generator, speech.guard, speech.reader))
        return World(chosen, num_envs, parts=used)

    return make


class Scripted:
    """Says what a table of sentences has for (row's seed, turn), whatever it is asked."""

    SENTENCES = (
        "That sounds hard, and it makes sense that you feel this way.",
        "What would help you most right now?",
        "You could write down the two things that worry you most.",
        "I am here, take your time.",
    )

    def __init__(self, scramble=False):
        self.calls = 0
        self.scramble = scramble

    def reply(self, context, estimate, controls, streams):
        self.calls += 1
        pick = (((streams.seed + streams.row).astype(np.int64) + context.turn) % len(self.SENTENCES)).astype(int)
        rows = len(pick)
        noise = np.random.default_rng(self.calls).normal(size=(rows, 4)) if self.scramble else np.zeros((rows, 4))
        return Replies(
            ids=pick[:, None].astype(np.int64),
            text=[self.SENTENCES[i] for i in pick],
            logprob=noise[:, 0].astype(np.float32),
        )

    def weights_sha256(self):
        return "scripted"


@pytest.fixture
def scripted():
    return Scripted


def rollout(world, actions, seed=0):
    """Observations, rewards, terms and ends of a run: `actions` is `[T, N, 4]`."""
    found = [world.reset(seed)]
    rewards, ends, steps = [], [], []
    for action in actions:
        step = world.step(action)
        found.append(step.obs)
        rewards.append(step.reward)
        ends.append(step.terminated | step.truncated)
        steps.append(step)
    return np.array(found), np.array(rewards), np.array(ends), steps


@pytest.fixture
def run():
    return rollout


def goes_on(world, fresh, actions):
    """A world that takes over another one's state half-way goes on as that one does, to the bit."""
    half = len(actions) // 2
    world.reset(1)
    for action in actions[:half]:
        world.step(action)
    state = world.state()
    rest = [world.step(action) for action in actions[half:]]
    fresh.load_state(state)
    for action, expected in zip(actions[half:], rest, strict=True):
        step = fresh.step(action)
        assert step.obs.tobytes() == expected.obs.tobytes()
        assert step.reward.tobytes() == expected.reward.tobytes()


@pytest.fixture
def check_continuation():
    return goes_on


def draw_actions(turns, rows, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (turns, rows, 4)).astype(np.float32)


@pytest.fixture
def draw():
    return draw_actions
