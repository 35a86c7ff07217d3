"""`rlgen reproduce`: train runs, or make evaluations, again, and say whether every figure matches to the bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from pydantic import Field

from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.studies.executors import ExecutorOptions

if TYPE_CHECKING:
    from rlgen.experiments.runs.run import Run
    from rlgen.experiments.studies.reproducing import Match


class ReproduceOptions(TableOptions, ExecutorOptions):
    """Train runs again, or make evaluations again, and compare all figures; exit status 1 where something differs."""

    places: Annotated[tuple[Path, ...], tyro.conf.Positional] = Field(
        default=(),
        description="run folders, folders of studies (`rlgen sweep`), or evaluations: an evaluation.json, or what "
        "`rlgen evaluate --out` wrote",
    )
    out: Path = Field(
        default=Path("reproduced"), description="folder for what is made anew; a stopped command goes on there"
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(ReproduceOptions, argv, "reproduce")
    if not options.places:
        raise ConfigError("reproduce needs runs, studies or evaluations; `rlgen reproduce --help` shows how")
    from rlgen.experiments.studies.reproducing import evaluation_at, runs_of

    evaluations = {place: file for place in options.places if (file := evaluation_at(place)) is not None}
    runs = runs_of([place for place in options.places if place not in evaluations])
    found = _trained(options, runs) if runs else []
    for number, file in enumerate(evaluations.values()):
        match = _evaluated(file, options.out / f"evaluation-{number}")
        if match is None:
            return 130
        found.append(match)
    if options.as_json:
        print(json.dumps([{**asdict(match), "same": match.same, "within": match.within} for match in found]))
    else:
        print("\n".join(map(str, found)))
    return 0 if all(match.same for match in found) else 1


def _trained(options: ReproduceOptions, runs: Sequence[Run]) -> list[Match]:
    """Train them again."""
    from rlgen.experiments.studies.executors import open_executor
    from rlgen.experiments.studies.reproducing import again, compare
    from rlgen.experiments.studies.sweep import train_one

    configs = [again(run, options.out / str(number) / run.path.resolve().name) for number, run in enumerate(runs)]
    threads = max(config.threads or 1 for config in configs)
    specs = [config.model_dump(mode="json", exclude_unset=True) for config in configs]
    matches = {}
    with (
        Shown("reproduce", "runs", len(runs)) as shown,
        open_executor(options, threads, options.out / "logs") as executor,
    ):
        for ended in executor.map(f"{train_one.__module__}:{train_one.__name__}", specs):
            run = runs[ended.index]
            if ended.result is None:
                raise ConfigError(f"{run.path}: {ended.error}")
            matches[ended.index] = compare(run, type(run).open(configs[ended.index].out))
            shown.update(len(matches))
    return [matches[number] for number in range(len(runs))]


def _evaluated(file: Path, folder: Path) -> Match | None:
    """Make an evaluation again; None where it was stopped and can go on."""
    from rlgen.experiments.commands.evaluate import EvaluateOptions, evaluate
    from rlgen.experiments.runs.run import Run
    from rlgen.experiments.studies.reproducing import compare_evaluations, read_evaluation

    then = read_evaluation(file)
    now = evaluate(validate(EvaluateOptions, {**then["asked"], "out": folder}, str(file)))
    return None if now is None else compare_evaluations(file, then, Run(folder).evaluation, now)
