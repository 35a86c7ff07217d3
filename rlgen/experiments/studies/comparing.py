"""From runs, or a study, to a comparison: all policies meet the same people, all designs score the same dialogues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from rlgen.envs import WorldConfig, world_config
from rlgen.errors import ConfigError
from rlgen.experiments.provenance import command, config_hash, differences, program
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.worlds import WorldOptions, plain
from rlgen.experiments.studies.compared import F64, Compared, Curve, SamePerson, Trained, TrainedRun
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.judging import Judged, measure
from rlgen.experiments.studies.study import STUDY
from rlgen.experiments.studies.sweep import trained_runs
from rlgen.policies.baselines import shipped_baselines
from rlgen.rewards import RewardDesign, design

EXAMPLES: Final = 40  # persons whose words are kept, of one policy a design
_FREE: Final = frozenset({"reward", "device"})  # of a world's config: what designs differ in, and what decides nothing


@dataclass(frozen=True)
class Group:
    """The runs of one cell: the same training on several seeds.

    Attributes:
        name: of the cell, or of the reward design.
        design: of its reward.
        runs: in the order of their seeds.
    """

    name: str
    design: RewardDesign
    runs: tuple[Run, ...]


def groups_of(places: Sequence[Path]) -> list[Group]:
    """Runs and studies, put together by what they were trained with.

    Args:
        places: run folders, or folders of studies.

    Raises:
        ConfigError: no run or study there, a run without a policy, or two runs of the same training and seed.
    """
    named: dict[str, list[Run]] = {}
    for place in places:
        if (place / STUDY).is_file():
            for cell, found in trained_runs(place).items():
                named.setdefault(cell, []).extend(found)
        else:
            run = Run.open(place)
            named.setdefault(_training(run, named), []).append(run)
    groups = []
    for name, runs in named.items():
        configs = [run.config() for run in runs]
        seeds = [int(config["seed"]) for config in configs]
        if twice := next((seed for seed in seeds if seeds.count(seed) > 1), None):
            raise ConfigError(f"{name}: two of the runs have seed {twice}; give each run once")
        for run in runs:
            if not run.policy.is_file():
                raise ConfigError(f"{run.path}: has no policy yet; {run.standing().unfinished()}")
        order = sorted(range(len(runs)), key=lambda i: seeds[i])
        groups.append(Group(name, design(configs[0]["world"]["reward"]), tuple(runs[i] for i in order)))
    return groups


def _training(run: Run, named: Mapping[str, Sequence[Run]]) -> str:
    """The name of a run's training: that of its reward, with a number where another training has it."""
    told = design(run.config()["world"]["reward"]).name
    for number in range(1, len(named) + 2):
        name = told if number == 1 else f"{told} ({number})"
        if name not in named or next(_apart(named[name][0], run), None) is None:
            return name
    raise AssertionError("there are fewer names than that")


def _apart(one: Run, other: Run) -> Any:
    def kept(run: Run) -> dict[str, Any]:
        return {name: value for name, value in run.config().items() if name not in ("seed", "hash")}

    return differences(kept(one), kept(other))


def common_world(groups: Sequence[Group], options: WorldOptions) -> tuple[str, WorldConfig, str]:
    """The world in which all are judged: the training's, on words, with what the options say laid over it.

    Returns:
        Environment id, config, and a sentence on it.

    Raises:
        ConfigError: the runs were trained in worlds that differ in what is not named.
    """
    found: dict[str, tuple[Run, str, WorldConfig]] = {}
    trained_on: set[str] = set()
    for group in groups:
        env_id, config, _ = options.world_of(group.runs[0].path)
        if not config.has_words:
            trained_on.add("the response surface")
            if options.generator is None:  # judged by what the words do to people
                config = config.model_copy(update={"generator": world_config(env_id).generator})
        else:
            trained_on.add("words")
        found[group.name] = group.runs[0], env_id, config
    first_run, env_id, world = next(iter(found.values()))
    for run, other_env, config in found.values():
        kept = [{name: value for name, value in plain(each).items() if name not in _FREE} for each in (world, config)]
        apart = next(differences({"env": env_id, "world": kept[0]}, {"env": other_env, "world": kept[1]}), None)
        if apart is not None:
            raise ConfigError(
                f"{first_run.path} and {run.path} were trained in other worlds ({apart}); say in which one all are to "
                "be judged, by an option such as --users, or compare runs of one world"
            )
    judged = "the words that people read" if world.has_words else "readings drawn from the response surface"
    told = f"Trained on {' and '.join(sorted(trained_on))}, judged on {judged}."
    return env_id, world, told


def compare_runs(
    places: Sequence[Path],
    options: WorldOptions,
    *,
    people: int,
    seed: int,
    num_envs: int,
    ladder: bool,
    designs: Sequence[Any],
    out: Path,
    where: ExecutorOptions,
    begin: Callable[[int], Callable[[int, str], None]] = lambda of: lambda done, told: None,
) -> Compared:
    """Measure all policies, or read what was measured before.

    Args:
        places: run folders, or folders of studies.
        options: laid over the world of the runs.
        people: met by each policy, the same ones.
        seed: of the people.
        num_envs: dialogues at once.
        ladder: measure the id's baselines too.
        designs: by which the dialogues are measured besides those of the runs.
        out: folder, where `judged/` keeps what was measured: the same call goes on.
        where: the executor.
        begin: called with the number of policies; gives what is called with how many are measured, and a name.

    Raises:
        ConfigError: see `groups_of` and `common_world`; or a measurement failed.
    """
    groups = groups_of(places)
    env_id, world, told = common_world(groups, options)
    measures = {group.design.name: group.design for group in groups} | {one.name: one for one in map(design, designs)}
    spec = {
        "env": env_id,
        "world": plain(world),
        "people": people,
        "seed": seed,
        "num_envs": num_envs,
        "yardsticks": [one.to_dict() for one in measures.values()],
    }
    asked: dict[tuple[str, int], dict[str, Any]] = {}
    for group in groups:
        for number, run in enumerate(group.runs):
            asked[group.name, number] = {**spec, "policy": str(run.path), "examples": EXAMPLES if number == 0 else 0}
    rungs = shipped_baselines(env_id) if ladder else {}
    asked |= {(name, 0): {**spec, "policy": f"baseline:{name}", "examples": 0} for name in rungs}
    judged = measure(asked, out, where, begin(len(asked)))
    trained = {group.name: _told_of(group) for group in groups}
    baselines = {name: Trained(f"baseline: {name}", (TrainedRun(),), "baseline") for name in rungs}
    return Compared(
        env=env_id,
        people=people,
        people_seed=seed,
        world=config_hash(plain(world)),
        told=told,
        designs={**trained, **baselines},
        outcomes={
            name: _outcomes(_rows(judged, name), own)
            for name, own in [*((group.name, group.design.name) for group in groups), *((name, None) for name in rungs)]
        },
        yardsticks={
            name: {each: np.stack([row.yardsticks[each] for row in _rows(judged, name)]) for each in measures}
            for name in (*trained, *baselines)
        },
        curves={group.name: _curve(group) for group in groups},
        dialogues=_same_people(judged, groups, seed),
        program={name: str(value) for name, value in program().items() if name != "packages"},
        command=command(),
    )


def _rows(judged: Mapping[tuple[str, int], Judged], name: str) -> list[Judged]:
    return [found for (whose, _), found in judged.items() if whose == name]


def _outcomes(rows: Sequence[Judged], own: str | None) -> dict[str, F64]:
    """Metric -> `[S, P]`; the return is that by the policies' own reward."""
    found = {metric: np.stack([row.outcomes[metric] for row in rows]) for metric in rows[0].outcomes}
    return found if own is None else {**found, "return": np.stack([row.yardsticks[own] for row in rows])}


def _told_of(group: Group) -> Trained:
    runs = []
    for run in group.runs:
        config, standing = run.config(), run.standing()
        runs.append(
            TrainedRun(
                path=str(run.path),
                seed=int(config["seed"]),
                step=standing.step,
                of=standing.of,
                policy=run.weights_sha256(),
                config=str(config["hash"]),
                command=standing.command,
            )
        )
    return Trained(group.design.description, tuple(runs))


def _curve(group: Group) -> Curve:
    """Step, return, relief and divergence of every seed, at the steps that all have."""
    told = [{record["step"]: record for record in run.read_metrics()} for run in group.runs]
    steps = sorted(set.intersection(*(set(records) for records in told)))

    def of(step: int, name: str) -> F64:
        found = [records[step].get(name) for records in told]  # older runs have no divergence
        return np.array([np.nan if value is None else value for value in found])

    return [(step, of(step, "return"), of(step, "relief"), of(step, "kl")) for step in steps]


def _same_people(
    judged: Mapping[tuple[str, int], Judged], groups: Sequence[Group], seed: int
) -> tuple[SamePerson, ...]:
    """Persons whose words are shown under two designs: under those that bring the most and the least relief."""
    kept = {group.name: judged[group.name, 0] for group in groups if judged[group.name, 0].dialogues}
    if len(kept) < 2:
        return ()
    relief = {name: float(np.nanmean(found.outcomes["relief"])) for name, found in kept.items()}
    best, worst = max(relief, key=relief.__getitem__), min(relief, key=relief.__getitem__)
    shown = min(len(kept[name].dialogues) for name in (best, worst))
    apart = (kept[best].outcomes["relief"] - kept[worst].outcomes["relief"])[:shown]
    if best == worst or np.isnan(apart).all():
        return ()
    middle = int(np.nanargmin(np.abs(apart - (relief[best] - relief[worst]))))
    chosen = {
        f"of the first {shown} people, the one whose difference in relief is nearest to the mean difference": middle,
        f"of the first {shown} people, the one whom {best} helped most over {worst}": int(np.nanargmax(apart)),
        f"of the first {shown} people, the one whom {worst} helped most over {best}": int(np.nanargmin(apart)),
    }
    return tuple(
        SamePerson(index, rule, {name: kept[name].dialogues[index] for name in (best, worst)})
        for rule, index in chosen.items()
    )
