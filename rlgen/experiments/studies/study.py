"""What a study is: cells, each a training config, times seeds; every one of them an ordinary run folder."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError
from rlgen.experiments.provenance import config_hash
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import TrainConfig
from rlgen.rewards import design, shipped_designs

STUDY: Final = "study.json"
"""In a study's folder: its cells, so that other commands find their runs."""

_NOT_IN_NAMES: Final = re.compile(r"[^\w.=,+-]+")
_LONGEST: Final = 80  # characters of a cell's folder


def _seeds(value: Any) -> Any:
    return tuple(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value


Seeds = Annotated[tuple[Annotated[int, Field(ge=0, le=2**32 - 1)], ...], Field(min_length=1), BeforeValidator(_seeds)]
"""How many (0, 1, ...), or which."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Study(BaseModel):
    """Cells times seeds. Cells are all combinations of `designs`, `cells` and the values of `grid`.

    Attributes:
        name: of the study.
        train: fields of `TrainConfig` that all cells share; `out` and `seed` are the study's.
        designs: reward designs: names, paths, `package.module:attribute`, or folders and globs of YAML files.
        grid: field, dotted where it lies deeper (`ppo.gamma`) -> the values that it takes.
        cells: name -> fields, for combinations that are no grid.
        seeds: how many (0, 1, ...), or which.
        threads: of the processor, for each run; another number may train another policy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="study", min_length=1)
    train: dict[str, Any] = {}
    designs: Annotated[tuple[Any, ...], BeforeValidator(_listed)] = ()
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    cells: dict[str, dict[str, Any]] = {}
    seeds: Seeds = tuple(range(5))
    threads: int = Field(default=1, ge=1)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a YAML file; files that it names are looked for beside it first.

        Raises:
            ConfigError: names the file, the field, what was given and what is allowed.
        """
        values = read_yaml(path)
        made = validate(cls, {"name": path.stem, **values}, str(path))
        beside = TrainConfig.beside
        here = path.parent
        return made.model_copy(
            update={
                "train": beside(dict(made.train), here),
                "cells": {name: beside(dict(fields), here) for name, fields in made.cells.items()},
                "designs": tuple(
                    str(here / each) if isinstance(each, str) and _is_file(here / each) else each
                    for each in made.designs
                ),
            }
        )

    def axes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every cell's name and the fields in which it differs from the others.

        Raises:
            ConfigError: a glob that matches nothing, or two cells of one name.
        """
        designs = [(name, {"reward": source}) for name, source in _designs(self.designs)] or [("", {})]
        cells = list(self.cells.items()) or [("", {})]
        grid = [[(f"{key.rpartition('.')[2]}={_told(value)}", {key: value}) for value in values]
                for key, values in self.grid.items()]  # fmt: skip
        seen: set[str] = set()
        for parts in itertools.product(designs, cells, *grid):
            told = ",".join(name for name, _ in parts if name) or "all"
            name = _NOT_IN_NAMES.sub("-", told)[:_LONGEST].strip("-.") or "cell"
            if name in seen:
                raise ConfigError(f"study {self.name}: two cells are called {name!r}; name them apart under `cells`")
            seen.add(name)
            fields: dict[str, Any] = {}
            for _, values in parts:
                fields.update(values)
            yield name, fields

    def runs(self, folder: Path) -> list[StudyRun]:
        """Every run of the study, cells in order, seeds within them.

        Args:
            folder: of the study.

        Raises:
            ConfigError: a cell is no training config; names the field, what was given and what is allowed.
        """
        found = []
        for name, fields in self.axes():
            values = copy.deepcopy(self.train)
            for key, value in fields.items():
                put(values, key, value, f"study {self.name}")
            for seed in self.seeds:
                where = f"study {self.name}, cell {name}"
                out = folder / name / f"seed-{seed}"
                given = {"threads": self.threads, "checkpoint_every": 1, "wandb_group": f"{self.name}/{name}"}
                given |= {**values, "out": out, "seed": seed}
                found.append(StudyRun(name, seed, validate(TrainConfig, given, where), given))
        return found


@dataclass(frozen=True)
class StudyRun:
    """One run of a study.

    Attributes:
        cell: whose it is.
        seed: of the learner and its people.
        config: how it is trained.
        values: what the config was made of, as plain data.
    """

    cell: str
    seed: int
    config: TrainConfig
    values: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self.config.out

    def spec(self) -> dict[str, Any]:
        """For an executor."""
        return {**self.values, "out": str(self.folder)}

    def finished(self) -> bool:
        """Whether all of its steps are done.

        Raises:
            ConfigError: the folder holds a run of another config.
        """
        run = Run(self.folder)
        run.check(self.config.resolved())
        return run.policy.is_file() and run.standing().finished


def told_of(study: Study, runs: Sequence[StudyRun]) -> dict[str, Any]:
    """What `study.json` holds: the study, and of each cell the config's hash (without the seed) and its runs."""
    cells: dict[str, Any] = {}
    for run in runs:
        kept = {name: value for name, value in run.config.resolved().items() if name != "seed"}
        cell = cells.setdefault(run.cell, {"hash": config_hash(kept), "seeds": []})
        cell["seeds"].append(run.seed)
    return {"study": study.model_dump(mode="json"), "cells": cells}


def _designs(named: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Name and source of each design; folders and globs give all their YAML files."""
    for source in named:
        if not isinstance(source, str) or source in shipped_designs():
            yield design(source).name, source
            continue
        place = Path(source)
        if place.is_dir() or any(sign in source for sign in "*?["):
            files = sorted(place.glob("*.y*ml") if place.is_dir() else Path().glob(source) if not place.is_absolute()
                           else Path(place.anchor).glob(str(place.relative_to(place.anchor))))  # fmt: skip
            if not files:
                raise ConfigError(
                    f"designs: nothing matches {source}; give names, YAML files, or folders that hold some"
                )
            yield from ((design(file).name, str(file)) for file in files)
            continue
        yield design(source).name, source


def _is_file(path: Path) -> bool:
    return path.exists() or any(sign in path.name for sign in "*?[")


def put(values: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set a field by its dotted name."""
    *above, last = key.split(".")
    for name in above:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{where}: {key} lies in {name}, which is {inner!r:.60}; write it as fields and values")
        values = inner
    values[last] = value


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "-".join(_told(inner) for inner in value.values())
    return "x".join(map(_told, value)) if isinstance(value, list | tuple) else str(value).rpartition("/")[2]
