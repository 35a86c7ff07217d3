"""The bank of utterances: complete, distinct and well-formed."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from recipes.writing.parts import expand, is_plural, to_first_person
from recipes.writing.utterances import MAX_WORDS
from rlgen.affect import ANGER, CATEGORIES, FEAR, SADNESS
from rlgen.text.topics import DISTRESSED, SCENARIOS, topics
from rlgen.text.utterances import utterances


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
    code = "import zlib, recipes.writing.utterances as u; print(zlib.crc32(repr(u.general().text).encode()))"
    found = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        found.add(done.stdout)
    assert len(found) == 1


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
