"""What every bench prints: a table for people, or one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal

from rlgen.experiments.provenance import git_commit, machine

if TYPE_CHECKING:
    from rich.console import Console

_WIDE: Final = 140  # columns of a table in a file or pipe


@dataclass(frozen=True)
class Row:
    """One figure of a bench.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: its unit, `""` for a ratio or a score.
        baseline: the trivial or peer figure of the same run, None where there is none.
        ratio: `value / baseline` where that means something.
        target: the figure aimed at.
        better: whether larger or smaller figures are better; decides `met`.
    """

    name: str
    value: float
    unit: str = ""
    baseline: float | None = None
    ratio: float | None = None
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None without a target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def console(columns: int) -> Console:
    """Where tables are printed: a terminal as wide as it is, a file or pipe as wide as is asked."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=columns)


def show(bench: str, rows: Sequence[Row], as_json: bool) -> None:
    """Print a bench's rows: a table, or with `as_json` exactly one line on standard output."""
    if as_json:
        records = []
        for row in rows:
            record = asdict(row)
            del record["better"]
            records.append({**record, "met": row.met})
        print(json.dumps({"bench": bench, "commit": git_commit(), "machine": machine(), "rows": records}))
        return
    from rich.table import Table

    table = Table(title=f"{bench} ({machine()})")
    table.add_column("name")
    for column in ("value", "unit", "baseline", "ratio", "target", "met"):
        table.add_column(column, justify="right")
    for row in rows:
        cells = [f"{row.value:.4g}", row.unit]
        cells += ["" if v is None else f"{v:.4g}" for v in (row.baseline, row.ratio, row.target)]
        table.add_row(row.name, *cells, {True: "yes", False: "no", None: ""}[row.met])
    console(_WIDE).print(table)
