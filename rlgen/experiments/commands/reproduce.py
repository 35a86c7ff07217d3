"""`rlgen reproduce`: train runs again, and say whether every figure matches to the bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.studies.executors import ExecutorOptions


class ReproduceOptions(TableOptions, ExecutorOptions):
    """Train runs again from their configs, and compare weights and metrics; exit status 1 where something differs."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = Field(
        default=(), description="run folders, or folders of studies (`rlgen sweep`)"
    )
    out: Path = Field(
        default=Path("reproduced"), description="folder for the new runs; a stopped command goes on there"
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(ReproduceOptions, argv, "reproduce")
    if not options.runs:
        raise ConfigError("reproduce needs run folders, or the folder of a study; `rlgen reproduce --help` shows how")
    from rlgen.experiments.runs.run import Run
    from rlgen.experiments.studies.executors import open_executor
    from rlgen.experiments.studies.reproducing import again, compare, runs_of
    from rlgen.experiments.studies.sweep import train_one

    runs = runs_of(options.runs)
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
            matches[ended.index] = compare(run, Run.open(configs[ended.index].out))
            shown.update(len(matches))
    found = [matches[number] for number in range(len(runs))]
    if options.as_json:
        print(json.dumps([{**asdict(match), "same": match.same} for match in found]))
    else:
        print("\n".join(map(str, found)))
    return 0 if all(match.same for match in found) else 1
