"""`python -m benchmarks.simulate`: speed of simulation, and whether a world without text ranks policies alike."""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmarks.simulate.ranking import agreement
from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.provenance import differences
from rlgen.experiments.runs.policies import find_policy
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.worlds import WorldOptions, open_world, plain

if TYPE_CHECKING:
    from rlgen.envs import World, WorldConfig
    from rlgen.policies.baselines import Actor, Baseline

SPEED_TARGET = 50_000.0  # turns per second of one core, without text
TAU_TARGET = 0.8
_FAR = 0.6  # how far from the centre of the box the fixed settings lie
_REPEATS = 3  # the fastest counts
_SEEN = ("observation", "missing", "recognizer", "drop", "blocks")  # what the policy of a run sees a world by


class SimulateBenchOptions(TableOptions, WorldOptions):
    """Speed of `rlgen simulate` with and without text, and whether both worlds rank policies alike."""

    surface: str = Field(
        default="shipped:surface", description="response surface of the world without text: shipped:NAME or a folder"
    )
    people: int = Field(default=400, ge=0, description="persons that each policy meets in both worlds; 0 leaves it out")
    num_envs: int = Field(default=64, ge=1, description="dialogues at once with text")
    rows: int = Field(default=1024, ge=1, description="dialogues at once without text")
    timed: int = Field(default=10_000, ge=1, description="persons of a timed simulation without text")
    timed_text: int = Field(default=128, ge=0, description="persons of a timed simulation with text; 0 leaves it out")
    policies: tuple[Path, ...] = Field(
        default=(), description="folders of runs of this --env, ranked beside the bench's own policies"
    )

    def seen_by(self, run: Path, config: WorldConfig) -> WorldConfig:
        """A world as the policy of a run sees it: by its kind of observation, missing modalities and recognizer.

        Args:
            run: its folder.
            config: of the world; where an option was given, what it says of these stays.

        Raises:
            ConfigError: there is no run, or one of another id than this world's.
        """
        stored = Run.open(run).config()
        if stored["env"] != self.env:
            raise ConfigError(f"{run}: was trained in {stored['env']}, not in {self.env}; give --env {stored['env']}")
        own, given = _world_of(run), self.laid_over(self.world)
        return config.model_copy(update={name: getattr(own, name) for name in _SEEN if name not in given})

    def other_than(self, run: Path) -> str | None:
        """In words, the first thing in which a run's world is another than this one; None where they are the same.

        What the policy sees the world by, and the device, are left out.
        """

        def told(config: WorldConfig) -> dict[str, Any]:
            return {name: value for name, value in plain(config).items() if name not in (*_SEEN, "device")}

        return next(differences(told(_world_of(run)), told(self.world_config()), "world"), None)


def _world_of(run: Path) -> WorldConfig:
    from rlgen.envs import WorldConfig

    return validate(WorldConfig, Run.open(run).config()["world"], str(run / "config.json"))


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SimulateBenchOptions, argv, "python -m benchmarks.simulate")
    if options.people == 1:
        raise ConfigError("people was 1: a ranking needs two halves of people; give at least 2, or 0 to leave it out")
    if options.policies and not options.people:
        raise ConfigError("people was 0: that leaves out the ranking, which --policies are for; give at least 2")
    free = _Worlds(options, options.rows, generator={"kind": "surface", "path": options.surface})
    full = _Worlds(options, options.num_envs)
    own = policies(options.env)
    found = {name: _Ranked(rule) for name, rule in own.items()} | _runs(options, free)
    in_words = full.of(None) if options.timed_text else None
    rows = _speed(options, free.of(None), in_words, own.get("schedule", own["centre"]))
    if options.people:
        told = [_returns(worlds, found, options.people, what) for worlds, what in ((full, "words"), (free, "none"))]
        rows += _ranking(told[0], told[1], len(own))
    show(f"simulate {options.env}", rows, options.as_json)
    return 0


def policies(env_id: str) -> dict[str, Baseline]:
    """The ladder of an id, its schedule backwards, and fixed settings all over the box, each rule once."""
    from rlgen.policies.baselines import Fixed, Schedule, shipped_baselines

    rules: dict[str, Baseline] = dict(shipped_baselines(env_id))
    schedule = rules.get("schedule")
    if isinstance(schedule, Schedule):
        rules["schedule backwards"] = Schedule(table=schedule.table[::-1])
    # Half of the corners, so that each pair of controls takes all of its four combinations.
    for warmth, directiveness, temperature in itertools.product((-_FAR, _FAR), repeat=3):
        weight = warmth * directiveness * temperature / _FAR**2
        controls = (warmth, directiveness, temperature, round(weight, 4))
        rules["fixed " + "".join("-+"[value > 0] for value in controls)] = Fixed(controls=controls)
    return {name: rule for i, (name, rule) in enumerate(rules.items()) if rule not in list(rules.values())[:i]}


@dataclass(frozen=True)
class _Ranked:
    """A policy, and the run whose view of the world it has; None for that of the options."""

    actor: Actor
    run: Path | None = None


class _Worlds:
    """One world as different policies see it, each made when it is first asked for."""

    def __init__(self, options: SimulateBenchOptions, rows: int, **extra: Any) -> None:
        self._options, self._rows = options, rows
        self.config = options.world_config(**extra)
        self._made: list[tuple[WorldConfig, World]] = []

    def of(self, run: Path | None) -> World:
        """The world as a run sees it.

        Raises:
            ConfigError: there is no run, or one of another id.
        """
        config = self.config if run is None else self._options.seen_by(run, self.config)
        for known, world in self._made:
            if known == config:
                return world
        self._made.append((config, open_world(config, self._rows)))
        return self._made[-1][1]


def _runs(options: SimulateBenchOptions, worlds: _Worlds) -> dict[str, _Ranked]:
    """The policies of the runs that were given; a run that does not fit the world ends the command."""
    places = [path.resolve() for path in options.policies]
    found = {}
    for path, place in zip(options.policies, places, strict=True):
        if places.count(place) > 1:
            raise ConfigError(f"policies: {path} was given twice; name every run once")
        alone = [other.name for other in places].count(place.name) == 1
        actor = find_policy(str(path), options.env, worlds.of(path)).actor
        found[f"run {place.name if alone else path}"] = _Ranked(actor, path)
        if other := options.other_than(path):
            note(f"{path}: was trained in another world ({other}); it is ranked in this one")
    return found


def _speed(options: SimulateBenchOptions, free: World, full: World | None, actor: Actor) -> list[Row]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        slow = written(full, actor, options.timed_text, True)[0] if full is not None and options.timed_text else None
        runs = [written(free, actor, options.timed, False) for _ in range(_REPEATS)]
    finally:
        torch.set_num_threads(threads)
    fast, wall, cores = max(runs)
    ratio = None if slow is None else fast / slow
    rows = [] if slow is None else [Row("with text", round(slow, 1), "turns/s of one core")]
    return [
        *rows,
        Row("without text", round(fast), "turns/s of one core", slow, ratio, SPEED_TARGET),
        Row("without text, by the clock", round(wall), "turns/s"),
        Row("without text, cores used", round(cores, 3)),
    ]


def written(world: World, actor: Actor, people: int, words: bool) -> tuple[float, float, float]:
    """Simulate as `rlgen simulate` does, into a file.

    Returns:
        Turns per second of processor time, per second of the clock, and processor seconds per second.
    """
    from rlgen.experiments.dialogues.simulation import Simulation
    from rlgen.experiments.files.resumable import ResumableFile

    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        simulation = Simulation(world, actor, people, words=words)
        with ResumableFile(Path(folder) / "dialogues.jsonl", {}) as file:
            for done in simulation.steps():
                file.write([line for dialogue in done for line in dialogue])
            file.finish()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    turns = simulation.dialogues.turns
    return turns / cpu, turns / wall, cpu / wall


Returns = Mapping[str, NDArray[np.float64]]


def _returns(worlds: _Worlds, found: Mapping[str, _Ranked], people: int, what: str) -> dict[str, NDArray[np.float64]]:
    returns = {}
    for name, ranked in found.items():
        returns[name] = evaluate(worlds.of(ranked.run), ranked.actor, people).values["return"]
        note(f"{what}, {name}: return {returns[name].mean():.3f}")
    return returns


def _ranking(full: Returns, free: Returns, own: int) -> list[Row]:
    """How alike both worlds rank all policies, and where there are runs also the first `own`, which are the bench's."""
    first, second = np.stack(list(full.values())), np.stack(list(free.values()))
    rows = _agreement(first, second, "")
    if own < len(first):
        rows += _agreement(first[:own], second[:own], ", the bench's own")
    return [
        *rows,
        Row("people", first.shape[1]),
        *(Row(f"return without text: {name}", round(free[name].mean(), 4), "", full[name].mean()) for name in full),
    ]


def _agreement(first: NDArray[np.float64], second: NDArray[np.float64], whose: str) -> list[Row]:
    found = agreement(first, second)
    return [
        Row(f"Kendall tau of both worlds{whose}", round(found.tau.mean, 4), "", found.halves, target=TAU_TARGET),
        Row(f"Kendall tau of both worlds, 2.5 %{whose}", round(found.tau.low, 4)),
        Row(f"Kendall tau of both worlds, 97.5 %{whose}", round(found.tau.high, 4)),
        Row(f"Kendall tau of two halves of the people, with text{whose}", round(found.halves, 4)),
        Row(f"Kendall tau of a half with text and the other without{whose}", round(found.across, 4), "", found.halves),
        Row(f"policies{whose}", len(first)),
    ]


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.simulate", main, sys.argv[1:]))
