"""What people say who hide what they feel: matter-of-fact lines of their topic, labelled neutral.

The neutral utterances of the bank belong to people who feel better; somebody who masks a feeling claims nothing of
the kind. These lines, of `banks/person_masked.yaml`, hold no feeling and no recovery, so that only voice, face and
physiology tell. They fit moderate and strong feelings, said guardedly or plainly, while exploring and working: nobody
opens, takes leave or speaks openly in a mask. They are a part of the bank of their own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from recipes.writing.parts import Pattern, bank, compile_all, fill, is_plural, sentences, to_first_person
from recipes.writing.person import LEVELS
from recipes.writing.utterances import catalogue
from rlgen.affect import NEUTRAL
from rlgen.text.plain import count_words
from rlgen.text.topics import Topic, topics
from rlgen.text.utterances import DISCLOSURES, EXPLORING, PHASES, WORKING
from rlgen.types import UtteranceCatalogue

PER_CELL: Final = 8  # lines of a topic, phase, disclosure and level

_BANK: Final = "person_masked"
_MAX_WORDS: Final = 25  # exceeded only where a pattern and the shortest phrases are longer
_SHORT: Final = 6  # words that are kept for each phrase still to come
_PLACES: Final = ("thing", "fact", "also", "step", "stands")
_DECK: Final = {"also": "fact"}  # deck of a place that has another name
_LEVELS: Final = (LEVELS.index("mid"), LEVELS.index("high"))
_DISCLOSURES: Final = (DISCLOSURES.index("guarded"), DISCLOSURES.index("plain"))


class _Deck:
    """Phrases in random order, each again only after all others that fit."""

    def __init__(self, rng: random.Random, phrases: Sequence[str]) -> None:
        self._rng = rng
        self._phrases = tuple(phrases)
        self._left: list[str] = []

    def draw(self, words: int, but: str = "") -> str:
        """The next phrase of at most so many words, another one than `but`; the shortest if there is none."""
        for _ in range(2):
            fitting = [phrase for phrase in self._left if phrase != but and count_words(phrase) <= words]
            if fitting:
                self._left.remove(fitting[0])
                return fitting[0]
            self._left += self._rng.sample(self._phrases, len(self._phrases))
        return min((phrase for phrase in self._phrases if phrase != but), key=count_words)


@lru_cache(maxsize=1)
def _patterns() -> dict[tuple[int, int], tuple[Pattern, ...]]:
    """The patterns by phase and disclosure."""
    raw = bank(_BANK)["patterns"]
    return {
        (phase, disclosure): compile_all(
            f"masked.{PHASES[phase]}.{DISCLOSURES[disclosure]}", raw[PHASES[phase]][DISCLOSURES[disclosure]]
        )
        for phase in (EXPLORING, WORKING)
        for disclosure in _DISCLOSURES
    }


def _line(rng: random.Random, pattern: Pattern, decks: dict[str, _Deck]) -> str:
    """A line of the pattern; where it has several places, the later ones take phrases that leave it short."""
    values: dict[str, str] = {}
    room = _MAX_WORDS - len(" ".join(pattern.variants[0][::2]).split())
    places = sorted(pattern.needs, key=_PLACES.index)
    for number, place in enumerate(places):
        later = len(places) - 1 - number
        values[place] = decks[_DECK.get(place, place)].draw(room - _SHORT * later, but=values.get("fact", ""))
        room -= count_words(values[place])
    return sentences(fill(rng, pattern, values, is_plural(values.get("thing", ""))))


def _plain(phrases: Sequence[str]) -> list[str]:
    """A topic's phrases in the first person, but for those that say how one is."""
    telling = re.compile(r"\b(?:" + "|".join(bank(_BANK)["telling"]) + r")\b")
    return [to_first_person(phrase) for phrase in phrases if not telling.search(phrase)]


def _of_topic(topic: Topic) -> Iterator[tuple[str, int, int, int]]:
    """The lines of a topic with their levels, phases and disclosures: each pattern once."""
    rng = random.Random(f"masked/{topic.name}")
    phrases = {
        "fact": bank(_BANK)["facts"][topic.name],
        "stands": bank(_BANK)["stands"][topic.name],
        "step": _plain(topic.steps),
        "thing": _plain(topic.things),
    }
    decks = {place: _Deck(rng, found) for place, found in phrases.items()}
    for (phase, disclosure), patterns in _patterns().items():
        for number, pattern in enumerate(rng.sample(patterns, len(_LEVELS) * PER_CELL)):
            yield _line(rng, pattern, decks), _LEVELS[number % len(_LEVELS)], phase, disclosure


@lru_cache(maxsize=1)
def masks() -> UtteranceCatalogue:
    """What people say who hide a feeling, the same rows in the same order in every process."""
    texts: list[str] = []
    labels: list[tuple[int, ...]] = []
    for number, topic in enumerate(topics()):
        for text, level, phase, disclosure in _of_topic(topic):
            texts.append(text)
            labels.append((number, NEUTRAL, level, phase, disclosure))
    return catalogue(texts, labels)
