"""The bank of things that people say, composed: finite, labelled, the same for everybody.

Every topic has, for sadness, anger and fear at three levels of intensity, in each phase and at each
disclosure several utterances; neutral, happiness and surprise belong to people who recover and begin
after the opening. Openings may name a *situation* ("the statistics exam on Friday"). What people in crisis say
(`banks/crisis.yaml`) has a topic of its own. Turns of a few words and of many (`length`) are for people who want to
say little or much. What people say who hide a feeling is in `masked`. `python -m recipes.utterances --out DIR` writes
all four into the artifact that `rlgen.text.utterances` reads.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from recipes.writing.length import at_length, brief, single
from recipes.writing.parts import bank
from recipes.writing.person import INTENSITY, Said, levels_of, phases_of, say
from rlgen.affect import CATEGORIES, NUM_CATEGORIES
from rlgen.text.plain import count_words
from rlgen.text.topics import DISTRESSED, SITUATIONS, topics
from rlgen.text.utterances import CLOSING, CRISIS, DISCLOSURES, EXPLORING, OPENING, PHASES, WORKING
from rlgen.types import UtteranceCatalogue

MAX_WORDS: Final = 34

# Utterances per cell that fit every situation; plain and open openings have one per situation besides.
_PER_PHASE: Final = (1, 2, 2, 2)
_PER_BRIGHT_CELL: Final = 1
_TRIES: Final = 60

# Words of long turns, each made so often for distress and for its absence, and while taking leave.
_LONG: Final = (30, 39, 50, 62, 76)
_LONG_PER_CELL: Final = {"distress": (2, 2, 2, 1, 1), "calm": (2, 2, 1, 1, 1), "leave": (1, 1, 1, 1, 0)}
_BRIEF: Final = 10  # turns of a few words in each cell of topic, category and phase
_SINGLE: Final = 8  # turns of one clause, likewise
_GUARDED, _OPEN = 0, 2


@dataclass
class _Row:
    said: Said
    labels: tuple[int, int, int, int, int]


def _cell_rows(topic: int, category: int, level: int, phase: int, disclosure: int, seen: set[str]) -> list[_Row]:
    rng = random.Random(f"utterances/{topics()[topic].name}/{category}/{level}/{phase}/{disclosure}")
    labels = (topic, category, level, phase, disclosure)
    distressed = CATEGORIES[category] in DISTRESSED
    wanted = [-1] * (_PER_PHASE[phase] if distressed else _PER_BRIGHT_CELL)
    if phase == OPENING:
        wanted += range(SITUATIONS) if disclosure > 0 else [-1]
    rows = []
    for situation in wanted:
        slots = topics()[topic].situation(max(situation, 0))
        general = situation < 0
        for _ in range(_TRIES):
            said = say(rng, topic, category, level, phase, disclosure, slots, general)
            if said.text not in seen and count_words(said.text) <= MAX_WORDS and said.specific != general:
                seen.add(said.text)
                rows.append(_Row(said, labels))
                break
    return rows


@lru_cache(maxsize=1)
def general() -> UtteranceCatalogue:
    """What people say whose words are not hidden, the same rows in the same order in every process."""
    seen: set[str] = set()
    rows: list[_Row] = []
    for topic in range(len(topics())):
        for category in range(NUM_CATEGORIES):
            for level in range(levels_of(category)):
                for phase in phases_of(category):
                    for disclosure in range(len(DISCLOSURES)):
                        rows += _cell_rows(topic, category, level, phase, disclosure, seen)
    return catalogue([row.said.text for row in rows], [row.labels for row in rows])


@lru_cache(maxsize=1)
def lengths() -> UtteranceCatalogue:
    """Turns of a few words and of one clause, which may stand in several cells, and long ones."""
    texts: list[str] = []
    labels: list[tuple[int, ...]] = []
    long: set[str] = set()
    for topic in range(len(topics())):
        for category in range(NUM_CATEGORIES):
            if CATEGORIES[category] == "surprise":  # nobody tells at length how surprised they are
                continue
            for phase in (EXPLORING, WORKING, CLOSING):
                few = [*_few_words(topic, category, phase), *_one_clause(topic, category, phase)]
                texts += few
                labels += [(topic, category, min(1, levels_of(category) - 1), phase, _GUARDED)] * len(few)
                for text, level in _long_turns(topic, category, phase):
                    if text not in long:
                        long.add(text)
                        texts.append(text)
                        labels.append((topic, category, level, phase, _OPEN))
    return catalogue(texts, labels)


def _few_words(topic: int, category: int, phase: int) -> list[str]:
    """Some of the turns of a few words that fit, of every length."""
    rng = random.Random(f"brief/{topics()[topic].name}/{category}/{phase}")
    fitting = sorted(brief(category, phase), key=lambda text: (count_words(text), rng.random()))
    step = max(len(fitting) / _BRIEF, 1.0)
    return [fitting[int(i * step)] for i in range(min(_BRIEF, len(fitting)))]


def _one_clause(topic: int, category: int, phase: int) -> list[str]:
    """Turns of one clause."""
    rng = random.Random(f"single/{topics()[topic].name}/{category}/{phase}")
    return single(rng, topic, category, phase, _SINGLE)


def _long_turns(topic: int, category: int, phase: int) -> list[tuple[str, int]]:
    """Long turns of a topic and category, with their levels: the levels come in turn."""
    rng = random.Random(f"length/{topics()[topic].name}/{category}/{phase}")
    kind = "distress" if CATEGORIES[category] in DISTRESSED else "calm"
    found: list[tuple[str, int]] = []
    wanted = zip(_LONG, _LONG_PER_CELL["leave" if phase == CLOSING else kind], strict=True)
    for number, words in enumerate(words for words, count in wanted for _ in range(count)):
        level = number % levels_of(category)
        said = at_length(rng, topic, category, level, phase, words, number % SITUATIONS)
        if said is not None:
            found.append((said.text, level))
    return found


def catalogue(texts: list[str], labels: Sequence[tuple[int, ...]]) -> UtteranceCatalogue:
    """Texts with topic, category, level, phase and disclosure."""
    of = np.array(labels, dtype=np.int64)
    return UtteranceCatalogue(
        text=texts,
        topic=of[:, 0],
        topics=tuple(topic.name for topic in topics()),
        category=of[:, 1],
        intensity=np.asarray(INTENSITY, dtype=np.float32)[of[:, 2]],
        phase=of[:, 3],
        disclosure=of[:, 4],
    )


def crisis() -> UtteranceCatalogue:
    """What people in crisis say, under the topic `CRISIS`, which comes after all others."""
    texts: list[str] = []
    labels: list[tuple[int, ...]] = []
    for name, phases in bank(CRISIS).items():
        level = len(INTENSITY) - 1 if name in DISTRESSED else 0
        for phase, disclosures in phases.items():
            for disclosure, lines in disclosures.items():
                label = (CATEGORIES.index(name), level, PHASES.index(phase), DISCLOSURES.index(disclosure))
                texts += lines
                labels += [(len(topics()), *label)] * len(lines)
    return replace(catalogue(texts, labels), topics=(*(topic.name for topic in topics()), CRISIS))
