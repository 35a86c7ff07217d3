"""`rlgen sweep`: train every cell of a study on every seed; the same command resumes it, and adds cells and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown
from rlgen.experiments.options import Options, Part, parse
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.studies.executors import ExecutorOptions


class SweepOptions(Options, ExecutorOptions):
    """Train every cell of a study (a YAML file) on every seed, each into a run folder of its own."""

    study: Annotated[Path | None, tyro.conf.Positional] = Field(
        default=None, description="YAML file: name, train, designs, grid, cells, seeds, threads"
    )
    designs: tuple[str, ...] = Field(
        default=(), description="instead of the file's: reward designs by name or path, or a folder of YAML files"
    )
    seeds: int | None = Field(default=None, ge=1, description="instead of the file's: how many seeds")
    train: Part = Field(default=None, description="fields laid over the file's `train`: {steps: 20000, ...}")
    out: Path | None = Field(default=None, description="folder of the study (None: studies/NAME)")
    print_: Annotated[bool, tyro.conf.arg(name="print")] = Field(
        default=False, description="only print one command a run, for any other scheduler"
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SweepOptions, argv, "sweep")
    from rlgen.experiments.studies.study import Study
    from rlgen.experiments.studies.sweep import commands, prepare, sweep

    if options.study is None and not options.designs:
        raise ConfigError("sweep needs a study's YAML file, or --designs; `rlgen sweep --help` shows both")
    study = Study(name="designs") if options.study is None else Study.read(options.study)
    study = study.model_copy(update=_over(options, study))
    folder = options.out or Path("studies") / study.name
    with only_writer(folder, "rlgen sweep"):
        if options.print_:
            runs = study.runs(folder)
            print("\n".join(commands(prepare(study, runs, folder), folder)))
            return 0
        total = sum(1 for _ in study.axes()) * len(study.seeds)
        with Shown("sweep", "runs", total) as shown:
            runs = sweep(study, folder, options, shown.update)
    print(f"{folder}: {len(runs)} runs are trained; next: rlgen compare {folder}")
    return 0


def _over(options: SweepOptions, study: Any) -> dict[str, Any]:
    """Fields of the study that the command line gives."""
    over: dict[str, Any] = {}
    if options.designs:
        over["designs"] = options.designs
    if options.seeds is not None:
        over["seeds"] = tuple(range(options.seeds))
    if options.train is not None:
        if not isinstance(options.train, dict):
            raise ConfigError(f"--train was {options.train!r:.60}: give fields, as in --train '{{steps: 20000}}'")
        over["train"] = {**study.train, **options.train}
    return over
