"""Search, train the best again, judge them, write down what was found; the same command goes on where it stopped."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from rlgen.errors import ConfigError
from rlgen.experiments.files.whole import read_json, write_atomically
from rlgen.experiments.provenance import differences
from rlgen.experiments.studies.executors import Executor, ExecutorOptions, open_executor
from rlgen.experiments.studies.tuning import findings
from rlgen.experiments.studies.tuning.findings import Found
from rlgen.experiments.studies.tuning.study import TuneStudy, packed
from rlgen.experiments.studies.tuning.trials import final, opened, trial

STUDY: Final = "tune.json"
"""In a study's folder: what decides its trials."""

Shown = Callable[[int, str], None]


def tune(
    study: TuneStudy, folder: Path, where: ExecutorOptions, shown: Shown = lambda done, told: None
) -> dict[str, Any]:
    """Do what of a study is not done yet.

    Args:
        study: what is tuned.
        folder: of the study.
        where: the executor; several workers share the trials.
        shown: called with the number of trials and final trainings that are over, and a text.

    Returns:
        What `findings.found` makes of it.

    Raises:
        ConfigError: the study cannot be what it says, or was changed under its name, or jobs failed.
    """
    defaults = study.defaults()
    prepare(study, folder)
    with open_executor(where, study.threads, folder / "logs") as executor:
        trials = search(study, folder, executor, defaults, shown)
        chosen = findings.finalists(study, trials)
        if not chosen:
            why = next((each.failed for each in trials if each.failed), "none was trained to its end")
            raise ConfigError(f"{folder}: no trial can be a finalist: {why}; widen space or constraints")
        policies = [("default", defaults), *((each.name, each.values) for each in chosen)]
        judged = finals(
            study, folder, executor, policies, lambda done, told: shown(min(study.trials, len(trials)) + done, told)
        )
    return findings.found(study, trials, defaults, judged)


def prepare(study: TuneStudy, folder: Path) -> None:
    """Make the folder this study's.

    Raises:
        ConfigError: it is another one's, or the study was changed under its name.
    """
    place, now = folder / STUDY, study.decides()
    if place.is_file():
        if (first := next(differences(read_json(place), now, "study"), None)) is not None:
            raise ConfigError(
                f"{folder}: was begun by another study of this name ({first}); undo that, or name the study otherwise"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(place, json.dumps(now, indent=1) + "\n")


def search(
    study: TuneStudy, folder: Path, executor: Executor, defaults: Mapping[str, Any], shown: Shown
) -> list[Found]:
    """Draw and measure trials until there are as many as the study wants.

    Raises:
        ConfigError: jobs failed or were stopped.
    """
    from optuna.trial import TrialState

    with opened(study, folder) as known:
        if not known.trials:
            known.enqueue_trial(packed(study, defaults))
        states = {each.number: each.state for each in known.trials}
    running = [number for number, state in states.items() if state is TrialState.RUNNING]  # of a command that died
    drawn = sum(state is not TrialState.WAITING for state in states.values())
    done = drawn - len(running)
    call = secrets.token_hex(4)
    wanted: list[int | None] = [*running, *[None] * max(0, study.trials - drawn)]
    plain = study.model_dump(mode="json")
    specs = [
        {"study": plain, "folder": str(folder), "job": f"{call}-{at}", "number": number}
        for at, number in enumerate(wanted)
    ]
    shown(done, "")
    failed: list[str] = []
    for ended in executor.map(f"{trial.__module__}:{trial.__name__}", specs):
        if ended.result is None or ended.result["state"] == "stopped":
            failed.append(ended.error or "it was stopped")
            continue
        done += 1
        shown(done, f"trial {ended.result['number']} {ended.result['state']}")
    if failed:
        raise ConfigError(
            f"{folder}: {len(failed)} of {study.trials} trials did not end ({failed[0]}); the same command goes on"
        )
    with opened(study, folder) as known:
        return [Found.of(study, each) for each in known.trials]


def finals(
    study: TuneStudy, folder: Path, executor: Executor, chosen: Sequence[tuple[str, Mapping[str, Any]]], shown: Shown
) -> dict[str, dict[str, dict[str, Any]]]:
    """Train the default and the finalists on fresh seeds, and let other people meet them.

    Args:
        study: what is tuned.
        folder: of the study.
        executor: where they are trained.
        chosen: name -> values of the space.
        shown: called with the number of trainings that are over.

    Returns:
        name -> realm -> metric -> `[S, P]`.

    Raises:
        ConfigError: jobs failed or were stopped.
    """
    plain = study.model_dump(mode="json")
    specs: list[dict[str, Any]] = [
        {
            "study": plain,
            "values": dict(values),
            "seed": seed,
            "out": str(folder / "finals" / name.replace(" ", "-") / f"seed-{seed}"),
        }
        for name, values in chosen
        for seed in study.final_seeds
    ]
    tables: dict[int, Any] = {}
    for ended in executor.map(f"{final.__module__}:{final.__name__}", specs):
        if ended.result is None or not ended.result["finished"]:
            raise ConfigError(
                f"{specs[ended.index]['out']}: was not trained to its end ({ended.error or 'it was stopped'}); the "
                "same command goes on"
            )
        tables[ended.index] = ended.result["judged"]
        shown(len(tables), f"finals: {Path(specs[ended.index]['out']).parent.name}")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    seeds = len(study.final_seeds)
    for at, (name, _) in enumerate(chosen):
        own = [tables[at * seeds + i] for i in range(seeds)]
        found[name] = {
            realm: {metric: np.array([each[realm][metric] for each in own]) for metric in own[0][realm]}
            for realm in own[0]
        }
    return found
