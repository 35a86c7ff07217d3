"""What people say who hide a feeling: complete, distinct, and silent about any feeling."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from recipes.writing.masked import PER_CELL, masks
from recipes.writing.parts import bank
from recipes.writing.utterances import MAX_WORDS
from rlgen.affect import NEUTRAL
from rlgen.governance import GuardConfig, OutputGuard
from rlgen.text.reading.repetition import clauses
from rlgen.text.topics import topics
from rlgen.text.utterances import EXPLORING, WORKING, of_all_lengths, utterances, with_masks

# Words for feelings, and words with which people say that they feel better or worse. Written for this test: the bank
# does not know it.
_FEELING = re.compile(
    r"\b(sad\w*|unhapp\w*|happ(?:y|i\w+)|glad|joy\w*|cr(?:y|ied|ying)|tear\w*|lone\w*|alone|hope\w*|grie[fv]\w*|"
    r"miserable|heart\w*|depress\w*|disappoint\w*|ang(?:er|ry|rily)|furious|fury|mad|annoy\w*|irritat\w*|frustrat\w*|"
    r"fed up|hate\w*|rag(?:e|ing)|livid|unfair|resent\w*|fear\w*|afraid|scar(?:ed|y|es)|terrif\w*|panic\w*|anxi\w*|"
    r"worr(?:y|ied|ies)|nervous\w*|dread\w*|frighten\w*|uneasy|tense|stress\w*|guilt\w*|asham\w*|feel\w*|felt|"
    r"emotion\w*|mood|surpris\w*|"
    r"shock\w*|upset|hurt\w*|suffer\w*|miss(?:es|ed|ing)?|love\w*|enjoy\w*|proud|calm\w*|better|relie\w*|improv\w*|"
    r"recover\w*|fine|okay|all right|easier|lighter|settled|steadier|clearer|wors[et]|awful|terrible|unbearable)\b",
    re.IGNORECASE,
)
_SMELLS = re.compile(r"[<>{}|]|\s\s|\.\.|\b(\w+) \1\b|\b(?:your|yours|yourself)\b|[.?!] [a-z]|^[a-z]|[^.]$")


def test_every_cell_of_a_mask_has_lines_and_no_other_has() -> None:
    lines = masks()
    level = np.digitize(lines.intensity, [0.4, 0.7])
    cells = Counter(
        zip(lines.topic.tolist(), lines.phase.tolist(), lines.disclosure.tolist(), level.tolist(), strict=True)
    )
    assert set(cells) == {
        (topic, phase, disclosure, level)
        for topic in range(len(topics()))
        for phase in (EXPLORING, WORKING)
        for disclosure in (0, 1)
        for level in (1, 2)
    }
    assert set(cells.values()) == {PER_CELL}
    assert (lines.category == NEUTRAL).all()


def test_the_other_banks_keep_their_rows() -> None:
    everything, general, lines = with_masks(), utterances(), masks()
    assert everything.text == [*general.text, *lines.text]
    assert everything.topics == general.topics
    for name in ("topic", "category", "intensity", "phase", "disclosure"):
        own = getattr(everything, name)
        np.testing.assert_array_equal(own, np.concatenate([getattr(general, name), getattr(lines, name)]))
    assert not set(lines.text) & {*general.text, *of_all_lengths().text}


def test_no_line_twice_and_none_long() -> None:
    lines = masks()
    words = np.array([len(text.split()) for text in lines.text])
    assert len(set(lines.text)) == len(lines)
    assert words.min() >= 8
    assert words.max() <= MAX_WORDS
    assert np.mean(words <= 22) > 0.8


def test_nobody_who_hides_a_feeling_names_one_or_claims_to_have_lost_it() -> None:
    assert [text for text in masks().text if _FEELING.search(text)] == []


def test_well_formed() -> None:
    assert [text for text in masks().text if _SMELLS.search(text)] == []


def test_the_guard_hears_nothing_in_them() -> None:
    guard = OutputGuard(GuardConfig())
    assert [text for text in masks().text if guard.findings(text, "All right.")] == []


def test_few_clauses_are_shared_within_a_topic() -> None:
    lines = masks()
    for topic in range(len(topics())):
        own = [clauses(text) for text, of in zip(lines.text, lines.topic.tolist(), strict=True) if of == topic]
        counts = Counter(clause for found in own for clause in found)
        assert max(counts.values()) <= 6
        # Twelve turns without a clause said twice, taken greedily in the order of the bank.
        said: set[tuple[str, ...]] = set()
        turns = 0
        for found in own:
            if not found & said:
                said |= found
                turns += 1
        assert turns >= 12


@pytest.mark.parametrize("section", ["facts", "stands"])
def test_every_topic_has_its_own_facts(section: str) -> None:
    facts = bank("person_masked")[section]
    assert set(facts) == {topic.name for topic in topics()}
    for lines in facts.values():
        assert len(set(lines)) == len(lines) >= 4
        assert not [line for line in lines if _FEELING.search(line) or line.endswith(".")]


def test_the_lines_are_the_same_in_another_process() -> None:
    code = "import zlib, recipes.writing.masked as m; print(zlib.crc32(repr(m.masks().text).encode()))"
    found = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        found.add(done.stdout)
    assert len(found) == 1
