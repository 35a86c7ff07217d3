"""`python -m benchmarks.step`: speed of a world step beside the plain way."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.worlds import WorldOptions

if TYPE_CHECKING:
    from rlgen.envs import World

TARGETS = {"minilm": 9.0}  # times the plain way
FAST_TARGETS = {
    "float32": 120.0,
    "bfloat16": 350.0,
}  # env steps per second with the fast encoder, by the generator's type
FAST_TIMES_TARGETS = {"float32": 30.0}  # times the plain way, likewise
ONE_TARGET = 150.0  # ms of a step of one dialogue
ONE_STEPS = 24
LEARNER_TARGET = 0.10


class StepOptions(TableOptions, WorldOptions):
    """Speed of a world step beside the plain way."""

    num_envs: int = Field(default=64, ge=1, description="dialogues at once, in both ways")
    steps: int = Field(default=48, ge=4, description="timed vector steps of the batched world")
    plain_steps: int = Field(default=2, ge=0, description="timed vector steps of the plain way; 0 leaves it out")
    train_steps: int = Field(default=4096, ge=0, description="training steps for the learner's share; 0 leaves it out")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(StepOptions, argv, "python -m benchmarks.step")
    encoders = [options.encoder] if options.encoder is not None else ["fast", "minilm"]
    plain_speed, rows = None, []
    for encoder in encoders:
        world = options.make_world(options.num_envs, encoder=encoder)
        name = encoder
        speed, shares, said = batched(world, options.steps)
        note(f"batched, {name} encoder: {speed:.0f} steps/s")
        if plain_speed is None and options.plain_steps:
            plain_speed = plain(options, said)
            note(f"plain way: {plain_speed:.1f} steps/s")
        ratio = None if plain_speed is None else speed / plain_speed
        fast, precision = name == "fast", _precision(world)
        target = FAST_TARGETS.get(precision) if fast else None
        rows.append(Row(f"batched, {name} encoder", round(speed, 1), "env steps/s", plain_speed, ratio, target))
        times = FAST_TIMES_TARGETS.get(precision) if fast else TARGETS.get(name)
        if ratio is not None:
            rows.append(Row(f"times the plain way, {name}", round(ratio, 2), "", 1.0, ratio, times))
        rows += [Row(f"share of {part}, {name}", round(share, 4)) for part, share in shares.items()]
        if fast:
            alone = one(options.make_world(1, encoder=encoder))
            rows.append(Row(f"one dialogue, a step, {name}", alone, "ms", target=ONE_TARGET, better="lower"))
            rows.append(Row("bits of the generator's numbers", 16 if precision == "bfloat16" else 32))
    if options.train_steps:
        share, speed = learner_share(options)
        rows.append(Row("share of learner in training", share, "", target=LEARNER_TARGET, better="lower"))
        rows.append(Row("training steps", speed, "env steps/s"))
    show("step", rows, options.as_json)
    return 0


def _precision(world: World) -> str:
    speech: Any = world.parts.pipeline
    return str(getattr(getattr(speech, "generator", None), "precision", ""))


def one(world: World) -> float:
    """Milliseconds of a step of one dialogue under random actions, the median."""
    rng = np.random.default_rng(0)
    world.reset(0)
    taken = []
    for _ in range(4 + ONE_STEPS):
        started = time.perf_counter()
        world.step(_actions(rng, 1))
        taken.append(time.perf_counter() - started)
    return float(np.median(taken[4:]) * 1e3)


def batched(world: World, steps: int) -> tuple[float, dict[str, float], list[tuple[str, int]]]:
    """Speed of the batched world under random actions.

    Returns:
        Environment steps per second, share of each part in the time, and replies with their
        lengths in tokens.
    """
    rng = np.random.default_rng(0)
    world.reset(0)
    world.record = True
    said: list[tuple[str, int]] = []
    generator: Any = world.parts.pipeline
    lengths = _LengthSpy(generator.generator)
    generator.generator = lengths
    for _ in range(4):
        world.step(_actions(rng, world.num_envs))
        assert world.last is not None
        said += zip(world.last.reply, lengths.last, strict=True)
    generator.generator = lengths.inner
    world.record = False
    before = _seconds(world)
    started = time.perf_counter()
    for _ in range(steps):
        world.step(_actions(rng, world.num_envs))
    elapsed = time.perf_counter() - started
    shares = {part: (spent - before[part]) / elapsed for part, spent in _seconds(world).items()}
    return world.num_envs * steps / elapsed, shares, said


class _LengthSpy:
    """Notes how many tokens each reply has."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.last: list[int] = []

    def reply(self, *arguments: Any) -> Any:
        replies = self.inner.reply(*arguments)
        # One more: the token that ends a reply is generated too.
        self.last = ((replies.ids >= 0).sum(axis=1) + 1).tolist()
        return replies


def _seconds(world: World) -> dict[str, float]:
    return {**world.parts.pipeline.seconds, **world.seconds}


def _actions(rng: np.random.Generator, rows: int) -> Any:
    return rng.uniform(-0.99, 0.99, (rows, 4)).astype(np.float32)


def plain(options: StepOptions, said: list[tuple[str, int]]) -> float:
    """Environment steps per second of the plain way, under random actions."""
    from benchmarks.step.plain import plain_env

    config = options.world_config(encoder="minilm")
    env = plain_env(config, options.env, options.num_envs, said)
    rng = np.random.default_rng(0)
    env.reset()
    few = min(4, options.num_envs)
    for single in env.envs[:few]:
        single.step(_actions(rng, 1)[0])
    env.reset()
    started = time.perf_counter()
    for _ in range(options.plain_steps):
        env.step(_actions(rng, options.num_envs))
    return options.num_envs * options.plain_steps / (time.perf_counter() - started)


def learner_share(options: StepOptions) -> tuple[float, float]:
    """Share of policy and learner in the time of a short training, and its steps per second."""
    from rlgen.experiments.runs.run import Run
    from rlgen.experiments.runs.training import TrainConfig, train

    fields = options.model_dump(exclude={"steps", "plain_steps", "train_steps", "as_json"})
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        train(TrainConfig.model_validate({**fields, "out": out, "steps": options.train_steps}))
        records = Run(out).read_metrics()[-1:]
    return records[0]["learner_share"], records[0]["steps_per_second"]


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.step", main, sys.argv[1:]))
