"""Train a policy into a run folder; the same call goes on where a killed one stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field
from stable_baselines3.common.logger import configure

from rlgen.errors import ConfigError
from rlgen.experiments.runs.lineage import begin_as, policy_file
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.tracking import JsonLines, Sink, TensorBoard, WandbMode
from rlgen.experiments.runs.validation import Validation
from rlgen.experiments.runs.weights_and_biases import WeightsAndBiases
from rlgen.experiments.runs.worlds import WorldOptions, learner_device, plain
from rlgen.policies.callbacks import IterationLog, StopTraining
from rlgen.policies.checkpoint import resume, save_checkpoint
from rlgen.policies.ppo import BoundedPPO, PPOConfig, make_ppo
from rlgen.policies.reference import Reference
from rlgen.policies.saved import sha256_of
from rlgen.policies.vec_env import WorldVecEnv

if TYPE_CHECKING:
    from rlgen.envs.shards.sharded import ShardedWorld
    from rlgen.envs.world import World


class TrainConfig(WorldOptions):
    """Train a PPO policy; resume it with the same command.

    --preset NAME: tuned hyperparameters, by their name or the path of their file; options and --config win over them.
    """

    out: Path = Field(description="folder of the run; the same command goes on with a stopped one")
    steps: int = Field(
        default=50_000, ge=1, description="environment steps (turns of dialogue); whole rollouts are run"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the learner and of the people")
    num_envs: int = Field(default=64, ge=1, description="dialogues at once")
    ppo: PPOConfig = Field(default_factory=PPOConfig, description="hyperparameters")
    checkpoint_every: int = Field(default=10_000, ge=1, description="steps between checkpoints")
    wandb: WandbMode = Field(default="off", description="Weights & Biases: off, offline or online")
    wandb_project: str = Field(default="rlgen", description="W&B project")
    wandb_group: str | None = Field(default=None, description="W&B group; a study gives it to the seeds of a cell")
    other_program: bool = Field(
        default=False,
        description="go on although rlgen or a package changed since the run began; the manifest tells of it",
    )
    threads: int | None = Field(
        default=None, ge=1, description="of the processor; another number may train another policy (None: torch's own)"
    )
    eval_every: int | None = Field(
        default=None,
        ge=1,
        description="steps between two meetings with people of the realm validation; best.zip keeps the best policy",
    )
    eval_people: int = Field(default=100, ge=1, description="of the realm validation, met each time")
    init_from: Path | None = Field(
        default=None,
        description="run folder or zip file with the policy to begin as; the manifest keeps the lineage",
    )
    shards: int = Field(
        default=1,
        ge=1,
        description="processes that the dialogues are split over, each with `threads` threads (None: cores / shards)",
    )
    executor: Literal["local", "ray"] = Field(
        default="local", description="where shards run: processes of this machine, or a Ray cluster (extra ray)"
    )
    address: str | None = Field(default=None, description="of a running Ray cluster, or auto; None starts a local one")

    def resolved(self) -> dict[str, Any]:
        """Everything that the run is made of, for `config.json`."""
        return self._always() | {name: value for name, value in self._sometimes().items() if value is not None}

    def _sometimes(self) -> dict[str, Any]:
        """What only some runs have."""
        return {
            "threads": self.threads,
            "eval": None if self.eval_every is None else {"every": self.eval_every, "people": self.eval_people},
            "init_from": None if self.init_from is None else sha256_of(policy_file(self.init_from)),
        }

    def _always(self) -> dict[str, Any]:
        return {
            "env": self.env,
            "steps": self.steps,
            "seed": self.seed,
            "num_envs": self.num_envs,
            "ppo": self.ppo.model_dump(mode="json"),
            "world": plain(self.world_config()),
            "device": self.device,
            "wandb": self.wandb,
            "checkpoint_every": self.checkpoint_every,
        }


@dataclass(frozen=True)
class Outcome:
    """How a training call ended.

    Attributes:
        run: the run.
        step: steps done.
        finished: all steps are done; else it was interrupted and saved.
        started_at: step that it went on from; 0 for a new run.
    """

    run: Run
    step: int
    finished: bool
    started_at: int


Progress = Callable[[int, dict[str, Any] | None], None]
Prune = Callable[[int, Mapping[str, float | None]], bool]


def train(
    config: TrainConfig, progress: Progress | None = None, world: World | None = None, prune: Prune | None = None
) -> Outcome:
    """Train, or go on.

    Args:
        config: what to train.
        progress: called with the steps so far after every vector step, and with the record of an
            iteration when one is done.
        world: instead of the world of the config (for tests and surrogates).
        prune: called after each validation (`eval_every`) with the step and what it found (see
            `rlgen.experiments.runs.validation`); True saves and leaves the training.

    Raises:
        ConfigError: the folder holds a run of another config, of other frozen parts or of another program, or another
            command is writing to it.
        ShardError: a shard died; the same call goes on from the last checkpoint.
    """
    run = Run(config.out)
    resolved = config.resolved()
    rollout = config.num_envs * config.ppo.n_steps
    if config.ppo.batch_size > rollout:
        raise ConfigError(
            f"ppo.batch_size was {config.ppo.batch_size}: a rollout has only num_envs x n_steps = {rollout} rows; give "
            f"--batch-size {rollout} or less, or more rows"
        )
    if "wandb_project" in config.model_fields_set and config.wandb == "off":
        raise ConfigError("wandb_project was given, but wandb is off; add --wandb offline or online")
    run.check(resolved)
    with only_writer(run.path, "rlgen train"), _threads(config.threads):
        run.check(resolved)  # again: another command may have made the folder its own just now
        if world is not None:
            return _train(config, run, resolved, world, progress, lambda event: None, prune)
        made = _open(config, run.path / "audit.jsonl")
        try:
            return _train(config, run, resolved, made, progress, made.note, prune)
        finally:
            made.close()


def _open(config: TrainConfig, audit: Path) -> World | ShardedWorld:
    """The world to learn in, in as many processes as the config wants."""
    from rlgen.envs.shards.local import local_shard
    from rlgen.envs.shards.sharded import ShardedWorld

    if config.executor == "ray":
        from rlgen.experiments.runs.ray_cluster import RayCluster

        threads = config.threads or 1
        cluster = RayCluster(config.address, config.shards * threads, threads)
        begin, leave = cluster.shards(threads), cluster.leave
        return ShardedWorld(config.world_config(), config.num_envs, config.shards, begin, audit, leave)
    if config.address is not None:
        raise ConfigError("address was given, but executor is local; add --executor ray")
    if config.shards == 1:
        return config.make_world(config.num_envs, audit)
    begin = local_shard(config.threads)
    return ShardedWorld(config.world_config(), config.num_envs, config.shards, begin, audit)


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """So many threads for a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    config: TrainConfig,
    run: Run,
    resolved: dict[str, Any],
    world: World | ShardedWorld,
    progress: Progress | None,
    note: Callable[[dict[str, Any]], None],
    prune: Prune | None,
) -> Outcome:
    env = WorldVecEnv(world, seed=config.seed)
    device = learner_device(config.device)
    model, seconds, reference = _start(run, config, env, device)
    if not (run.path / "config.json").is_file():  # what could not be made leaves the folder free for what is mended
        run.write_config(resolved)
    started_at = model.num_timesteps
    if started_at >= config.steps:
        return Outcome(run, started_at, True, started_at)
    run.begin_segment(started_at, device, getattr(world, "precision", None), config.shards)
    if started_at:
        # What was logged between the checkpoint and the kill is lived through, and logged, again.
        note({"event": "resumed", "step": started_at})
    sinks = _sinks(run, config, started_at)
    step_callback = (lambda step: progress(step, None)) if progress is not None else None
    validation = None
    if config.eval_every is not None:
        validation = Validation(run, model, world, config.eval_every, config.eval_people, config.seed)
    try:
        with _asked_to_stop() as stopping:
            saver = _Saver(run, model, reference, config.checkpoint_every, sinks, progress, stopping, validation, prune)
            log = IterationLog(saver.iteration, step_callback, seconds, reference)
            try:
                anew = started_at == 0
                model.learn(config.steps - started_at, log, log_interval=sys.maxsize, reset_num_timesteps=anew)
            except StopTraining:
                return Outcome(run, model.num_timesteps, model.num_timesteps >= config.steps, started_at)
        saver.save()
    finally:
        for sink in sinks:
            sink.close()
    return Outcome(run, model.num_timesteps, True, started_at)


def _start(run: Run, config: TrainConfig, env: WorldVecEnv, device: str) -> tuple[BoundedPPO, float, Reference | None]:
    parts, learner = dict(getattr(env.world, "sha256", {})), config.ppo.sha256
    if run.policy.is_file():
        known, now = {**run.manifest()["parts"], **run.manifest()["learner"]}, {**parts, **learner}
        if known != now:
            changed = ", ".join(sorted(name for name in {*known, *now} if known.get(name) != now.get(name)))
            raise ConfigError(f"{run.path}: the run began with other frozen parts ({changed}); choose another --out")
        other = None if run.standing().finished else run.other_program()
        if other is not None and not config.other_program:
            raise ConfigError(
                f"{run.path}: {other}, so going on would not end in the same weights; bring that back, choose another "
                "--out, or go on with --other-program"
            )
        model, extra = resume(run.policy, env, device)
        run.rewind_metrics(model.num_timesteps)
        seconds, weights = float(extra["seconds"]), extra.get("reference")  # which older checkpoints lack
        reference = None if weights is None else Reference(model.policy, weights)
    else:
        seeds = {"learner": config.seed, "people": {"realm": "training", "seed": config.seed, "rows": config.num_envs}}
        model, seconds = make_ppo(env, config.ppo, seed=config.seed, device=device), 0.0
        lineage = None if config.init_from is None else begin_as(model, config.init_from)
        reference = Reference(model.policy)
        run.write_manifest(parts, getattr(env.world, "encoder", ""), seeds, learner, lineage)
        run.rewind_metrics(-1)
    model.set_logger(configure(None, []))
    return model, seconds, reference


def _sinks(run: Run, config: TrainConfig, started_at: int) -> list[Sink]:
    sinks: list[Sink] = [JsonLines(run.metrics)]
    if find_spec("tensorboard") is not None:
        sinks.append(TensorBoard(run.path / "tensorboard", started_at or None))
    if config.wandb != "off":
        sinks.append(WeightsAndBiases(run, config.wandb, config.wandb_project, config.wandb_group))
    return sinks


class _Saver:
    """Writes records and checkpoints between iterations."""

    def __init__(
        self,
        run: Run,
        model: BoundedPPO,
        reference: Reference | None,
        every: int,
        sinks: list[Sink],
        progress: Progress | None,
        stopping: Callable[[], bool],
        validation: Validation | None,
        prune: Prune | None,
    ) -> None:
        self._run, self._model, self._reference, self._every, self._sinks = run, model, reference, every, sinks
        self._progress, self._stopping = progress, stopping
        self._validation, self._prune = validation, prune
        self._saved_at = model.num_timesteps
        self.seconds = 0.0

    def iteration(self, record: dict[str, Any]) -> None:
        """Take the record of an iteration; save when it is time or when asked to stop."""
        self.seconds = record["seconds"]
        found = None if self._validation is None else self._validation.look(record["step"])
        if found is not None:
            record = {**record, "validation": found}
        for sink in self._sinks:
            sink.write(record)
        if self._progress is not None:
            self._progress(record["step"], record)
        stop = self._stopping()
        if found is not None and self._prune is not None:
            stop |= self._prune(record["step"], found)
        if stop or record["step"] - self._saved_at >= self._every:
            self.save()
            self._saved_at = record["step"]
        if stop:
            raise StopTraining

    def save(self) -> None:
        """Write the checkpoint."""
        reference = None if self._reference is None else self._reference.weights
        save_checkpoint(self._run.policy, self._model, {"seconds": self.seconds, "reference": reference})


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM asks for a stop after the iteration, the second one stops at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
    except ValueError:  # not in the main thread: leave signals alone
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        for caught, handler in before.items():
            signal.signal(caught, signal.SIG_DFL if handler is None else handler)
