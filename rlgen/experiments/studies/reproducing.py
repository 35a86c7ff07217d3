"""A run trained again, or an evaluation made again: whether every figure matches to the bit, or within what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.files.whole import read_json
from rlgen.experiments.provenance import config_hash, differences, other_program, program
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.experiments.studies.study import STUDY
from rlgen.experiments.studies.sweep import trained_runs

_TIMES: Final = frozenset({"seconds", "steps_per_second", "learner_share"})  # of a machine, not of a result
_FOUND: Final = ("policies", "differences", "behaviour")  # where an evaluation has its figures
_AT: Final = " at step "
_SHOWN: Final = 10  # figures that differ, in words


@dataclass(frozen=True)
class Match:
    """How a run that was trained again, or an evaluation that was made again, agrees with the one that there was.

    Attributes:
        run: the one that there was.
        again: the other one.
        bits: "weights" of the policy, or "dialogues" of an evaluation with words -> whether they are the same.
        figures: how many figures the metrics, or the evaluation, hold.
        apart: those that differ, by name -> the two values; None where there is none.
        program: in words, what differs between the programs; empty where nothing does.
    """

    run: str
    again: str
    bits: Mapping[str, bool]
    figures: int
    apart: Mapping[str, tuple[float | None, float | None]]
    program: str

    @property
    def same(self) -> bool:
        """Whether all is the same to the bit."""
        return all(self.bits.values()) and not self.apart

    @property
    def within(self) -> dict[str, float | None]:
        """Figure that differs -> largest absolute difference at any step, largest first; None: only one has a value."""
        largest: dict[str, float] = {}
        for name, (then, now) in self.apart.items():
            figure = name.partition(_AT)[0]
            apart = math.inf if then is None or now is None else abs(then - now)
            largest[figure] = max(apart, largest.get(figure, 0.0))
        ordered = sorted(largest.items(), key=lambda item: -item[1])
        return {figure: apart if math.isfinite(apart) else None for figure, apart in ordered}

    def __str__(self) -> str:
        """A sentence, and below it within what the figures agree that differ."""
        kinds = " and the ".join([f"{self.figures:,} figures", *self.bits])
        if self.same:
            return f"{self.run}: reproduced to the bit ({kinds})"
        told = [f"the {kind} are {'the same' if same else 'others'}" for kind, same in self.bits.items()]
        told.append(f"{len(self.apart):,} of {self.figures:,} figures differ")
        lines = [f"{self.run}: not reproduced: {', '.join(told)}{'; ' if self.program else ''}{self.program}"]
        for figure, apart in list(self.within.items())[:_SHOWN]:
            lines.append(f"  {figure}: " + ("only one of them has it" if apart is None else f"within {apart:.3g}"))
        if len(self.within) > _SHOWN:
            lines.append(f"  {len(self.within) - _SHOWN} more, which lie nearer; --json has them all")
        return "\n".join(lines)


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
    bits = {"weights": run.weights_sha256() == other.weights_sha256()}
    program = _programs(run.manifest()["segments"][-1])
    return _match(str(run.path), str(other.path), bits, dict(_metrics(run)), dict(_metrics(other)), program)


def evaluation_at(place: Path) -> Path | None:
    """The evaluation that a path means: its file, or that in a folder of its own; None where it means runs."""
    if place.is_file():
        return place
    file = Run(place).evaluation
    alone = not (place / "config.json").is_file() and not (place / STUDY).is_file()
    return file if alone and file.is_file() else None


def read_evaluation(file: Path) -> dict[str, Any]:
    """What an evaluation found, and what was asked of it.

    Raises:
        ConfigError: it is no evaluation, or one that does not say what was asked.
    """
    found = read_json(file)
    if not {*_FOUND, "asked", "stamp", "parts", "dialogues"} <= found.keys():
        raise ConfigError(f"{file}: is not what `rlgen evaluate` writes; give its evaluation.json, or a folder")
    if (file.parent / "config.json").is_file():  # the run may have been moved
        found["asked"] = {**found["asked"], "run": str(file.parent)}
    return found


def compare_evaluations(file: Path, then: Mapping[str, Any], other: Path, now: Mapping[str, Any]) -> Match:
    """What agrees of two evaluations that were asked for alike, as their files hold them."""
    same = then["dialogues"] == now["dialogues"]
    bits = {} if then["dialogues"] is None and same else {"dialogues": same}
    old, new = ({"policy": found["stamp"]["policy"], "parts": found["parts"]} for found in (then, now))
    made = ", ".join(filter(None, (next(differences(old, new), None), _programs(then["stamp"]))))
    figures = [dict(_flat({name: found[name] for name in _FOUND})) for found in (then, now)]
    return _match(str(file), str(other), bits, figures[0], figures[1], made)


def _match(
    run: str,
    again: str,
    bits: Mapping[str, bool],
    then: Mapping[str, float | None],
    now: Mapping[str, float | None],
    program: str,
) -> Match:
    apart = {
        name: (then.get(name), now.get(name))
        for name in {**then, **now}
        if name not in then or name not in now or not _equal(then[name], now[name])
    }
    return Match(run, again, bits, len({**then, **now}), apart, program)


def _programs(before: Mapping[str, Any]) -> str:
    """In words, what a result was made with that is otherwise here; empty where nothing is."""
    now = program()
    told = [other_program(before, now)]
    told += [f"{name} was {before.get(name)} there and is {now[name]} here" for name in ("machine", "threads")
             if before.get(name) != now[name]]  # fmt: skip
    return ", ".join(filter(None, told))


def _metrics(run: Run) -> Iterator[tuple[str, float | None]]:
    """Every figure of the metrics that is no time, by name and step."""
    for record in run.read_metrics():
        kept = {name: value for name, value in record.items() if name not in _TIMES and name != "step"}
        yield from ((f"{name}{_AT}{record['step']:,}", value) for name, value in _flat(kept))


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float | None]]:
    for name, value in record.items():
        held: Any = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(held, Mapping):
            yield from _flat(held, f"{above}{name}.")
        elif held is None or isinstance(held, int | float):
            yield f"{above}{name}", held


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))
