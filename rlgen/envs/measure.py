"""Measure the response surface of the real chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from rlgen.envs.config import WorldConfig
from rlgen.envs.surface import ResponseSurface, features
from rlgen.envs.world import World
from rlgen.rng import Streams
from rlgen.types import F32, NUM_CONTROLS

# Rows take turns at these: half of them stay at one point, where rules and late policies live.
_STRAYING: Final = np.array([0.0, 0.0, 0.0, 0.1, 0.25, 1.0])


def measure_surface(
    config: WorldConfig,
    turns: int,
    num_envs: int = 128,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ResponseSurface:
    """Run random controls through the real chain and keep what the replies are read as.

    A row keeps a point of the box for a whole dialogue and strays from it by its own share of the way to
    a fresh point every turn: constant, calm and restless policies all lie inside the measured region.

    Args:
        config: a world with a real generator.
        turns: about how many pairs to measure.
        num_envs: rows at once.
        seed: of the people and of the controls.
        progress: called with the number of pairs after each step.
    """
    world = World(config, num_envs)
    world.record = True
    obs = world.reset(seed, realm="fitting")
    streams = Streams.of(seed, num_envs, "fitting")
    kept = streams.uniform("envs.measure.kept", size=NUM_CONTROLS) * 2 - 1
    found_features: list[F32] = []
    found_readings: list[F32] = []
    last_block = world.layout.slices["reply_reading"]
    for step in range(-(-turns // num_envs)):
        fresh = streams.uniform("envs.measure.fresh", step, NUM_CONTROLS) * 2 - 1
        actions = (kept + _STRAYING[np.arange(num_envs) % len(_STRAYING), None] * (fresh - kept)).astype(np.float32)
        last, before = obs[:, last_block], obs[:, world.layout.slices["previous_controls"]]
        result = world.step(actions)
        record = world.last
        assert record is not None
        found_features.append(features(record.controls, before, record.estimate, last, record.turn))
        found_readings.append(record.reading.array())
        obs = result.obs
        if result.finished is not None:
            again = streams.uniform("envs.measure.kept", step + 1, NUM_CONTROLS) * 2 - 1
            kept[result.finished.rows] = again[result.finished.rows]
        if progress is not None:
            progress((step + 1) * num_envs)
    return ResponseSurface(np.concatenate(found_features), np.concatenate(found_readings))
