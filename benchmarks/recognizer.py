"""`python -m benchmarks.recognizer`: accuracy of a recognizer by set of modalities, on people it never saw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.commands.fit_recognizer import rows
from rlgen.experiments.display.tables import show
from rlgen.experiments.options import TableOptions, parse


class BenchRecognizer(TableOptions):
    """Measure a recognizer by set of modalities, on people whom it never saw."""

    bank: str = Field("shipped:signal_bank", description="folder of a bank, or shipped:signal_bank")
    recognizer: str = Field("shipped:recognizer", description="folder of a recognizer, or shipped:recognizer")
    path: Path | None = Field(
        None, description="RAVDESS folder: compare with the published models' answers to the same clips"
    )


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    options = parse(BenchRecognizer, argv, "python -m benchmarks.recognizer")
    from rlgen.perception import ravdess
    from rlgen.perception.bank import SignalBank
    from rlgen.perception.recognizer import EmotionRecognizer
    from rlgen.perception.table import EstimateTable

    bank = SignalBank.load(options.bank)
    recognizer = EmotionRecognizer.load(options.recognizer)
    published = None if options.path is None else ravdess.published(options.path, bank)
    table = EstimateTable.build(recognizer, bank)
    show(f"recognizer on {bank.cohort}", rows(table, bank, published), options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.recognizer", main, sys.argv[1:]))
