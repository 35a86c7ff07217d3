"""A world whose generator is a language model from a folder."""

from __future__ import annotations

import numpy as np

from rlgen.envs import World, world_config
from rlgen.generation import HuggingFaceGenerator


def test_a_world_speaks_with_a_language_model(tiny_models):
    source = str(tiny_models["llama_chat"])
    config = world_config("rlgen/SupportDynamic-v0", generator=f"hf:{source}", device="cpu")
    world = World(config, 3)
    generator = world.parts.speech.generator
    assert isinstance(generator, HuggingFaceGenerator)
    world.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1, 1, (3, 3, 4)).astype(np.float32)
    for turn, action in enumerate(actions):
        world.step(action)
        assert generator.calls == turn + 1
