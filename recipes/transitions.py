"""`python -m recipes.transitions`: how far a turn sounds like the same speaker's turn before, as an artifact."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.options import TableOptions, parse, recorded

if TYPE_CHECKING:
    from rlgen.experiments.display.tables import Row
    from rlgen.users.expression.transitions import Spoken, Transitions


PROGRAM: Final = "python -m recipes.transitions"


class FitTransitionsOptions(TableOptions):
    """Fit the transitions between emotions of a speaker's consecutive turns in MELD and DailyDialog."""

    data: Path = Field(description="folder with meld_text and dailydialog")
    out: Path = Field(default=Path("transitions"), description="folder to write; an artifact there is replaced")


def measured(fit: Transitions, sources: dict[str, Spoken]) -> list[Row]:
    """What was fitted, and per data set how often consecutive own turns agree, beside chance."""
    import numpy as np

    from rlgen.affect import CATEGORIES
    from rlgen.experiments.display.tables import Row
    from rlgen.users.expression.transitions import agreement, distressed, joint

    rows = []
    for name, spoken in sources.items():
        for part, counts in (("own turns", joint(spoken)), ("distressed own turns", distressed(joint(spoken)))):
            same, chance = agreement(counts)
            rows.append(Row(f"{name}: {part} agree", same, baseline=chance))
    rows += [Row(f"{name} again", float(p)) for name, p in zip(CATEGORIES, np.diag(fit.next()), strict=True)]
    rows += [Row(f"{name} kept", kept) for name, kept in zip(CATEGORIES, fit.kept, strict=True)]
    return [*rows, Row("autocorrelation of valence", fit.valence)]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(FitTransitionsOptions, argv, PROGRAM)
    from rlgen import artifacts
    from rlgen.experiments.display.tables import show
    from rlgen.text.datasets.sources import LICENCES, spoken_emotions
    from rlgen.users.expression.transitions import FILE, KIND, fit, joint

    artifacts.check_target(options.out, KIND)
    sources: dict[str, Spoken] = dict(spoken_emotions(options.data))
    fitted = fit(sources)
    rows = measured(fitted, sources)
    manifest = artifacts.Manifest(
        name="transitions",
        kind=KIND,
        description="How far a turn sounds like the same speaker's turn before it: emotion labels of everyday talk.",
        command=recorded(PROGRAM, options),
        data=[f"{LICENCES[name]}: fitted numbers only, no text" for name in sources],
        quality={row.name: round(row.value, 4) for row in rows},
        settings={f"pairs of {name}": int(joint(spoken).sum()) for name, spoken in sources.items()},
    )
    artifacts.write(options.out, {FILE: (fitted.model_dump_json() + "\n").encode()}, manifest)
    show("transitions", rows, options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
