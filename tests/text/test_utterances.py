"""The bank of utterances: complete, distinct, well-formed, and found by label."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from rlgen.affect import ANGER, CATEGORIES, FEAR, HAPPINESS, SADNESS
from rlgen.text.compose_parts import expand, is_plural, to_first_person
from rlgen.text.topics import DISTRESSED, SCENARIOS, SITUATIONS, topics
from rlgen.text.utterances import CANDIDATES, MAX_WORDS, UtteranceIndex, utterances


def test_every_cell_of_distress_has_its_own_utterances() -> None:
    everything = utterances()
    level = np.digitize(everything.intensity, [0.4, 0.7])
    for topic in range(len(everything.topics)):
        for category in (SADNESS, ANGER, FEAR):
            own = (everything.topic == topic) & (everything.category == category)
            cells = np.stack([level, everything.phase, everything.disclosure], axis=1)[own]
            counts = np.unique(cells, axis=0, return_counts=True)[1]
            assert len(counts) == 3 * 4 * 3
            assert counts.min() >= 2


def test_size_topics_and_scenarios() -> None:
    everything = utterances()
    assert 4000 <= len(everything) <= 8000
    assert everything.topics == tuple(topic.name for topic in topics())
    assert {topic.scenario for topic in topics()} == set(SCENARIOS)
    assert len(topics()) >= 16


def test_no_utterance_twice() -> None:
    texts = utterances().text
    assert len(set(texts)) == len(texts)


def test_lengths() -> None:
    words = np.array([len(text.split()) for text in utterances().text])
    assert words.max() <= MAX_WORDS
    assert np.mean((words >= 4) & (words <= 28)) > 0.85


def test_what_is_not_distress_comes_after_the_opening() -> None:
    everything = utterances()
    bright = ~np.isin(everything.category, [CATEGORIES.index(name) for name in DISTRESSED])
    assert everything.phase[bright].min() == 1
    assert set(everything.phase[~bright]) == {0, 1, 2, 3}


def test_the_bank_is_the_same_in_another_process() -> None:
    code = "import zlib, rlgen.text.utterances as u; print(zlib.crc32(repr(u.utterances().text).encode()))"
    found = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        found.add(done.stdout)
    assert len(found) == 1


def test_nearest_gives_the_cell_itself_first() -> None:
    index = UtteranceIndex()
    rng = np.random.default_rng(0)
    n = 500
    topic = rng.integers(len(index.catalogue.topics), size=n)
    category = rng.choice([SADNESS, ANGER, FEAR], size=n)
    intensity = rng.uniform(size=n)
    phase, disclosure = rng.integers(4, size=n), rng.integers(3, size=n)
    found = index.nearest(topic, category, intensity, phase, disclosure)
    assert found.rows.shape == (n, CANDIDATES)
    assert (found.count == CANDIDATES).all()
    assert (np.diff(found.distance, axis=1) >= 0).all()
    rows = index.draw(rng.uniform(size=n), found)
    got = index.catalogue
    assert (got.topic[rows] == topic).all()
    assert (got.category[rows] == category).all()
    assert (got.phase[rows] == phase).all()
    assert (got.disclosure[rows] == disclosure).all()
    assert (np.abs(got.intensity[rows] - intensity) <= 0.26).all()


def test_a_missing_cell_has_a_neighbour_of_the_same_topic() -> None:
    index = UtteranceIndex()
    found = index.nearest(3, HAPPINESS, 0.9, 0, 2)  # nobody is happy in the opening
    row = int(index.draw(np.array([0.5]), found)[0])
    assert index.catalogue.topic[row] == 3
    assert index.catalogue.category[row] == HAPPINESS
    assert index.catalogue.phase[row] == 1


def test_a_dialogue_never_repeats_and_keeps_to_its_situation() -> None:
    index = UtteranceIndex()
    rng = np.random.default_rng(1)
    n = 200
    topic = rng.integers(len(index.catalogue.topics), size=n)
    situation = rng.integers(SITUATIONS, size=n)
    used = np.full((n, 16), -1, dtype=np.int64)
    for turn in range(16):
        found = index.nearest(topic, SADNESS, 0.5, 0, 1)
        rows = index.draw(rng.uniform(size=n), found, used, situation)
        assert not (used == rows[:, None]).any()
        theirs = index.situation[rows]
        assert ((theirs < 0) | (theirs == situation)).all()
        used[:, turn] = rows


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    index = UtteranceIndex()
    together = index.draw(np.array([0.1, 0.7, 0.3]), index.nearest([1, 2, 3], FEAR, [0.2, 0.5, 0.9], 1, [0, 1, 2]))
    alone = [
        int(index.draw(np.array([u]), index.nearest(t, FEAR, i, 1, d))[0])
        for u, t, i, d in [(0.1, 1, 0.2, 0), (0.7, 2, 0.5, 1), (0.3, 3, 0.9, 2)]
    ]
    assert together.tolist() == alone


@pytest.mark.parametrize(
    ("noun_phrase", "plural"),
    [
        ("the past papers", True),
        ("your brother's opinions", True),
        ("the file nobody reads", False),
        ("your thesis", False),
        ("what your family wants", False),
        ("asking old colleagues", False),
        ("three more years", True),
        ("the friends who went quiet", True),
    ],
)
def test_number_of_noun_phrases(noun_phrase: str, plural: bool) -> None:
    assert is_plural(noun_phrase) is plural


def test_small_grammar() -> None:
    assert to_first_person("write to your tutor for yourself") == "write to my tutor for myself"
    assert expand("(a|b) x (c|d)") == ["a x c", "a x d", "b x c", "b x d"]


def test_steps_leave_time_and_subject_to_the_sentence_around_them() -> None:
    for topic in topics():
        for step in topic.steps:
            assert not re.search(r"\b(today|tonight|tomorrow)\b", step), step
            assert step[0].islower() or step.startswith("I "), step
