"""`python -m benchmarks.recognizer`: accuracy of a recognizer by set of modalities, on people it never saw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import Field

from rlgen.affect import CATEGORIES
from rlgen.errors import DataError
from rlgen.experiments.cli import call
from rlgen.experiments.commands.fit_recognizer import rows
from rlgen.experiments.display.tables import show
from rlgen.experiments.options import TableOptions, parse
from rlgen.perception.bank import SignalBank


class BenchRecognizer(TableOptions):
    """Measure a recognizer by set of modalities, on people whom it never saw."""

    bank: str = Field("shipped:signal_bank", description="folder of a bank, or shipped:signal_bank")
    recognizer: str = Field("shipped:recognizer", description="folder of a recognizer, or shipped:recognizer")
    path: Path | None = Field(
        None, description="RAVDESS folder: compare with the published models' answers to the same clips"
    )


# Column of each emotion code 1-8 among the published speech logits.
_LOGIT_ORDER: Final = [[5, 2, 7, 6, 3, 1, 4, 8].index(code) for code in range(1, 9)]


def published_accuracies(root: Path, bank: SignalBank) -> dict[str, float]:
    """Accuracies of published models on the bank's own clips, in the six categories of the shared space.

    Their eight-class posteriors (Luna-Jimenez et al., Appl. Sci. 12, 2022; subject-wise folds, test
    clips) with calm added to neutral and disgust left out.

    Args:
        root: the data set's folder with the table of posteriors.
        bank: built from the recordings.

    Returns:
        `"speech"`: wav2vec 2.0, fine-tuned; `"face"`: a perceptron on the same clip averages;
        `"speech+face"`: their fusion.

    Raises:
        DataError: the bank is not of RAVDESS, or the table is missing or another one.
    """
    from rlgen.perception.ravdess import CATEGORY_OF_CODE, FACES

    path = root / FACES
    if bank.kind != "ravdess":
        raise DataError(f"a bank of kind {bank.kind} has no published figures; leave the folder out")
    try:
        with np.load(path, allow_pickle=False) as table:
            row = {str(name)[3:]: i for i, name in enumerate(table["name"])}
            index = np.array([row[Path(clip).stem[3:]] for clip in bank.clips])
            fold = table["fold"][index].astype(int)
            answers = {
                "speech": table["logits_wav2vec_ft"][fold, index][:, _LOGIT_ORDER],
                "face": table["post_au_mlp"][fold, index],
                "speech+face": table["post_fusion"][fold, index],
            }
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path}: not the table of published answers ({type(error).__name__}: {error})") from error
    merge = np.zeros((8, len(CATEGORIES)))
    for code, category in CATEGORY_OF_CODE.items():
        merge[code - 1, category] = 1.0
    found = {}
    for name, answer in answers.items():
        share = np.exp(answer - answer.max(axis=1, keepdims=True)) if name == "speech" else answer
        found[name] = float(((share @ merge).argmax(axis=1) == bank.catalogue.category).mean())
    return found


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    options = parse(BenchRecognizer, argv, "python -m benchmarks.recognizer")
    from rlgen.perception.recognizer import EmotionRecognizer
    from rlgen.perception.table import EstimateTable

    bank = SignalBank.load(options.bank)
    recognizer = EmotionRecognizer.load(options.recognizer)
    beside = None if options.path is None else published_accuracies(options.path, bank)
    table = EstimateTable.build(recognizer, bank)
    show(f"recognizer on {bank.cohort}", rows(table, bank, beside), options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.recognizer", main, sys.argv[1:]))
