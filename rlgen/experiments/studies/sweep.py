"""Train every run of a study; what is there already costs nothing, and what was stopped goes on."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from rlgen.config import validate
from rlgen.errors import ConfigError, RlgenError
from rlgen.experiments.files.whole import read_json, write_atomically
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import Outcome, Prune, TrainConfig, train
from rlgen.experiments.studies.executors import ExecutorOptions, open_executor
from rlgen.experiments.studies.study import STUDY, Study, StudyRun, told_of

_LOCKED: Final = "is writing here"
_PATIENCE: Final = 90.0  # seconds that a job waits for one of a killed command, which saves and ends


def sweep(
    study: Study, folder: Path, where: ExecutorOptions, shown: Callable[[int, str], None] = lambda done, told: None
) -> list[StudyRun]:
    """Train what is not trained yet.

    Args:
        study: what is to be trained.
        folder: of the study; every run lies in `folder/CELL/seed-SEED`.
        where: the executor.
        shown: called with the number of finished runs and a text whenever one ends.

    Returns:
        All runs, finished.

    Raises:
        ConfigError: a cell is no training config, or was changed under its name, or runs failed.
    """
    runs = study.runs(folder)
    open_runs = prepare(study, runs, folder)
    done, failed = len(runs) - len(open_runs), list[tuple[StudyRun, str]]()
    shown(done, "")
    if open_runs:
        with open_executor(where, study.threads, folder / "logs") as executor:
            job = f"{train_one.__module__}:{train_one.__name__}"
            for ended in executor.map(job, [run.spec() for run in open_runs]):
                run = open_runs[ended.index]
                over = ended.result is not None and bool(ended.result["finished"])
                if not over:
                    failed.append((run, ended.error or "it was stopped"))
                done += over
                shown(done, f"{run.cell} {run.seed}{'' if over else ' failed'}")
    if failed:
        run, why = failed[0]
        raise ConfigError(
            f"{len(failed)} of {len(runs)} runs of {folder} did not finish; the first was {run.folder}: {why}; the "
            "same command goes on with them"
        )
    return runs


def prepare(study: Study, runs: Sequence[StudyRun], folder: Path) -> list[StudyRun]:
    """Write down what the study is, and find which runs are to be trained.

    Raises:
        ConfigError: a run is there with another config: the study was changed under its name.
    """
    open_runs = []
    for run in runs:
        try:
            if not run.finished():
                open_runs.append(run)
        except ConfigError as error:
            raise ConfigError(
                f"study {study.name}: cell {run.cell} was changed under its name ({error}); name the cell, or the "
                "study's folder, otherwise"
            ) from error
    folder.mkdir(parents=True, exist_ok=True)
    told = told_of(study, runs)
    place = folder / STUDY
    before = read_study(folder)["cells"] if place.is_file() else {}
    for name, cell in before.items():  # cells and seeds may be added; what was trained stays known
        now = told["cells"].get(name)
        if now is None:
            told["cells"][name] = cell
        else:
            now["seeds"] = sorted({*now["seeds"], *cell["seeds"]})
    write_atomically(place, json.dumps(told, indent=1) + "\n")
    return open_runs


def read_study(folder: Path) -> dict[str, Any]:
    """What `study.json` holds.

    Raises:
        ConfigError: there is none, or another file of that name.
    """
    if not (folder / STUDY).is_file():
        raise ConfigError(f"{folder}: not a study ({STUDY} is missing); give the folder that `rlgen sweep` wrote")
    found = read_json(folder / STUDY)
    if not {"study", "cells"} <= found.keys():
        raise ConfigError(f"{folder / STUDY}: is not what `rlgen sweep` writes; choose another folder")
    return found


def trained_runs(folder: Path) -> dict[str, list[Run]]:
    """The runs of a study by cell, in the order of their seeds.

    Raises:
        ConfigError: it is no study, or a run is not there.
    """
    cells = read_study(folder)["cells"]
    return {cell: [Run.open(folder / cell / f"seed-{seed}") for seed in told["seeds"]] for cell, told in cells.items()}


def commands(runs: Sequence[StudyRun], folder: Path) -> list[str]:
    """One `rlgen train` a run, for any other scheduler; each reads a YAML file that is written here."""
    lines = []
    for run in runs:
        place = folder / "specs" / run.cell / f"seed-{run.seed}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, yaml.safe_dump(json.loads(json.dumps(run.spec(), default=str)), sort_keys=False))
        threads = f"OMP_NUM_THREADS={run.config.threads}"
        lines.append(f"{threads} rlgen train --config {shlex.quote(str(place))}")
    return lines


def train_one(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A job: train a run, or go on with it.

    Args:
        spec: fields of `TrainConfig`.

    Returns:
        `run` (folder), `step`, `finished`, `weights` (sha256 of the policy's).
    """
    config = validate(TrainConfig, dict(spec), "study")
    outcome = train_patiently(config)
    run = Run(config.out)
    return {
        "run": str(run.path),
        "step": outcome.step,
        "finished": outcome.finished,
        "weights": run.weights_sha256() if run.policy.is_file() else None,
    }


def train_patiently(config: TrainConfig, prune: Prune | None = None) -> Outcome:
    """Train, or go on, after a while where a killed command's job is still saving."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return train(config, prune=prune)
        except RlgenError as error:
            if _LOCKED not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.2)
