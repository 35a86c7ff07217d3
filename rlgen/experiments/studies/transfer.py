"""Does a verdict hold for other people? Policies trained on one kind meet others; the designs' orders are compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from rlgen.config import validate
from rlgen.envs import WorldConfig
from rlgen.errors import ConfigError
from rlgen.experiments.runs.worlds import WorldOptions, plain
from rlgen.experiments.statistics import as_dict, difference, estimate, holm, order_agreement, resample
from rlgen.experiments.studies.compared import F64
from rlgen.experiments.studies.comparing import Group, common_world, groups_of
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.judging import measure
from rlgen.experiments.studies.summary import ALPHA
from rlgen.experiments.studies.verdicts import listed, shown

HOME: Final = "as trained"
_MECHANISMS: Final = ("pacing", "reactance", "sincerity", "habituation", "over_validation")
_POPULATIONS: Final = ("guarded", "despairing", "impatient", "constant_raters", "crisis", "stalling")
KINDS: Final[dict[str, dict[str, Any]]] = {
    **{f"without {name}": {"family": "theory", name: False} for name in _MECHANISMS},
    **{name: {"family": "theory", "population": name} for name in _POPULATIONS},
    "calibrated": {"family": "calibrated"},
}
"""Kinds of people by name -> what `users` of a world's config is then."""

Meetings = dict[str, dict[str, F64]]
"""Kind -> design -> `[S, P]` relief."""


def meet_others(
    places: Sequence[Path],
    options: WorldOptions,
    *,
    kinds: Sequence[str],
    policies: int,
    people: int,
    seed: int,
    num_envs: int,
    out: Path,
    where: ExecutorOptions,
    begin: Callable[[int], Callable[[int, str], None]] = lambda of: lambda done, told: None,
) -> tuple[str, Meetings]:
    """Let policies of every design meet other kinds of people.

    Args:
        places: run folders, or folders of studies.
        options: laid over the world of the runs; without a generator of its own that is the response surface, on which
            a thousand people take seconds.
        kinds: names of `KINDS`; those that the policies were trained on come first, as `"as trained"`.
        policies: at most so many of each design, those of the lowest seeds.
        people: met by each policy.
        seed: of the people.
        num_envs: dialogues at once.
        out: folder, where `judged/` keeps what was measured.
        where: the executor.
        begin: as of `rlgen.experiments.studies.comparing.compare_runs`.

    Returns:
        A sentence on the world, and what was found.

    Raises:
        ConfigError: an unknown kind; or see `groups_of` and `common_world`.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"there is no kind of people {kind!r}; the kinds are {', '.join(KINDS)}")
    groups = [Group(group.name, group.design, group.runs[:policies]) for group in groups_of(places)]
    env_id, world, _ = common_world(groups, options)
    if options.generator is None:
        world = _with(world, generator={"kind": "surface", "path": "shipped:surface"})
    worlds = {HOME: world} | {kind: _with(world, users=KINDS[kind]) for kind in kinds}
    asked = {
        (f"{kind}: {group.name}", number): {
            "env": env_id,
            "world": plain(one),
            "people": people,
            "seed": seed,
            "num_envs": num_envs,
            "yardsticks": [],
            "examples": 0,
            "policy": str(run.path),
        }
        for kind, one in worlds.items()
        for group in groups
        for number, run in enumerate(group.runs)
    }
    judged = measure(asked, out, where, begin(len(asked)))
    found: Meetings = {kind: {} for kind in worlds}
    for kind in worlds:
        for group in groups:
            rows = [judged[f"{kind}: {group.name}", number] for number in range(len(group.runs))]
            found[kind][group.name] = np.stack([row.outcomes["relief"] for row in rows])
    on = "words" if world.has_words else "the response surface"
    told = f"Up to {policies} policies of each design met {people:,} people of each kind, on {on}."
    return told, {kind: tables for kind, tables in found.items() if _known(tables)}


def _with(world: WorldConfig, **fields: Mapping[str, Any]) -> WorldConfig:
    """The same world with other fields, all of which are checked anew."""
    return validate(WorldConfig, {**plain(world), **fields}, "comparison")


def _known(tables: Mapping[str, F64]) -> bool:
    """Whether anybody's relief is known."""
    return not any(np.isnan(table).all() for table in tables.values())


def transfer_summary(found: Meetings, best: str | None = None, seed: int = 0) -> dict[str, Any]:
    """Relief of every design with every kind, and how far its order is that of the training's people.

    Args:
        found: as `meet_others` gives it.
        best: the design whose lead is in question; None: the best with the people of the training.
        seed: of the resampling.

    Returns:
        `kinds`: kind -> `relief` (design -> mean with interval), `tau` (Kendall's, with interval, None for the
        training's own), `best`; `holds`: on how many other kinds no design is told to bring more than the best one;
        `silent`: other kinds with whom no design is told from it; `sentence`.
    """
    resampled = {kind: resample(tables, seed=seed) for kind, tables in found.items()}
    home = resampled[HOME]
    best = best or max(home, key=lambda name: home[name].value)
    kinds: dict[str, Any] = {}
    beaten: dict[str, str] = {}
    silent: list[str] = []
    for kind, scores in resampled.items():
        kinds[kind] = {
            "relief": {name: as_dict(estimate(score)) for name, score in scores.items()},
            "tau": None if kind == HOME or len(scores) < 2 else as_dict(order_agreement(home, scores)),
            "best": max(scores, key=lambda name: scores[name].value),
        }
        gaps = {name: difference(score, scores[best]) for name, score in scores.items() if name != best}
        clear = holm({name: one.p for name, one in gaps.items()})
        told = [name for name in gaps if clear[name] < ALPHA]
        ahead = [name for name in told if gaps[name].mean > 0]
        if ahead and kind != HOME:
            beaten[kind] = max(ahead, key=lambda name: scores[name].value)
        if gaps and not told and kind != HOME:
            silent.append(kind)
    others = [kind for kind in kinds if kind != HOME]
    sentence = _sentence(best, others, beaten, silent)
    return {"kinds": kinds, "holds": len(others) - len(beaten), "silent": silent, "sentence": sentence}


def _sentence(best: str, others: Sequence[str], beaten: Mapping[str, str], silent: Sequence[str]) -> str:
    best = shown(best)
    if not others:
        return f"No other people were met than those of the training, of whom {best} is the best design."
    nothing = f" With {listed(silent)} no design is told from it." if silent else ""
    if not beaten:
        number = len(others)
        return f"To none of {number} other kinds of people does another design bring more relief than {best}.{nothing}"
    told = listed(f"{kind} ({shown(name)})" for kind, name in beaten.items())
    only = "for the people of the training alone" if len(beaten) == len(others) else "but not for all people"
    return (
        f"That no design brings more relief than {best} holds {only}: another one brings more to {len(beaten)} of "
        f"{len(others)} other kinds, {told}.{nothing}"
    )


def transfer_csv(found: Meetings) -> str:
    """One line per kind, design and policy: mean relief over people."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["people", "design", "policy", "relief"])
    for kind, tables in found.items():
        for name, table in tables.items():
            writer.writerows([kind, name, number, f"{np.nanmean(row):.6g}"] for number, row in enumerate(table))
    return buffer.getvalue()
