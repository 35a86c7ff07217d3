"""`python -m benchmarks.shards`: speed of a world whose dialogues are split over processes, beside one process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse
from rlgen.types import NUM_CONTROLS

if TYPE_CHECKING:
    from rlgen.envs import World
    from rlgen.envs.shards import ShardedWorld

ENV = "rlgen/SupportDynamic-v0"
WORDS = {"surface": {"kind": "surface", "path": "shipped:surface"}, "words": "shipped:generator"}


class ShardOptions(TableOptions):
    """Speed of a world whose dialogues are split over processes, beside one process.

    Each is stepped in turn, a few steps at a time, so that whatever else the machine does falls on all of them.
    """

    num_envs: int = Field(default=64, ge=2, description="dialogues at once, in each")
    shards: int = Field(default=2, ge=2, description="processes")
    rounds: int = Field(default=6, ge=2, description="turns that each gets")
    steps: int = Field(
        default=4, ge=1, description="vector steps a turn with words; on the surface eight times as many"
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(ShardOptions, argv, "python -m benchmarks.shards")
    import torch

    from rlgen.envs import World, world_config
    from rlgen.envs.shards import ShardedWorld, local_shard

    torch.set_num_threads(1)  # as each shard has
    rows = []
    for kind, generator in WORDS.items():
        config = world_config(ENV, generator=generator)
        one = World(config, options.num_envs)
        several = ShardedWorld(config, options.num_envs, options.shards, local_shard(1))
        try:
            steps = options.steps * (8 if kind == "surface" else 1)
            alone, split = speeds([one, several], options.rounds, steps)
        finally:
            several.close()
        note(f"{kind}: {alone:.0f} and {split:.0f} env steps/s")
        rows.append(Row(f"{kind}, one process", round(alone, 1), "env steps/s"))
        rows.append(
            Row(f"{kind}, {options.shards} shards", round(split, 1), "env steps/s", alone, round(split / alone, 3))
        )
    rows.append(Row("load of the machine", round(os.getloadavg()[0], 2), "processes"))
    show("shards", rows, options.as_json)
    return 0


def speeds(worlds: Sequence[World | ShardedWorld], rounds: int, steps: int) -> list[float]:
    """Environment steps per second of each world under random actions: the median over rounds."""
    rng = np.random.default_rng(0)
    for world in worlds:
        world.reset(0)
        world.step(rng.uniform(-1, 1, (world.num_envs, NUM_CONTROLS)).astype(np.float32))  # what is made at first use
    taken = np.zeros((len(worlds), rounds))
    for number in range(rounds):
        for at, world in enumerate(worlds):
            actions = rng.uniform(-1, 1, (steps, world.num_envs, NUM_CONTROLS)).astype(np.float32)
            started = time.perf_counter()
            for action in actions:
                world.step(action)
            taken[at, number] = time.perf_counter() - started
    return [world.num_envs * steps / float(np.median(took)) for world, took in zip(worlds, taken, strict=True)]


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.shards", main, sys.argv[1:]))
