"""Confusion matrices: counts by hand, precision and recall, the Ekman level against the data set's own mapping."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readers.__main__ import draw, main
from benchmarks.readers.confusion import (
    EKMAN,
    EKMAN_OF,
    Confusion,
    as_rows,
    confuse,
    ekman_test,
    f1,
    precision,
    recall,
)
from recipes.readers import sources
from rlgen.affect import CATEGORIES
from rlgen.errors import DataError

TRUE, FOUND = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 1])


def test_counts_by_hand() -> None:
    counts = confuse(TRUE, FOUND, 3, 2)
    np.testing.assert_array_equal(counts, [[2, 1], [0, 1], [1, 1]])
    np.testing.assert_allclose(precision(counts), [2 / 3, 1 / 3])
    np.testing.assert_allclose(recall(counts), [2 / 3, 1, 0])
    np.testing.assert_allclose(f1(counts), [2 / 3, 1 / 2, 0])


def test_what_never_occurs_has_no_recall_and_what_is_never_found_no_precision() -> None:
    counts = confuse(np.array([0, 0]), np.array([0, 0]), 2, 2)
    assert np.isnan(precision(counts)[1])
    assert np.isnan(recall(counts)[1])
    np.testing.assert_array_equal(f1(counts), [1, 0])


def test_the_matrix_is_drawn_and_listed(tmp_path: Path) -> None:
    counts = confuse(TRUE, FOUND, 3, 2)
    found = Confusion("readers", "letters", ("a", "b", "c"), ("a", "b"), counts, counts * 2)
    draw([found], tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
    cells = {(row["true"], row["found"]): row for row in as_rows(found)}
    assert len(cells) == 6
    assert cells["a", "b"]["texts"] == 1
    assert cells["a", "b"]["tf_idf"] == 2


def test_a_file_in_the_place_of_the_folder_ends_the_bench_before_it_reads(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match=r"taken: cannot be made"):
        main(["--data", str(tmp_path), "--out", str(tmp_path / "taken")])


def write(folder: Path, rows: str) -> Path:
    (folder / "goemotions").mkdir()
    (folder / "goemotions/emotions.txt").write_text("anger\ndisgust\nconfusion\nneutral\n")
    (folder / "goemotions/test.tsv").write_text(rows)
    return folder


def test_texts_of_one_class_are_taken(tmp_path: Path) -> None:
    data = write(tmp_path, "Ugh [NAME]\t1\tx1\nWhat?\t2\tx2\nBoth\t0,1\tx3\nFine\t3\tx4\n")
    texts, classes = ekman_test(data)
    assert texts == ["Ugh they", "What?", "Fine"]
    assert [EKMAN[i] for i in classes] == ["disgust", "surprise", "neutral"]


@pytest.mark.parametrize("labels", ["9", "x", ""])
def test_an_unknown_emotion_is_named_by_row(tmp_path: Path, labels: str) -> None:
    with pytest.raises(DataError, match=r"test\.tsv: row 2 names no known emotion"):
        ekman_test(write(tmp_path, f"Fine\t3\tx1\nBad\t{labels}\tx2\n"))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        ekman_test(tmp_path)


def test_the_ekman_level_is_that_of_the_data_set() -> None:
    data = Path(os.environ.get("RLGEN_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
    mapping = data / "goemotions/ekman_mapping.json"
    if not mapping.is_file():
        pytest.skip("no data sets: set RLGEN_DATA to a folder with goemotions")
    named = {"joy": "happiness"}
    official = {e: named.get(of, of) for of, emotions in json.loads(mapping.read_text()).items() for e in emotions}
    assert {e: EKMAN[i] for e, i in EKMAN_OF.items()} == {**official, "neutral": "neutral"}
    assert EKMAN[: len(CATEGORIES)] == CATEGORIES
    assert set(EKMAN_OF) == {*sources.EMOTIONS, "disgust"}
