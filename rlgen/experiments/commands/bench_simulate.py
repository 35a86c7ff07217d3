"""`rlgen bench simulate`: speed of simulation, and whether the world without text ranks policies as the full one."""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from numpy.typing import NDArray
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.evaluation import SEED, evaluate
from rlgen.experiments.options import parse
from rlgen.experiments.ranking import agreement
from rlgen.experiments.tables import Row, show
from rlgen.experiments.worlds import WorldOptions

if TYPE_CHECKING:
    from rlgen.envs import World
    from rlgen.policies.baselines import Actor, Baseline

SPEED_TARGET = 50_000.0  # turns per second of one core, without text
TAU_TARGET = 0.8
_FAR = 0.6  # how far from the centre of the box the fixed settings lie
_REPEATS = 3  # the fastest counts


class SimulateBenchOptions(WorldOptions):
    """Speed of `rlgen simulate` with and without text, and whether both worlds rank policies alike."""

    surface: str = Field(
        default="shipped:surface", description="response surface of the world without text: shipped:NAME or a folder"
    )
    people: int = Field(default=400, ge=0, description="persons that each policy meets in both worlds; 0 leaves it out")
    num_envs: int = Field(default=64, ge=1, description="dialogues at once with text")
    rows: int = Field(default=1024, ge=1, description="dialogues at once without text")
    timed: int = Field(default=10_000, ge=1, description="persons of a timed simulation without text")
    timed_text: int = Field(default=128, ge=0, description="persons of a timed simulation with text; 0 leaves it out")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = Field(default=False, description="print one line of JSON")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SimulateBenchOptions, argv, "bench simulate")
    if options.people == 1:
        raise ConfigError("people was 1: a ranking needs two halves of people; give at least 2, or 0 to leave it out")
    free = options.make_world(options.rows, generator=f"surface:{options.surface}")
    found = policies(options.env)
    full = options.make_world(options.num_envs) if options.people or options.timed_text else None
    rows = _speed(options, free, full, found.get("schedule", found["centre"]))
    if options.people and full is not None:
        rows += _ranking(_returns(full, found, options.people, "words"), _returns(free, found, options.people, "none"))
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


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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
    from rlgen.experiments.dialogues import Simulation
    from rlgen.experiments.unfinished import Unfinished

    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        simulation = Simulation(world, actor, people, SEED, words)
        with Unfinished(Path(folder) / "dialogues.jsonl", {}) as file:
            for done in simulation.steps():
                file.write([line for dialogue in done for line in dialogue])
            file.finish()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return simulation.turns / cpu, simulation.turns / wall, cpu / wall


Returns = Mapping[str, NDArray[np.float64]]


def _returns(world: World, found: Mapping[str, Any], people: int, what: str) -> dict[str, NDArray[np.float64]]:
    returns = {}
    for name, actor in found.items():
        returns[name] = evaluate(world, actor, people, SEED).values["return"]
        _note(f"{what}, {name}: return {returns[name].mean():.3f}")
    return returns


def _ranking(full: Returns, free: Returns) -> list[Row]:
    first, second = np.stack(list(full.values())), np.stack(list(free.values()))
    found = agreement(first, second)
    return [
        Row("Kendall tau of both worlds", round(found.tau.mean, 4), "", found.halves, target=TAU_TARGET),
        Row("Kendall tau of both worlds, 2.5 %", round(found.tau.low, 4)),
        Row("Kendall tau of both worlds, 97.5 %", round(found.tau.high, 4)),
        Row("Kendall tau of two halves of the people, with text", round(found.halves, 4)),
        Row("Kendall tau of a half with text and the other without", round(found.across, 4), "", found.halves),
        Row("policies", len(first)),
        Row("people", first.shape[1]),
        *(Row(f"return without text: {name}", round(free[name].mean(), 4), "", full[name].mean()) for name in full),
    ]
