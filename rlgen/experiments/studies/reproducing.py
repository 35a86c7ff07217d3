"""Train a run again, and say whether every figure matches to the bit, or within what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.provenance import config_hash, differences, other_program, program
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.experiments.studies.study import STUDY
from rlgen.experiments.studies.sweep import trained_runs

_TIMES: Final = frozenset({"seconds", "steps_per_second", "learner_share"})  # of a machine, not of a result


@dataclass(frozen=True)
class Match:
    """How a run that was trained again agrees with the one that there was.

    Attributes:
        run: the one that there was.
        again: the other one.
        weights: whether the policies' weights are the same bits.
        figures: how many figures the metrics hold.
        apart: those that differ, by name and step -> the two values.
        program: in words, what differs between the programs; empty where nothing does.
    """

    run: str
    again: str
    weights: bool
    figures: int
    apart: Mapping[str, tuple[float | None, float | None]]
    program: str

    @property
    def same(self) -> bool:
        """Whether all is the same to the bit."""
        return self.weights and not self.apart

    def __str__(self) -> str:
        """One sentence."""
        if self.same:
            return f"{self.run}: reproduced to the bit ({self.figures:,} figures and the weights)"
        told = f"{self.run}: not reproduced: the weights are {'the same' if self.weights else 'others'}"
        if self.apart:
            name, (then, now) = max(self.apart.items(), key=lambda item: _distance(*item[1]))
            told += (
                f", {len(self.apart):,} of {self.figures:,} figures differ, most of all {name}: {_figure(then)} then, "
                f"{_figure(now)} now"
            )
        return f"{told}; {self.program}" if self.program else told


def runs_of(places: Sequence[Path]) -> list[Run]:
    """Runs, and those of studies.

    Raises:
        ConfigError: there is none, or one that is not finished.
    """
    runs = []
    for place in places:
        if (place / STUDY).is_file():
            runs += [run for found in trained_runs(place).values() for run in found]
        else:
            runs.append(Run.open(place))
    for run in runs:
        if not run.policy.is_file() or not run.standing().finished:
            raise ConfigError(
                f"{run.path}: is not finished, so there is nothing to reproduce; {run.standing().unfinished()}"
            )
    return runs


def again(run: Run, folder: Path) -> TrainConfig:
    """The config that trains a run anew.

    Args:
        run: finished.
        folder: for the new one.

    Raises:
        ConfigError: its config holds an object that has no name, or means something else to this program.
    """
    stored = run.config()
    where = f"{run.path / 'config.json'}"
    lineage = run.manifest().get("lineage")
    fields = {name: stored[name] for name in ("env", "steps", "seed", "num_envs", "ppo", "world", "device")}
    fields |= {"threads": stored.get("threads"), "out": folder}
    if "eval" in stored:
        fields |= {"eval_every": stored["eval"]["every"], "eval_people": stored["eval"]["people"]}
    if lineage is not None:
        fields["init_from"] = lineage["from"]
    config = validate(TrainConfig, fields, where)
    if config_hash(config.resolved()) != stored["hash"]:
        kept = {name: value for name, value in stored.items() if name != "hash"}
        first = next(differences(kept, config.resolved()), "its hash differs")
        raise ConfigError(f"{where}: means something else to this program ({first}); use the version that trained it")
    return config


def compare(run: Run, other: Run) -> Match:
    """What agrees of two runs of one config."""
    then, now = dict(_figures(run)), dict(_figures(other))
    apart = {
        name: (then.get(name), now.get(name))
        for name in {**then, **now}
        if name not in then or name not in now or not _equal(then[name], now[name])
    }
    weights = run.weights_sha256() == other.weights_sha256()
    differs = _programs(run)
    return Match(str(run.path), str(other.path), weights, len({**then, **now}), apart, differs)


def _programs(run: Run) -> str:
    """In words, what the run was made with that is otherwise here; empty where nothing is."""
    before, now = run.manifest()["segments"][-1], program()
    told = [other_program(before, now)]
    told += [f"{name} was {before.get(name)} there and is {now[name]} here" for name in ("machine", "threads")
             if before.get(name) != now[name]]  # fmt: skip
    return ", ".join(filter(None, told))


def _figures(run: Run) -> Iterator[tuple[str, float | None]]:
    """Every figure of the metrics that is no time, by name and step."""
    for record in run.read_metrics():
        kept = {name: value for name, value in record.items() if name not in _TIMES and name != "step"}
        yield from ((f"{name} at step {record['step']:,}", value) for name, value in _flat(kept))


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float | None]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif value is None or isinstance(value, int | float):
            yield f"{above}{name}", value


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))


def _distance(one: float | None, other: float | None) -> float:
    return math.inf if one is None or other is None else abs(one - other)


def _figure(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
