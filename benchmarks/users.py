"""`python -m benchmarks.users`: calibrated people beside human dialogues that took no part in fitting."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.fidelity.figures import measure, measure_fit, seen_by, show_users, unjudged
from rlgen.experiments.files.whole import writable_file
from rlgen.experiments.options import TableOptions, parse

if TYPE_CHECKING:
    from rlgen.users.calibrated.parameters import Parameters

SHIPPED: Final = "shipped:calibrated_users"
_SPLITS: Final = 3


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
    from rlgen.experiments.fidelity.corpus import read_corpus

    if options.parameters is not None and (options.parts or options.repeats):
        given = "parts" if options.parts else "repeats"
        raise ConfigError(f"{given} is of splits to refit on, and --parameters refits nothing; leave one of them out")
    if options.sensitivity is not None:
        writable_file(options.sensitivity)
    fitted = None if options.parameters is None else _read(options.parameters)
    corpus = read_corpus(options.data, options.readers)
    if fitted is None:
        rows = measure(corpus, options.parts or _SPLITS, options.repeats or _SPLITS, options.seed)
    else:
        seen = seen_by(corpus, _source(options.parameters or ""))
        rows = unjudged(measure_fit(corpus, fitted, options.seed), seen, len(corpus.dialogues))
    show_users(rows, options.as_json)
    if options.sensitivity is not None:  # last: should it fail, the figures are out
        from rlgen.experiments.fidelity.sensitivity import plot_share

        plot_share(fitted or _read(SHIPPED), corpus, options.sensitivity, options.seed)
    return 0


def _read(parameters: str) -> Parameters:
    from rlgen.users.calibrated.parameters import read_fit

    return read_fit(_source(parameters)).mean


def _source(parameters: str) -> str:
    return SHIPPED if parameters == "shipped" else parameters


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.users", main, sys.argv[1:]))
