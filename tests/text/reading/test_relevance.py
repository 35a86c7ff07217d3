"""Relevance: planted weights give the values worked out by hand; rows do not depend on each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.readers.relevance import CONTRASTS, Exchange, contrasted, encoded, fit
from rlgen.text.reading.relevance import (
    FEATURES,
    IDF_BUCKETS,
    WIDTHS,
    Heard,
    Relevance,
    remembered,
    shared_words,
    word_buckets,
)

DIM = 8


def zeros() -> Relevance:
    """Networks of zeros."""
    hidden, size = WIDTHS
    shapes: dict[str, tuple[int, ...]] = {
        "said.0": (hidden, 2 * DIM), "said.0_bias": (hidden,), "said.1": (size, hidden), "said.1_bias": (size,),
        "reply.0": (hidden, DIM), "reply.0_bias": (hidden,), "reply.1": (size, hidden), "reply.1_bias": (size,),
        "usual": (size,), "idf": (IDF_BUCKETS,), "head": (len(FEATURES),), "head_bias": (1,),
    }  # fmt: skip
    return Relevance({f"relevance.{name}": np.zeros(shape, dtype=np.float16) for name, shape in shapes.items()})


def planted(seed: int = 0) -> Relevance:
    """Random weights."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(0, 0.3, array.shape) for name, array in zeros().arrays().items()}
    return Relevance({**arrays, "relevance.idf": np.abs(arrays["relevance.idf"])})


def some(rows: int, seed: int = 1) -> tuple[list[str], np.ndarray, Heard]:
    rng = np.random.default_rng(seed)
    words = ["cat", "bus", "exam", "rain", "mother", "the", "why?", "is"]
    replies, said = ([" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(rows)] for _ in range(2))
    vectors = rng.normal(size=(3, rows, DIM)).astype(np.float32)
    return replies, vectors[0], Heard(said, vectors[1], vectors[2])


def test_networks_of_zeros_read_one_half() -> None:
    assert zeros().score(*some(5)).tolist() == [0.5] * 5


def test_the_features_are_those_of_the_formulas() -> None:
    model = planted()
    replies, embedding, heard = some(7)
    w = {name.removeprefix("relevance."): array.astype(np.float64) for name, array in model.arrays().items()}

    def tower(side: str, x: np.ndarray) -> np.ndarray:
        from scipy.special import erf

        inner = x @ w[f"{side}.0"].T + w[f"{side}.0_bias"]
        hidden = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        out = hidden @ w[f"{side}.1"].T + w[f"{side}.1_bias"]
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))

    asked = tower("said", np.concatenate([heard.embedding, heard.before], axis=1))
    alone = tower("said", np.concatenate([heard.embedding, 0 * heard.before], axis=1))
    fits = tower("reply", embedding)
    expected = np.stack(
        [
            (asked * fits).sum(1),
            (alone * fits).sum(1),
            (heard.embedding * embedding).sum(1),
            (heard.before * embedding).sum(1),
            fits @ w["usual"],
            np.linalg.norm(heard.before, axis=1),
            shared_words(replies, heard.said, model.idf),
            np.log1p([len(text.split()) for text in replies]),
            np.log1p([len(text.split()) for text in heard.said]),
            ["?" in text for text in heard.said],
        ],
        axis=1,
    )
    assert expected.shape[1] == len(FEATURES)
    np.testing.assert_allclose(model.features(replies, embedding, heard), expected, atol=5e-3)
    logit = model.features(replies, embedding, heard) @ w["head"] + w["head_bias"]
    np.testing.assert_allclose(model.score(replies, embedding, heard), 1 / (1 + np.exp(-logit)), atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(0, 80), chosen=st.lists(st.integers(0, 79), max_size=40))
def test_a_row_does_not_depend_on_its_neighbours(rows: int, chosen: list[int]) -> None:
    model = planted()
    replies, embedding, heard = some(rows)
    whole = model.score(replies, embedding, heard)
    assert whole.shape == (rows,)
    index = np.array([i for i in chosen if i < rows], dtype=np.int64)
    few = Heard([heard.said[i] for i in index], heard.embedding[index], heard.before[index])
    np.testing.assert_array_equal(model.score([replies[i] for i in index], embedding[index], few), whole[index])


def test_shared_words_weigh_by_rarity() -> None:
    idf = np.ones(IDF_BUCKETS, dtype=np.float32)
    idf[sorted(word_buckets("the"))] = 0.0
    assert shared_words(["The cat", "the", "", "dog"], ["a cat", "the", "x", ""], idf).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert shared_words(["cat dog"], ["dog"], idf).tolist() == [0.5]


def test_what_was_said_before_fades() -> None:
    one, two = np.eye(2, dtype=np.float32)
    before = remembered(np.zeros(2, dtype=np.float32), one)
    assert before.tolist() == [0.5, 0.0]
    assert remembered(before, two).tolist() == [0.25, 0.5]


def told(dialogues: int, turns: int = 4) -> list[Exchange]:
    """Dialogues about numbered things: replies repeat the number of the dialogue and of the turn."""
    return [
        Exchange(
            "esconv", d, f"topic {d % 3}", "sadness" if d % 2 else "fear", t == 1, f"said {d} {t}", f"reply {d} {t}",
            tuple(f"said {d} {i}" for i in range(t)),
        )
        for d in range(dialogues)
        for t in range(turns)
    ]  # fmt: skip


@pytest.mark.parametrize("how", [*CONTRASTS, "another dialogue"])
def test_contrasts_are_what_they_are_called(how: str) -> None:
    of = told(24)
    whose, which = contrasted(of, how, np.random.default_rng(0))  # type: ignore[arg-type]
    assert len(whose) == (24 if how == "another step" else 96)
    for i, j in zip(whose.tolist(), which.tolist(), strict=True):
        one, other = of[i], of[j]
        assert one.reply != other.reply
        assert (one.dialogue == other.dialogue) == (how == "same dialogue")
        if how == "another topic":
            assert one.topic != other.topic
        elif how not in ("same dialogue", "another dialogue"):
            assert one.topic == other.topic
        if how == "another feeling":
            assert one.feeling != other.feeling
        if how == "another step":
            assert one.step
            assert other.step


def test_another_dialogue_needs_no_labels() -> None:
    unlabelled = [replace(one, topic="", feeling="") for one in told(24)]
    rng = np.random.default_rng(0)
    assert len(contrasted(unlabelled, "another topic", rng)[0]) == 0
    assert len(contrasted(unlabelled, "another dialogue", rng)[0]) == 96


def test_what_can_be_heard_is_learned_and_what_cannot_is_not() -> None:
    """Replies whose vectors belong to their utterances' are told from others; of other vectors nothing is learned."""
    rng = np.random.default_rng(0)
    of = told(150)
    texts = {text: i for i, text in enumerate(dict.fromkeys(t for one in of for t in (one.said, one.reply)))}
    vectors = rng.normal(size=(len(texts), DIM)).astype(np.float32)
    turned = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0].astype(np.float32)
    belonging = vectors.copy()
    for one in of:
        belonging[texts[one.reply]] = vectors[texts[one.said]] @ turned
    aucs = []
    for of_texts in (belonging, vectors):
        on = encoded(of, lambda asked, of_texts=of_texts: of_texts[[texts[text] for text in asked]])
        model = fit(on, 0, steps=50)
        whose, which = contrasted(of, "another topic", rng)
        true = model.score(*on.pairs(whose, whose))
        other = model.score(*on.pairs(whose, which))
        aucs.append(float((true[:, None] > other).mean()))
    assert aucs[0] > 0.95
    assert aucs[0] > aucs[1] + 0.1
