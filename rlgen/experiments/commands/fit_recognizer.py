"""`rlgen fit recognizer`: train the recognizer on a signal bank, and say how good it is on people it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import counted, note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import Options, parse, recorded

if TYPE_CHECKING:
    from rlgen.perception.bank import SignalBank
    from rlgen.perception.table import EstimateTable


# People on RAVDESS, eight emotions (Livingstone and Russo, PLOS ONE 13, 2018).
_PEOPLE = {"speech": 0.67, "face": 0.75, "speech+face": 0.80}


class FitRecognizer(Options):
    """Train the recognizer on a signal bank."""

    bank: str | None = Field(
        None,
        description="folder of a bank, trained on by folds that leave its actors out; "
        "without it, synthetic actors other than the shipped bank's",
    )
    out: Path = Field(Path("recognizer"), description="folder to write; an artifact there is replaced")
    folds: int = Field(5, ge=2, le=24, description="folds over the actors of --bank")
    actors: int = Field(40, ge=4, description="how many synthetic actors to train on, without --bank")
    epochs: int = Field(25, ge=1, description="passes over the clips")
    seed: int = Field(11, ge=0, le=2**32 - 1, description="of training and of the synthetic actors")


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
    """Train, measure, write."""
    options = parse(FitRecognizer, argv, "fit recognizer")
    from rlgen import artifacts
    from rlgen.artifacts import Manifest
    from rlgen.perception import bank as banks
    from rlgen.perception import evaluation, ravdess, recognizer, training
    from rlgen.perception.synthesis import prosody
    from rlgen.perception.table import EstimateTable

    artifacts.check_target(options.out, recognizer.KIND)
    if options.bank is None:
        if options.seed == banks.SHIPPED_SEED:
            raise ConfigError(f"fit recognizer: seed {options.seed} is that of the shipped bank's actors; take another")
        learned = banks.synthesise(
            options.seed, options.actors, lambda items: counted(items, "fit recognizer", "synthetic clips")
        )
        tested = banks.SignalBank.load("shipped:signal_bank")
        settings = training.Training(folds=1, epochs=options.epochs, seed=options.seed)
    else:
        learned = tested = banks.SignalBank.load(options.bank)
        settings = training.Training(folds=options.folds, epochs=options.epochs, seed=options.seed)
    fitted = training.fit(learned, settings, report=note)
    table = EstimateTable.build(fitted.recognizer(), tested)
    measured = evaluation.by_subset(table, tested)
    described = (
        f"Emotion recognizer. What it learned from: {learned.description} "
        f"Measured on {len(tested)} segments of people whom it never saw ({tested.cohort})."
    )
    from safetensors.numpy import save

    manifest = Manifest(
        name=options.out.name,
        kind=recognizer.KIND,
        description=described,
        command=recorded("fit recognizer", options),
        seeds=[options.seed],
        data=[ravdess.LICENCE if learned.kind == "ravdess" else prosody.LICENCE],
        quality={
            "majority_accuracy": round(evaluation.majority(tested), 4),
            **{subset: {name: round(value, 4) for name, value in row.items()} for subset, row in measured.items()},
        },
        settings=fitted.settings,
    )
    artifacts.write(options.out, {recognizer.WEIGHTS: save(fitted.weights)}, manifest)
    show("recognizer, held-out people", rows(table, tested), as_json=False)
    print(f"written: {options.out}")
    return 0
