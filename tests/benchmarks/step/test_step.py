"""`python -m benchmarks.step`: what is timed, and what stands beside it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.step import __main__ as bench_step
from benchmarks.step.__main__ import StepOptions, batched, learner_share
from rlgen.experiments.runs import training
from rlgen.experiments.runs.run import Run


class Generator:
    def reply(self, context, estimate, controls, streams):
        return SimpleNamespace(ids=np.array([[5, 6, 7, -1], [5, -1, -1, -1]]))


class World:
    """Takes .5 s a step on a clock of its own, .2 of it in the generator and .1 in people."""

    num_envs = 2

    def __init__(self, clock):
        self.clock = clock
        self.steps = []
        self.record = False
        self.last = None
        self.seconds = {"users": 0.0, "rest": 0.0}
        self.parts = SimpleNamespace(pipeline=SimpleNamespace(generator=Generator(), seconds={"generator": 0.0}))

    def reset(self, seed):
        assert seed == 0

    def step(self, actions):
        self.parts.pipeline.generator.reply(None, None, None, None)
        self.steps.append((self.record, actions))
        self.clock[0] += 0.5
        self.parts.pipeline.seconds["generator"] += 0.2
        self.seconds["users"] += 0.1
        self.seconds["rest"] += 0.2
        self.last = SimpleNamespace(reply=["three words here", "one"]) if self.record else None


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(bench_step.time, "perf_counter", lambda: now[0])
    return now


def test_the_batched_world_is_timed_after_it_is_warm(clock):
    world = World(clock)
    before = world.parts.pipeline.generator
    speed, shares, said = batched(world, 6)
    assert speed == pytest.approx(2 * 6 / 3.0)
    assert shares == pytest.approx({"generator": 0.4, "users": 0.2, "rest": 0.4})
    assert [record for record, _ in world.steps] == [True] * 4 + [False] * 6  # texts are kept while nothing is timed
    assert said == [("three words here", 4), ("one", 2)] * 4  # ids, and the one that ends a reply
    assert world.parts.pipeline.generator is before
    assert all(actions.shape == (2, 4) and (np.abs(actions) < 1).all() for _, actions in world.steps)


@pytest.fixture
def timed(monkeypatch):
    """Speeds by encoder instead of worlds."""
    speeds = {"minilm": 900.0, "fast": 300.0}
    made = []

    def make_world(options, num_envs, encoder):
        made.append(encoder)
        speech = SimpleNamespace(generator=SimpleNamespace(precision="bfloat16"))
        return SimpleNamespace(named=encoder, num_envs=num_envs, parts=SimpleNamespace(pipeline=speech))

    monkeypatch.setattr(StepOptions, "make_world", make_world)
    monkeypatch.setattr(bench_step, "batched", lambda world, _: (speeds[world.named], {"people": 0.25}, [("Yes.", 2)]))
    monkeypatch.setattr(bench_step, "one", lambda world: 100.0 * world.num_envs)
    monkeypatch.setattr(bench_step, "plain", lambda options, said: 100.0)
    monkeypatch.setattr(bench_step, "learner_share", lambda options: (0.2, 700.0))
    return made


@pytest.fixture
def rows_of(capsys, run_bench):
    def rows(*argv):
        assert run_bench("step", "--json", *argv) == 0
        return {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}

    return rows


def test_each_encoder_stands_once_beside_the_plain_way(timed, rows_of):
    rows = rows_of()
    assert timed == ["fast", "fast", "minilm"]
    assert (rows["batched, minilm encoder"]["value"], rows["batched, minilm encoder"]["baseline"]) == (900.0, 100.0)
    assert (rows["times the plain way, minilm"]["value"], rows["times the plain way, minilm"]["met"]) == (9.0, True)
    assert (rows["batched, fast encoder"]["target"], rows["batched, fast encoder"]["met"]) == (350.0, False)
    assert rows["times the plain way, fast"]["target"] is None, "of a generator in bf16"
    assert rows["bits of the generator's numbers"]["value"] == 16
    alone = rows["one dialogue, a step, fast"]
    assert (alone["value"], alone["target"], alone["met"]) == (100.0, 150.0, True)
    assert rows["share of people, fast"]["value"] == 0.25
    assert rows["share of learner in training"]["met"] is False  # .2 is more than a tenth
    assert rows["training steps"]["value"] == 700.0


def test_what_is_left_out_is_not_measured(timed, rows_of):
    rows = rows_of("--plain-steps", "0", "--train-steps", "0", "--encoder", "minilm")
    assert timed == ["minilm"]
    assert set(rows) == {"batched, minilm encoder", "share of people, minilm"}
    assert rows["batched, minilm encoder"]["ratio"] is None


def test_the_learner_is_timed_in_a_training_of_the_same_world(monkeypatch):
    trained = []

    def train(config):
        trained.append(config)
        Run(config.out).path.mkdir()
        shares = [{"step": i, "terms": {}, "learner_share": i / 10, "steps_per_second": i} for i in (1, 2)]
        Run(config.out).metrics.write_text("".join(json.dumps(record) + "\n" for record in shares))

    monkeypatch.setattr(training, "train", train)
    options = StepOptions(env="rlgen/Support-v0", generator="shipped:surface", num_envs=32, train_steps=99)
    assert learner_share(options) == (0.2, 2)  # of the last iteration, when all is warm
    (config,) = trained
    assert (config.steps, config.num_envs, config.env) == (99, 32, "rlgen/Support-v0")
    assert config.world_config() == options.world_config()
    assert not config.out.exists()


def test_a_step_of_one_dialogue_is_timed_after_it_is_warm(clock):
    world = World(clock)
    world.num_envs = 1
    assert bench_step.one(world) == pytest.approx(500.0)
    assert len(world.steps) == 4 + bench_step.ONE_STEPS
