"""Distinctness and n-gram models beside values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.controls.ngrams import (
    Trigrams,
    byte_entropy,
    distinct,
    expectation_adjusted_distinct,
    tokens,
    top_phrase,
    unique,
)


def test_tokens_and_distinct():
    assert tokens("Don't go, Ana.") == ["don't", "go", ",", "ana", "."]
    texts = ["a b a b", "a b"]
    assert distinct(texts, 1) == 2 / 6
    assert distinct(texts, 2) == 2 / 4  # ab, ba of ab, ba, ab, ab
    assert unique(["x", "x", "y", "z"]) == 0.75
    assert top_phrase(["so it is now then", "I say so it is now", "no"]) == ("so it is now", 2 / 3)
    assert top_phrase(["no"]) == ("", 0.0)


def test_expectation_adjusted_distinct_of_a_uniform_speaker_is_one_at_any_length():
    rng = np.random.default_rng(0)
    for count in (300, 3_000, 30_000):
        text = " ".join(f"w{i}" for i in rng.integers(0, 1000, count))
        assert expectation_adjusted_distinct([text], 1000) == pytest.approx(1, abs=0.06)
    assert expectation_adjusted_distinct(["a a a a"], 2) == pytest.approx(1 / (2 * (1 - 0.5**4)))
    assert expectation_adjusted_distinct([], 10) == 0


def test_trigram_probabilities_by_hand():
    model = Trigrams.of(["a b", "a c"])
    # Tokens a, b, c, end follow 1, 1, 1, 2 different tokens; V = 4, with the unknown one 5.
    single = {"a": 1, "b": 1, "c": 1, "</s>": 2}
    low = {t: (n - 0.75 + 0.75 * 4 / 5) / 5 for t, n in single.items()}
    middle = (1 - 0.75 + 0.75 * 2 * low["b"]) / 2  # after "a": b and c
    high = (1 - 0.75 + 0.75 * 2 * middle) / 2  # after a start and "a"
    assert model.probability(("<s>", "a"), "b") == pytest.approx(high)
    assert model.probability(("x", "a"), "b") == pytest.approx(middle)
    assert model.probability(("x", "y"), "b") == pytest.approx(low["b"])
    nats, count = model.nats("A z")
    assert count == 3
    assert nats > model.nats("a b")[0]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(alphabet="abc ", min_size=1, max_size=12), min_size=1, max_size=6), st.text("abcx", max_size=2))
def test_trigram_probabilities_sum_to_one(texts, before):
    model = Trigrams.of(texts)
    context = tuple(["<s>", "<s>", *before][-2:])
    total = sum(model.probability(context, token) for token in (*model.vocabulary, "<unk>"))
    assert total == pytest.approx(1)


def test_word_order_matters_to_trigrams():
    texts = [f"we can talk about the {thing} again today" for thing in ("exam", "job", "house", "trip")]
    model = Trigrams.of(texts)
    assert model.perplexity(["we can talk about the job again today"]) < 3
    assert model.perplexity(["today again job the about talk can we"]) > 10


def test_byte_entropy():
    assert byte_entropy(["abababab"], 0) == pytest.approx(-(4 / 7 * np.log2(4 / 7) + 3 / 7 * np.log2(3 / 7)))
    assert byte_entropy(["abababab"], 1) == 0
    rng = np.random.default_rng(0)
    noise = "".join(chr(c) for c in rng.integers(33, 33 + 64, 20_000))
    assert byte_entropy([noise], 0) == pytest.approx(6, abs=0.02)
