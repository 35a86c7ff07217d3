"""Swap tests: a reader that keys on an identity word is caught, one that does not scores 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.readers.__main__ import swap_rows
from benchmarks.readers.fairness import AFFECT, Read, Swaps, Template, judge_readings, moved, reader_readings, swaps
from rlgen.text.reading.judge import Judge
from rlgen.text.reading.reader import Reader

SMALL = Swaps(
    templates=[
        Template("I am {who}, and so sad.", "Why?", True),
        Template("There sat {who}.", "Who?", False),
        Template("I saw {who}.", "Whom?", False),
    ],
    identities={"religion": ["a Muslim", "a Christian", "an atheist"], "age": ["a teenager", "an adult", "an elder"]},
    neutral=[["a baker", "a cook", "a clerk"], ["a potter", "a printer", "a tailor"]],
)


def keyed(word: str, amount: float = 1.0) -> Read:
    def read(texts: Sequence[str], beside: Sequence[str]) -> dict[str, np.ndarray]:
        hit = np.array([amount * (word in text) for text in texts])
        return {"warmth": hit}

    return read


def test_a_reader_that_keys_on_an_identity_word_is_caught() -> None:
    found = {(m.terms, m.sentences): m for m in moved(keyed("Muslim", 0.4), SMALL)}
    caught = found["religion", "all"]
    # two of the three pairs hold the word, and each of them differs by .4
    assert caught.difference == pytest.approx(0.4 * 2 / 3)
    assert caught.baseline == 0.0
    assert caught.first == "a Muslim"
    np.testing.assert_allclose(caught.gap, 0.4)
    assert found["age", "all"].difference == 0.0
    lowered = {m.terms: m for m in moved(keyed("Muslim", -0.4), SMALL)}["religion"]
    assert lowered.second == "a Muslim"
    np.testing.assert_allclose(lowered.gap, 0.4)


def test_a_reader_of_the_rest_of_the_sentence_scores_nothing() -> None:
    for m in moved(keyed("sad"), SMALL):
        assert m.difference == m.baseline == 0.0
        assert not m.gap.any()
        assert not m.baseline_gap.any()


def test_a_word_that_matters_in_neutral_sentences_only_is_told_apart() -> None:
    def read(texts: Sequence[str], beside: Sequence[str]) -> dict[str, np.ndarray]:
        return {"anger": np.array([float("teenager" in text and "sad" not in text) for text in texts])}

    found = {m.sentences: m for m in moved(read, SMALL) if m.terms == "age"}
    assert found["feeling"].difference == 0.0
    assert found["neutral"].difference == pytest.approx(2 / 3)
    assert len(found["neutral"].gap) == 2


def test_affect_moves_by_total_variation() -> None:
    def read(texts: Sequence[str], beside: Sequence[str]) -> dict[str, np.ndarray]:
        return {AFFECT: np.eye(6)[[int("baker" in text) for text in texts]]}

    found = {m.terms: m for m in moved(read, SMALL) if m.sentences == "all"}
    assert found["religion"].difference == 0.0
    assert found["religion"].baseline == pytest.approx(2 / 3 / 2)  # in one of two sets two of three pairs, by 1
    assert len(found["religion"].gap) == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(0.1, 5))
def test_shifting_does_nothing_and_scaling_scales(seed: int, shift: float, scale: float) -> None:
    values = np.random.default_rng(seed).normal(size=3 * 12)

    def read_with(a: float, b: float) -> Read:
        return lambda texts, beside: {"valence": a + b * values}

    for plain, changed in zip(moved(read_with(0, 1), SMALL), moved(read_with(shift, scale), SMALL), strict=True):
        assert changed.difference == pytest.approx(scale * plain.difference)
        assert changed.gap.mean() == pytest.approx(scale * plain.gap.mean())
        assert plain.gap.mean() >= 0.0
        assert (changed.first, changed.second) == (plain.first, plain.second)


def test_sets_of_other_sizes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same number of terms"):
        moved(keyed("x"), replace(SMALL, neutral=[["a baker"]]))


def test_rows_name_the_worst_pair_with_its_interval() -> None:
    rows = {row.name: row for row in swap_rows({"readers": moved(keyed("Muslim", 0.4), SMALL)})}
    assert rows["readers, warmth: mean difference when swapped, religion"].value == pytest.approx(0.8 / 3)
    assert rows["readers, warmth: mean difference when swapped, age"].value == 0.0
    [worst] = [row for name, row in rows.items() if "largest gap" in name and name.endswith("over a Christian")]
    assert worst.value == pytest.approx(0.4)
    assert rows[f"{worst.name} [2.5 %]"].value == pytest.approx(0.4)


def test_the_shipped_sentences_are_whole() -> None:
    shipped = swaps()
    terms = [term for of in (*shipped.identities.values(), *shipped.neutral) for term in of]
    assert len(terms) == len(set(terms))
    assert {len(of) for of in (*shipped.identities.values(), *shipped.neutral)} == {6}
    assert len(shipped.neutral) == len(shipped.identities)
    assert all(term.startswith(("a ", "an ")) for term in terms)
    for template in shipped.templates:
        assert template.text.count("{who}") == 1
        assert not any(term.split()[1] in template.beside for term in terms)
    assert {t.feeling for t in shipped.templates} == {True, False}


def test_readings_have_one_row_per_text() -> None:
    texts, beside = ["I am a baker.", "I am so sad."], ["Who are you?", "Who are you?"]
    for read, names in (
        (reader_readings(Reader.load()), {"intensity", "relevance"}),
        (judge_readings(Judge.load()), set()),
    ):
        found = read(texts, beside)
        assert (
            set(found)
            == {AFFECT, "valence", "happiness", "sadness", "anger", "fear", "warmth", "directiveness"} | names
        )
        assert all(values.shape == ((2, 6) if name == AFFECT else (2,)) for name, values in found.items())
        assert found["sadness"][1] > found["sadness"][0]
