"""`python -m benchmarks.users`: calibrated people beside human dialogues that took no part in fitting."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.display.pictures import save_png
from rlgen.experiments.display.tables import Row
from rlgen.experiments.fidelity import SEEN, effect_rows, measure, rows_of, show_users
from rlgen.experiments.files.whole import writable_file
from rlgen.experiments.options import TableOptions, parse

if TYPE_CHECKING:
    from rlgen.users.calibrated.parameters import Parameters
    from rlgen.users.fidelity.crossfit import Corpus

SHIPPED: Final = "shipped:calibrated_users"
_SPLITS: Final = 3
SHARES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # of successes, in the picture
_NO_SIGNS: Final[dict[str, Any]] = {"mean": {}, "deviation": {}, "weight": {}, "offset": (0.0,)}

HAND_SET: Final[dict[str, Any]] = {
    "ratings": {
        "cuts": (-3.0, -1.5, 0.0, 1.5),
        "spread": 1.0,
        "sharpness": 0.0,
        "unhelped": -2.0,
        "first": 0.0,
        "trend": 1.0,
        "curve": 0.0,
        "last": 0.5,
        "lapse": 0.05,
        "constant": (0.1, 0.1),
        "constant_value": ((0.0, 0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 0.0, 0.0, 0.0)),
        "readings": {
            "warmth": {"effect": 0.5, "mean": 0.0, "deviation": 0.2},
            "directiveness": {"effect": -0.3, "mean": 0.0, "deviation": 0.2},
            "relevance": {"effect": 0.5, "mean": 0.5, "deviation": 0.2},
            "repetition": {"effect": -0.5, "mean": 0.0, "deviation": 0.1},
        },
        "gap": (1.0, 0.0),
    },
    "endings": {
        "complete": (-4.0, -4.0, -4.0, -4.0, -4.0, -2.0, -2.0, -2.0, -1.0),
        "complete_mood": 0.5,
        "abandon": -4.0,
        "abandon_mood": -1.0,
        "abandon_turn": 0.0,
        "share": 0.8,
        "signs": _NO_SIGNS,
        "signs_with_goodbyes": _NO_SIGNS,
    },
    "relief": (
        {"base": 2.0, "slope": 0.5, "mood": -0.5, "spread": 1.0},
        {"base": 4.0, "slope": 0.5, "mood": -0.5, "spread": 1.0},
    ),
    "initial": ((0.0, 0.1, 0.3, 0.3, 0.3), (0.0, 0.1, 0.3, 0.3, 0.3)),
    "feelings": (1.0, 1.0, 1.0),
}
"""Constants that somebody found plausible, as simulators elsewhere have them: parameters of calibrated people."""


class BenchUsersOptions(TableOptions):
    """Score calibrated people on rated human dialogues that they were not fitted to, beside trivial models."""

    data: Path = Field(description="folder with esconv.jsonl and failed_esconv.jsonl, or one file of that layout")
    parameters: str | None = Field(
        default=None,
        description="score this fit on all dialogues: shipped, shipped:NAME or a folder; none refits on parts",
    )
    readers: str = Field(default="shipped:readers", description="who reads the replies: shipped:NAME or a folder")
    parts: int | None = Field(
        default=None, ge=2, le=20, description="parts of a split, by default 3; each is scored by a fit on the others"
    )
    repeats: int | None = Field(default=None, ge=1, le=100, description="seeded splits, by default 3")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of the splits and of simulated people")
    sensitivity: Path | None = Field(
        default=None, description="also plot how people change with the share of successes, to this PNG"
    )


def main(argv: Sequence[str]) -> int:
    """Score and print."""
    options = parse(BenchUsersOptions, argv, "python -m benchmarks.users")
    from rlgen.experiments.fidelity import read_corpus

    if options.parameters is not None and (options.parts or options.repeats):
        given = "parts" if options.parts else "repeats"
        raise ConfigError(f"{given} is of splits to refit on, and --parameters refits nothing; leave one of them out")
    if options.sensitivity is not None:
        writable_file(options.sensitivity)
    fitted = None if options.parameters is None else _read(options.parameters)
    corpus = read_corpus(options.data, options.readers)
    if fitted is None:
        rows = measure(corpus, options.parts or _SPLITS, options.repeats or _SPLITS, options.seed, _rivals())
    else:
        seen = seen_by(corpus, _source(options.parameters or ""))
        rows = unjudged(measure_fit(corpus, fitted, options.seed), seen, len(corpus.dialogues))
    show_users(rows, options.as_json, tuple(_rivals()))
    if options.sensitivity is not None:  # last: should it fail, the figures are out
        plot_share(fitted or _read(SHIPPED), corpus, options.sensitivity, options.seed)
    return 0


def measure_fit(corpus: Corpus, fitted: Parameters, seed: int) -> list[Row]:
    """Score one fit on all dialogues; baselines that learn do so from the same dialogues, to their advantage."""
    from rlgen.users.fidelity.crossfit import FITTED, Figures, predict_ratings, score, score_ratings

    figures, people = Figures(), {FITTED: fitted, **_rivals()}
    score(figures, people, corpus, corpus, seed)
    score_ratings(figures, [predict_ratings(people, corpus, corpus)])
    figures.drop("human")  # no two sets of people here
    return [*rows_of(figures, corpus, seed), *effect_rows(corpus, [fitted], seed)]


def seen_by(corpus: Corpus, source: str) -> int:
    """How many of the dialogues took part in a fit."""
    from rlgen.users.calibrated.parameters import seen_dialogues

    digests = seen_dialogues(source)
    return sum(d.digest in digests for d in corpus.dialogues)


def unjudged(rows: Sequence[Row], seen: int, dialogues: int) -> list[Row]:
    """The rows, after one that says how many dialogues the fit has seen; if any, figures have no targets to meet."""
    told = Row(SEEN, float(seen), "dialogues", baseline=float(dialogues), ratio=seen / dialogues)
    return [told, *(replace(row, target=None) if seen else row for row in rows)]


def plot_share(parameters: Parameters, corpus: Corpus, file: Path, seed: int) -> None:
    """Write a PNG of mean rating, exits, replies and relief over shares of successes.

    Raises:
        DataError: the picture cannot be written there.
    """
    from matplotlib.figure import Figure

    from rlgen.users.fidelity.talks import simulated_talks

    columns: dict[str, list[float]] = {"mean rating": [], "abandoned": [], "mean replies": [], "mean relief": []}
    for share in SHARES:
        talks = simulated_talks(parameters, share, corpus.readings_of_rated, seed, corpus.bank)
        columns["mean rating"].append(float(talks.value[talks.value >= 0].mean() + 1))
        columns["abandoned"].append(float(talks.abandoned.mean()))
        columns["mean replies"].append(float(talks.replies.mean()))
        columns["mean relief"].append(float(np.nanmean(talks.relief_points)))
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    units = ("points, 1-5", "share of people", "replies", "points of the survey")
    for axes, (name, values), unit in zip(figure.subplots(1, 4), columns.items(), units, strict=True):
        axes.plot(SHARES, values, marker="o", markersize=3)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("share of successes")
        axes.set_ylabel(unit)
    save_png(figure, file)


def _rivals() -> dict[str, Parameters]:
    from rlgen.users.calibrated.parameters import Parameters

    return {"hand-set": Parameters.model_validate(HAND_SET)}


def _read(parameters: str) -> Parameters:
    from rlgen.users.calibrated.parameters import read_fit

    return read_fit(_source(parameters)).mean


def _source(parameters: str) -> str:
    return SHIPPED if parameters == "shipped" else parameters


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.users", main, sys.argv[1:]))
