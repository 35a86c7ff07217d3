"""Fitting: heads recover what generated data, sources are disjoint, figures are what they say."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from benchmarks.readers import confusion, figures
from recipes.readers import contrast_sets, linear, sources
from recipes.readers.__main__ import main
from recipes.readers.corruption import KINDS, Corruptor
from rlgen.errors import ArtifactError, DataError
from rlgen.text.reading import heads, lexical
from rlgen.text.reading.heads import Features, Head


@pytest.fixture(scope="module")
def data() -> Path:
    found = Path(os.environ.get("RLGEN_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
    if not (found / "epitome").is_dir():
        pytest.skip("no data sets: set RLGEN_DATA to a folder with goemotions, epitome, esconv ...")
    return found


def features(count: int, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    surface = rng.random((count, lexical.DIM)).astype(np.float32)
    return Features(vectors, surface, rng.integers(0, heads.BUCKETS, size=(count, 4)))


def test_ridge_recovers_a_linear_rule() -> None:
    x = features(2000)
    truth = x.embedding @ np.linspace(-2, 2, 384, dtype=np.float32) + 3 * x.surface[:, 2] - 1
    head = linear.ridge(x, truth.astype(np.float32), penalty=1e-3, surface_penalty=1e-3)
    np.testing.assert_allclose(head.scores(x)[:, 0], truth, atol=2e-3)


def test_logistic_finds_a_word_that_decides() -> None:
    x = features(400)
    x.bag[200:, 0] = 7
    target = (x.bag == 7).any(axis=1).astype(np.float32)[:, None]
    head = linear.logistic(x, linear.binary_cross_entropy(target), 1, penalty=1e-2, bag_penalty=1e-5)
    assert ((head.scores(x) > 0) == (target > 0.5)).mean() > 0.98


def test_levels_are_cumulative() -> None:
    np.testing.assert_array_equal(linear.level_targets(np.array([[0], [1], [2]])), [[0, 0], [1, 0], [1, 1]])


def test_heads_survive_storage() -> None:
    x = features(8)
    head = linear.ridge(x, np.arange(8, dtype=np.float32), penalty=1.0)
    again = Head.from_arrays(head.arrays("h"), "h")
    np.testing.assert_allclose(again.scores(x), head.scores(x), rtol=2e-3, atol=2e-3)


def test_figures_on_known_cases() -> None:
    assert figures.auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert figures.auc(np.zeros(4), np.array([False, False, True, True])) == 0.5
    rng = np.random.default_rng(0)
    low, high = rng.integers(0, 5, 200), rng.integers(1, 6, 200)
    u = scipy.stats.mannwhitneyu(high, low).statistic
    assert figures.auc(np.concatenate([low, high]), np.repeat([False, True], 200)) == pytest.approx(u / 200**2)
    assert figures.spearman(np.array([1, 2, 3]), np.array([10, 100, 1000])) == pytest.approx(1.0)
    assert confusion.f1(confusion.confuse(np.array([0, 1, 1]), np.array([0, 0, 1]), 2, 2)).mean() == pytest.approx(
        2 / 3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_corruptions_mark_what_they_touch(kind: str) -> None:
    texts = ["the bus was late again today", "my sister called me after work", "we sat by the river for hours"]
    corrupt = Corruptor(texts, seed=3)
    changed = 0
    for text in texts * 10:
        words, wrong, bad_end = corrupt(text.split(), kind, 0.4)
        assert len(words) == len(wrong)
        if words != text.split():
            changed += 1
            assert any(wrong) or bad_end or kind in ("glue", "mixed")
    assert changed > 15


def test_contrast_axes_are_independent_and_split() -> None:
    train, test = contrast_sets.labelled(), contrast_sets.labelled(held_out=True)
    assert not set(train.texts) & set(test.texts)
    both = ~np.isnan(train.on("warmth")) & ~np.isnan(train.on("directiveness"))
    assert abs(np.corrcoef(train.on("warmth")[both], train.on("directiveness")[both])[0, 1]) < 0.1


def test_parts_of_the_data_never_meet(data: Path) -> None:
    parts: tuple[sources.Part, ...] = ("people", "judge", "held-out")
    for load in (sources.goemotions, sources.epitome):
        texts = [{t for t in load(data, part).texts if len(t) > 60} for part in parts]  # type: ignore[operator]
        for i, one in enumerate(texts):
            for two in texts[i + 1 :]:
                assert len(one & two) <= 0.01 * len(one)
    ids = [{d["id"] for d in sources.esconv_dialogues(data, part)} for part in parts]
    assert not (ids[0] & ids[1])
    assert not (ids[0] & ids[2])
    assert not (ids[1] & ids[2])


def test_missing_data_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--data"):
        main(["--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_the_place_is_looked_at_first(tmp_path: Path) -> None:
    precious = tmp_path / "judge" / "data.txt"
    precious.parent.mkdir()
    precious.write_text("x")
    with pytest.raises(ArtifactError, match="holds files that are no artifact"):
        main(["--data", "none", "--out", str(tmp_path)])
    assert precious.read_text() == "x"
