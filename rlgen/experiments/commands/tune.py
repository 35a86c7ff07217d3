"""`rlgen tune`: search hyperparameters, train the best again, and judge them beside the default."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
import yaml
from pydantic import Field

from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.display.tables import console
from rlgen.experiments.files.whole import writable_folder, write_atomically
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.provenance import command
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.studies.executors import ExecutorOptions

_WIDE = 140  # columns of the table


class TuneOptions(TableOptions, ExecutorOptions):
    """Search hyperparameters of a training; the winner is a preset.

    Trials are scored on several seeds by people of the realm tuning; the best are trained again on fresh seeds, and
    judged by other people beside the default. The same command goes on with what was stopped, and adds trials.
    """

    study: Annotated[Path, tyro.conf.Positional] = Field(
        description="YAML file: train, space, objectives, constraints, trials, seeds, people, sampler, pruner, ..."
    )
    trials: int | None = Field(default=None, ge=2, description="instead of the file's: how many trials")
    out: Path | None = Field(default=None, description="folder of the study (None: studies/NAME)")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(TuneOptions, argv, "tune")
    from rlgen.experiments.studies.tuning.findings import preset
    from rlgen.experiments.studies.tuning.pictures import draw
    from rlgen.experiments.studies.tuning.study import TuneStudy
    from rlgen.experiments.studies.tuning.tune import tune

    study = TuneStudy.read(options.study)
    if options.trials is not None:
        study = study.model_copy(update={"trials": options.trials})
    folder = options.out or Path("studies") / study.name
    writable_folder(folder.parent)
    with only_writer(folder, "rlgen tune"):
        total = study.trials + (study.finalists + 1) * len(study.final_seeds)
        with Shown("tune", "jobs", total) as shown:
            result = tune(study, folder, options, shown.update)
        write_atomically(folder / "tuning.json", json.dumps(result, indent=1) + "\n")
        draw(study, result, folder / "landscape.png")
        text = yaml.safe_dump(preset(study, result, command()), sort_keys=False, allow_unicode=True, width=120)
        write_atomically(folder / "preset.yaml", text)
    if options.as_json:
        print(json.dumps(result))
    else:
        show(result)
    note(f"{folder}: tuning.json, landscape.png, preset.yaml; next: rlgen train --preset {folder / 'preset.yaml'} ...")
    return 0


def show(result: Mapping[str, Any]) -> None:
    """Print the finals, what matters, and the verdict."""
    from rich.table import Table

    first, finals = result["objectives"][0], result["finals"]
    terminal = console(_WIDE)
    table = Table(
        title=f"{result['study']}: {finals['people']} people, {len(finals['seeds'])} seeds", title_justify="left"
    )
    for name in ("policy", *finals["figures"]["default"], f"{first}, minus default"):
        table.add_column(name, justify="left" if name == "policy" else "right")
    for name, figures in finals["figures"].items():
        gap = finals["minus_default"].get(name, {}).get(first)
        cells = [f"{told['mean']:.3f}" for told in figures.values()]
        table.add_row(name, *cells, "" if gap is None else _interval(gap))
    terminal.print(table)
    if result["importance"]:
        shares = [f"{name} {share:.0%}" for name, share in result["importance"].items()]
        terminal.print(f"importance: {', '.join(shares)}")
    terminal.print(result["verdict"])
    sys.stdout.flush()


def _interval(gap: Mapping[str, Any]) -> str:
    ends = "" if gap["low"] is None else f" [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    return f"{gap['mean']:+.3f}{ends}"
