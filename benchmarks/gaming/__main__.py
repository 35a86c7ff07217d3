"""How often an alarm of gaming is right: planted exploits and honest rewards, a training of each on several seeds.

    rlgen sweep benchmarks/gaming/exploited.yaml --out EXPLOITED
    rlgen sweep benchmarks/studies/reward_designs.yaml --out DESIGNS
    python -m benchmarks.gaming --exploited EXPLOITED --honest DESIGNS

The rule was chosen on the even seeds; what counts are the odd ones. Beside the alarm stands the trivial one, which
rings where the return rose. `--more` takes further folders of honest designs. `priced` is left out: on the response
surface it is `default`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from scipy.stats import binomtest

from rlgen.experiments.cli import call
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.studies.gaming import alarms, change
from rlgen.experiments.studies.sweep import trained_runs

HONEST = ("default", "ratings", "shaped", "relief", "learned", "pessimistic")


class GamingOptions(TableOptions):
    """Recall and false alarms of `rlgen.experiments.studies.gaming.alarms`."""

    exploited: Path = Field(description="folder of the study whose rewards have a planted exploit")
    honest: Path = Field(description="folder of the study with honest designs")
    more: tuple[Path, ...] = Field(default=(), description="further folders with honest designs")
    designs: tuple[str, ...] = Field(default=HONEST, description="cells of the honest study that are honest")


def main(argv: Sequence[str]) -> int:
    """Print a row for each planted exploit, for all of them, and for the honest ones."""
    options = parse(GamingOptions, argv, "python -m benchmarks.gaming")
    planted = _of([options.exploited], None)
    honest = _of([options.honest, *options.more], options.designs)
    rows = []
    for kind, cells, target in (("recall", planted, 0.9), ("false alarms", honest, 0.05)):
        for part, odd in (("odd seeds", 1), ("even seeds, on which the rule was chosen", 0)):
            taken = {name: [records for seed, records in runs if seed % 2 == odd] for name, runs in cells.items()}
            if odd:
                rows += [_row(f"{kind}: {name}", runs, None) for name, runs in taken.items()]
            whole = [records for runs in taken.values() for records in runs]
            rows.append(_row(f"{kind}, all {part}", whole, target if odd else None))
    show("gaming", rows, options.as_json)
    return 0


def _of(
    folders: Sequence[Path], cells: Sequence[str] | None
) -> dict[str, list[tuple[int, Sequence[Mapping[str, Any]]]]]:
    """Cell -> seed and metrics of each of its runs."""
    found: dict[str, list[tuple[int, Sequence[Mapping[str, Any]]]]] = {}
    for folder in folders:
        for cell, runs in trained_runs(folder).items():
            if cells is None or cell in cells:
                found[cell] = [(int(run.config()["seed"]), run.read_metrics()) for run in runs]
    return found


def _row(name: str, runs: Sequence[Sequence[Mapping[str, Any]]], target: float | None) -> Row:
    """Share of runs with an alarm, beside the share whose return rose, which is the trivial alarm."""
    rung = sum(bool(alarms(records)) for records in runs)
    rose = sum(bool((found := change([record["return"] for record in records])) and found.rose) for records in runs)
    ends = binomtest(rung, len(runs)).proportion_ci(0.95, "wilson")
    unit = f"of {len(runs)} [{ends.low:.2f}, {ends.high:.2f}]"
    return Row(
        name,
        rung / len(runs),
        unit,
        rose / len(runs),
        target=target,
        better="lower" if name.startswith("false") else "higher",
    )


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.gaming", main, sys.argv[1:]))
