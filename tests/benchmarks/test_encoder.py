"""`python -m benchmarks.encoder` on vectors and readers that are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import encoder as bench_encoder
from benchmarks.encoder import speed
from recipes.encoder.faithful import TARGET, Probe, _spearman, answers, faithfulness, word_means
from recipes.writing.corpus import compose
from rlgen.affect import NUM_CATEGORIES
from rlgen.text.reading.judge import Judgement
from rlgen.types import CONTROL_RANGES, Reading, Replies

WORDS = ("late", "again", "why", "today", "alone", "tired")


class Encoder:
    """A unit vector of four dimensions for each text: where its letters fall; `turn` mirrors the first dimension."""

    dim, dtype = 4, "float32"

    def __init__(self, turn=1.0):
        self.turn = turn
        self.asked = []

    def encode(self, texts):
        self.asked.append(len(texts))
        vectors = np.stack([np.bincount([ord(c) % 4 for c in f"{text}."], minlength=4) for text in texts])
        vectors = vectors * np.array([self.turn, 1, 1, 1])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Reader:
    """Reads a text's warmth off the first dimension of its vector, and all else as a constant."""

    encoder = Encoder()

    def read(self, texts, asked, earlier):
        vectors = self.encoder.encode(texts)
        one, affect = np.ones(len(texts), dtype=np.float32), np.zeros((len(texts), 8), dtype=np.float32)
        affect[:, 0] = 1
        return Reading(affect, np.zeros((len(texts), 3)), vectors[:, 0], one, one, one, one, one, one), vectors


class Judge:
    def read_embedded(self, texts, embedding):
        zero = np.zeros((len(texts), NUM_CATEGORIES), dtype=np.float32)
        return Judgement(zero, embedding[:, 0] ** 3, embedding[:, 1])


PROBE = Probe("some", [f"{a} {b}" for a in WORDS for b in WORDS], [], np.zeros((0, 8), dtype=np.float32))


def rows_of(student):
    return {row.name: row for row in faithfulness(student, Encoder(), Reader(), Judge(), [PROBE])}


def test_a_student_that_is_its_teacher_loses_nothing():
    rows = rows_of(Encoder())
    told = [row for name, row in rows.items() if "constant vector" not in name]
    assert all(row.value == pytest.approx(1, abs=1e-6) and row.met for row in told)
    assert {row.target for row in told} == {TARGET}
    assert rows["some, constant vector: warmth"].value == 0.0
    assert rows["some, constant vector: cosine to the exact vector, replies"].value < 1
    assert rows["some: warmth"].baseline < 1  # word vectors lose the mean's length
    assert "some: relevance" not in rows  # these answer nobody


def test_a_student_that_turns_a_dimension_round_is_found_out():
    rows = rows_of(Encoder(turn=-1.0))
    assert rows["some: warmth"].value == pytest.approx(-1, abs=1e-6)
    assert rows["some: judge's warmth"].value == pytest.approx(-1, abs=1e-6)
    assert rows["some: judge's directiveness"].value == pytest.approx(1, abs=1e-6)
    exact = Encoder().encode(PROBE.replies)
    cosine = 1 - 2 * (exact[:, 0] ** 2).mean()
    assert rows["some: cosine to the exact vector, replies"].value == pytest.approx(cosine, abs=1e-6)


def test_rank_correlation_where_one_side_is_constant():
    rising, flat = np.arange(4.0), np.ones(4)
    assert _spearman(rising, rising**3) == pytest.approx(1)
    assert (_spearman(flat, flat), _spearman(flat, rising), _spearman(flat, flat * 2)) == (1.0, 0.0, 0.0)


def test_word_means_are_unit_means_of_words():
    encoder = Encoder()
    (found,) = word_means(encoder, ["late again late"])
    late, again = Encoder().encode(["late"])[0], Encoder().encode(["again"])[0]
    mean = (2 * late + again) / 3
    assert found == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert encoder.asked == [2]  # each word once
    assert np.linalg.norm(word_means(encoder, ["...", "why"]), axis=1) == pytest.approx(1)


def test_answers_are_asked_in_batches_over_the_whole_range_of_controls():
    seen = []

    def reply(context, estimate, controls, streams):
        rows = len(context.texts)
        seen.append((rows, controls))
        zero = np.zeros(rows, dtype=np.float32)
        texts = [f"{text[-1]} {seed}" for text, seed in zip(context.texts, streams.row.tolist(), strict=True)]
        return Replies(np.zeros((rows, 1), dtype=np.int64), texts, zero)

    exchanges = list(compose(1, 300, "held_out"))
    said = answers(SimpleNamespace(reply=reply), exchanges, 5)
    assert said == [f"{e.context[-1]} {i}" for i, e in enumerate(exchanges)]
    assert [rows for rows, _ in seen] == [128, 128, 44]
    for name, (low, high) in CONTROL_RANGES.items():
        values = np.concatenate([getattr(controls, name) for _, controls in seen])
        assert values.min() >= low
        assert values.max() <= high
        assert np.ptp(values) > 0.95 * (high - low)


def test_speed_is_the_median_of_calls_after_the_first(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(bench_encoder.time, "perf_counter", lambda: clock[0])

    class Timed(Encoder):
        def __init__(self, milliseconds):
            super().__init__()
            self.each = milliseconds / 1e3

        def encode(self, texts):
            slow = 100 if len(self.asked) in (0, 4) else 1  # the first call, and one that something held up
            clock[0] += self.each * len(texts) * slow
            self.asked.append(len(texts))
            return np.zeros((len(texts), 4))

    rows = speed(Timed(1.0), Timed(8.0), ["a", "b"])
    assert [row.value for row in rows] == pytest.approx([1.0, 64.0, 256.0])
    assert [row.ratio for row in rows] == pytest.approx([8.0] * 3)
