"""Which emotion is taken for which: confusion matrices beside those of a plain peer."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recipes.readers.sources import EMOTIONS
from rlgen.affect import CATEGORIES, SURPRISE
from rlgen.errors import DataError

I64 = NDArray[np.int64]

EKMAN: Final = (*CATEGORIES, "disgust")
"""GoEmotions' Ekman level: the six categories and the one that no reader here can find."""

# The data set's own Ekman mapping, as the two differences from the six categories (see `sources.EMOTIONS`).
EKMAN_OF: Final[dict[str, int]] = {
    **{name: category for name, (category, _, _) in EMOTIONS.items()},
    **dict.fromkeys(("confusion", "curiosity", "realization"), SURPRISE),
    "disgust": EKMAN.index("disgust"),
}


@dataclass(frozen=True)
class Confusion:
    """Counts of texts by true and found category.

    Attributes:
        artifact: whose readings.
        labels: what the rows are, e.g. `"six categories"`.
        true: names of the R rows.
        found: names of the C columns, the first of the rows: a row without a column can only be missed.
        counts: `[R, C]`.
        peer: `[R, C]`, of TF-IDF with a linear model that was fitted on the same texts.
    """

    artifact: str
    labels: str
    true: tuple[str, ...]
    found: tuple[str, ...]
    counts: I64
    peer: I64


def confuse(true: NDArray[np.integer], found: NDArray[np.integer], rows: int, columns: int) -> I64:
    """Counts `[rows, columns]` of pairs of N true and N found classes."""
    return np.bincount(true * columns + found, minlength=rows * columns).reshape(rows, columns).astype(np.int64)


def _hits(counts: I64) -> NDArray[np.float64]:
    hits: NDArray[np.float64] = np.append(np.diag(counts), np.zeros(counts.shape[0] - min(counts.shape)))
    return hits


def precision(counts: I64) -> NDArray[np.float64]:
    """Share of what was found as a class that is of it, `[C]`; NaN where a class was never found."""
    return _divided(_hits(counts)[: counts.shape[1]], counts.sum(axis=0))


def recall(counts: I64) -> NDArray[np.float64]:
    """Share of a class that was found as it, `[R]`; NaN where there is none of it."""
    return _divided(_hits(counts), counts.sum(axis=1))


def f1(counts: I64) -> NDArray[np.float64]:
    """Harmonic mean of precision and recall, `[R]`; 0 for a class that cannot be found, or of which nothing is."""
    found = np.append(counts.sum(axis=0), np.zeros(counts.shape[0] - counts.shape[1]))
    scores: NDArray[np.float64] = 2 * _hits(counts) / np.maximum(found + counts.sum(axis=1), 1.0)
    return scores


def _divided(part: NDArray[np.float64], whole: I64) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return shares


def ekman_test(data: Path) -> tuple[list[str], I64]:
    """Texts of GoEmotions' official test split with one class at the Ekman level, and indices into `EKMAN`.

    Raises:
        DataError: the file is missing or a row names no known emotion.
    """
    path = data / "goemotions/test.tsv"
    texts, classes = [], []
    try:
        names = (data / "goemotions/emotions.txt").read_text(encoding="utf-8").split()
        with path.open(encoding="utf-8", newline="") as rows:
            for number, row in enumerate(csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
                try:
                    found = {EKMAN_OF[names[int(i)]] for i in row[1].split(",")}
                except (IndexError, ValueError, KeyError) as error:
                    raise DataError(f"{path}: row {number} names no known emotion; fetch the file again") from error
                if len(found) == 1:
                    # As in `sources.goemotions`: masks of the data set are no words.
                    texts.append(re.sub(r"\[(?:NAME|RELIGION)\]", "they", row[0]))
                    classes.append(found.pop())
    except OSError as error:
        raise DataError(f"{error.filename}: missing; --data must name a folder with the data sets") from error
    return texts, np.array(classes, dtype=np.int64)


def as_rows(found: Confusion) -> list[dict[str, Any]]:
    """Its cells for a CSV: true, found, the reader's count and the peer's."""
    return [
        {
            "artifact": found.artifact,
            "labels": found.labels,
            "true": row,
            "found": column,
            "texts": int(found.counts[i, j]),
            "tf_idf": int(found.peer[i, j]),
        }
        for i, row in enumerate(found.true)
        for j, column in enumerate(found.found)
    ]
