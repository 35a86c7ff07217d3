"""Measure the response surface of the real chain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlgen.envs.config import WorldConfig
from rlgen.envs.surface import ResponseSurface, features
from rlgen.envs.world import World
from rlgen.rng import Streams
from rlgen.types import F32


def measure_surface(
    config: WorldConfig,
    turns: int,
    num_envs: int = 128,
    seed: int = 1_000_000,
    progress: Callable[[int], None] | None = None,
) -> ResponseSurface:
    """Run random controls through the real chain and keep what the replies are read as.

    Half of the rows draw new controls every turn, half keep theirs for the whole dialogue, so that both
    restless and constant policies lie inside the measured region.

    Args:
        config: a world with a real generator.
        turns: about how many pairs to measure.
        num_envs: rows at once.
        seed: of the people and of the controls.
        progress: called with the number of pairs after each step.
    """
    world = World(config, num_envs)
    world.record = True
    obs = world.reset(seed)
    streams = Streams.of(seed, num_envs)
    kept = streams.uniform("envs.measure.kept", size=4) * 2 - 1
    found_features: list[F32] = []
    found_readings: list[F32] = []
    last_block = world.layout.slices["reply_reading"]
    for step in range(-(-turns // num_envs)):
        fresh = streams.uniform("envs.measure.fresh", step, 4) * 2 - 1
        actions = np.where(np.arange(num_envs)[:, None] % 2 == 0, fresh, kept).astype(np.float32)
        last = obs[:, last_block]
        result = world.step(actions)
        record = world.last
        assert record is not None
        found_features.append(features(record.controls, record.estimate, last, record.turn))
        found_readings.append(record.reading.array())
        obs = result.obs
        if result.finished is not None:
            again = streams.uniform("envs.measure.kept", step + 1, 4) * 2 - 1
            kept[result.finished.rows] = again[result.finished.rows]
        if progress is not None:
            progress((step + 1) * num_envs)
    return ResponseSurface(np.concatenate(found_features), np.concatenate(found_readings))
