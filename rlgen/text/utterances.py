"""The bank of things that people say: finite, labelled, the same for everybody.

Every topic has, for sadness, anger and fear at three levels of intensity, in each phase and at each
disclosure several utterances; neutral, happiness and surprise belong to people who recover and begin
after the opening. Openings may name a *situation* ("the statistics exam on Friday"). What people in crisis say
(`banks/crisis.yaml`) is apart: a topic of its own, only in the bank that `with_crisis` makes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from rlgen.affect import CATEGORIES, NUM_CATEGORIES
from rlgen.text.compose_parts import count_words
from rlgen.text.compose_person import DISCLOSURES, INTENSITY, OPENING, PHASES, Said, levels_of, phases_of, say
from rlgen.text.topics import DISTRESSED, SITUATIONS, bank, topics
from rlgen.types import UtteranceCatalogue

MAX_WORDS: Final = 34
CRISIS: Final = "crisis"  # name of the topic

# Utterances per cell that fit every situation; plain and open openings have one per situation besides.
_PER_PHASE: Final = (1, 2, 2, 2)
_PER_BRIGHT_CELL: Final = 1
_TRIES: Final = 60


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
def utterances() -> UtteranceCatalogue:
    """The bank, the same rows in the same order in every process."""
    seen: set[str] = set()
    rows: list[_Row] = []
    for topic in range(len(topics())):
        for category in range(NUM_CATEGORIES):
            for level in range(levels_of(category)):
                for phase in phases_of(category):
                    for disclosure in range(len(DISCLOSURES)):
                        rows += _cell_rows(topic, category, level, phase, disclosure, seen)
    labels = np.array([row.labels for row in rows], dtype=np.int64)
    return UtteranceCatalogue(
        text=[row.said.text for row in rows],
        topic=labels[:, 0],
        topics=tuple(topic.name for topic in topics()),
        category=labels[:, 1],
        intensity=np.asarray(INTENSITY, dtype=np.float32)[labels[:, 2]],
        phase=labels[:, 3],
        disclosure=labels[:, 4],
    )


@lru_cache(maxsize=1)
def with_crisis() -> UtteranceCatalogue:
    """The bank followed by what people in crisis say, under the topic `CRISIS`."""
    general = utterances()
    texts: list[str] = []
    labels: list[tuple[int, int, int]] = []
    intensity: list[float] = []
    for category, phases in bank(CRISIS).items():
        level = INTENSITY[-1] if category in DISTRESSED else INTENSITY[0]
        for phase, disclosures in phases.items():
            for disclosure, lines in disclosures.items():
                label = (CATEGORIES.index(category), PHASES.index(phase), DISCLOSURES.index(disclosure))
                texts += lines
                labels += [label] * len(lines)
                intensity += [level] * len(lines)
    of = np.array(labels, dtype=np.int64)
    return UtteranceCatalogue(
        text=[*general.text, *texts],
        topic=np.concatenate([general.topic, np.full(len(texts), len(general.topics))]),
        topics=(*general.topics, CRISIS),
        category=np.concatenate([general.category, of[:, 0]]),
        intensity=np.concatenate([general.intensity, np.array(intensity, dtype=np.float32)]),
        phase=np.concatenate([general.phase, of[:, 1]]),
        disclosure=np.concatenate([general.disclosure, of[:, 2]]),
    )
