"""Distillation of the small encoder: a student that learns what it is shown."""

from __future__ import annotations

import numpy as np
import torch

from recipes.encoder import distil
from recipes.encoder.distil import stored
from rlgen.text.encoding.fast_encoder import FastEncoder, Net, Shape, piece_table
from rlgen.text.encoding.wordpieces import word_pieces

SMALL = Shape(width=64, layers=2, inner=96, head=64)
WORDS = ["the", "bus", "was", "late", "again", "and", "my", "sister", "did", "not", "call", "so", "we", "waited"]


def texts(count: int, longest: int = 45) -> list[str]:
    rng = np.random.default_rng(count)
    return [" ".join(rng.choice(WORDS, size=int(rng.integers(1, longest)))) for _ in range(count)]


def test_the_linear_student_solves_a_linear_world() -> None:
    """Oracle: where a text's vector is the mean of its pieces' vectors, ridge finds them."""
    rng = np.random.default_rng(0)
    bank = texts(3000, longest=20)
    lists = word_pieces().lists(bank)
    true = rng.normal(size=(30522, 384)).astype(np.float32)
    vectors = np.stack([true[ids[1:]].mean(axis=0) for ids in lists])
    project, frequent, more = distil.linear(lists, vectors)
    table = piece_table(stored(Net(SMALL), project, frequent, more))
    found = np.stack([table[torch.from_numpy(ids[1:]).long()].mean(dim=0).numpy() for ids in lists])
    cosine = (found * vectors).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(vectors, axis=1)
    assert cosine.min() > 0.97


def test_fitting_learns_what_a_bag_of_words_cannot_tell() -> None:
    """Texts that differ by their order alone have other vectors; a linear student gives them the same."""
    rng = np.random.default_rng(0)
    poles = rng.normal(size=(2, 384)).astype(np.float32)
    poles /= np.linalg.norm(poles, axis=1, keepdims=True)
    bank, vectors = [], []
    for _ in range(512):
        word = str(rng.choice(WORDS))
        order = int(rng.integers(2))
        bank.append(f"tea {word} coffee" if order else f"coffee {word} tea")
        vectors.append(poles[order])
    training = distil.Training(SMALL, passes=60, rate=2e-3)
    said: list[str] = []
    fitted = distil.fit(bank, np.stack(vectors), poles[:1], training, said.append)
    assert said
    student = FastEncoder(SMALL, fitted, "float32")
    first, second = student.encode(["tea bus coffee", "coffee bus tea"])
    assert first @ poles[1] > 0.9
    assert second @ poles[0] > 0.9
    few = distil.Training(SMALL, passes=2)
    once, again = (distil.fit(bank, np.stack(vectors), poles[:1], few, said.append) for _ in range(2))
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_odd_texts_are_reproducible_and_odd() -> None:
    bank = texts(20)
    found = distil.odd(bank, ["zebra", "quartz"], 200, seed=3)
    assert found == distil.odd(bank, ["zebra", "quartz"], 200, seed=3)
    assert found != distil.odd(bank, ["zebra", "quartz"], 200, seed=4)
    assert all(text.strip() for text in found)
    assert any("zebra" in text for text in found)


def test_the_vocabulary_has_whole_words_only() -> None:
    words = distil.vocabulary()
    assert len(words) > 20_000
    assert {"afraid", "exam"} <= set(words)
    assert not any("#" in word or "[" in word for word in words)
