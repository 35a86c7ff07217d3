"""`rlgen bench recognizer`: accuracy of a recognizer by set of modalities, on people it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse

if TYPE_CHECKING:
    from rlgen.perception.bank import SignalBank
    from rlgen.perception.table import EstimateTable

# People on RAVDESS, eight emotions (Livingstone and Russo, PLOS ONE 13, 2018).
_PEOPLE = {"speech": 0.67, "face": 0.75, "speech+face": 0.80}


class BenchRecognizer(TableOptions):
    """Measure a recognizer by set of modalities, on people whom it never saw."""

    bank: str = Field("shipped:signal_bank", description="folder of a bank, or shipped:signal_bank")
    recognizer: str = Field("shipped:recognizer", description="folder of a recognizer, or shipped:recognizer")
    path: Path | None = Field(
        None, description="RAVDESS folder: compare with the published models' answers to the same clips"
    )


def rows(table: EstimateTable, bank: SignalBank, published: dict[str, float] | None = None) -> list[Row]:
    """The figures of a table of estimates as rows; `published` are accuracies on the same clips by subset."""
    from rlgen.perception import evaluation

    majority = evaluation.majority(bank)
    found = [
        Row("guessing at random, accuracy", evaluation.CHANCE),
        Row("always the most frequent category, accuracy", majority),
    ]
    targets = published or (_PEOPLE if bank.kind == "ravdess" else {})
    for subset, score in evaluation.by_subset(table, bank).items():
        for name, value in score.items():
            baseline = {"accuracy": majority, "uar": evaluation.CHANCE}.get(name, 0.0 if "ccc" in name else None)
            found.append(
                Row(
                    f"{subset}, {name}",
                    value,
                    baseline=baseline,
                    ratio=value / baseline if baseline else None,
                    target=targets.get(subset) if name == "accuracy" else None,
                    better="lower" if name == "ece" else "higher",
                )
            )
    return found


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    options = parse(BenchRecognizer, argv, "bench recognizer")
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
