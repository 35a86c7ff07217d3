"""Turns that are shorter or longer than a person's usual two or three sentences, from `banks/person_length.yaml`.

A long turn is what `person.say` makes of a moment, with more of the same topic and feeling told before or
after it: details, thoughts, feelings of the same strength, and clauses that fit any topic.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from recipes.writing.parts import bank, capital, expand, sentences
from recipes.writing.person import LEVELS, Said, say, voice
from rlgen.affect import CATEGORIES
from rlgen.text.plain import count_words
from rlgen.text.topics import DISTRESSED, Phrase, fill_slots, topics
from rlgen.text.utterances import CLOSING, EXPLORING, WORKING

_ASKS: Final = ("what if", "who ", "why ", "how can", "whose ")
_JOINED: Final = 22  # words of two clauses that are joined at most
_NEAR: Final = 0.06  # how far, as a share, a turn may be from the number of words that it should have
_SHORTEST: Final = 5  # words of a turn of one clause
_TRIES: Final = 40
_OPEN: Final = 2  # the disclosure of long turns


@lru_cache(maxsize=1)
def _bank() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    raw: dict[str, Any] = bank("person_length")
    return {
        section: {name: tuple(text for line in lines for text in expand(line)) for name, lines in kinds.items()}
        for section, kinds in raw.items()
    }


def brief(category: int, phase: int) -> tuple[str, ...]:
    """Whole turns of one to eight words that fit a category in a phase after the opening."""
    kinds, name = _bank()["brief"], CATEGORIES[category]
    distressed = name in DISTRESSED
    if phase == CLOSING:
        return kinds["discontent" if distressed else "content"]
    if not distressed:
        return kinds[name]
    # Half of them while one explores and the other half later, so that either way there are fresh ones left.
    return (*kinds[name], *kinds["talking"])[phase - EXPLORING :: WORKING - EXPLORING + 1]


def single(rng: random.Random, topic: int, category: int, phase: int, count: int) -> list[str]:
    """Turns of one clause of five words or more: of the topic, of the feeling, of neither; none while taking leave."""
    if phase == CLOSING:
        return []
    about, name, asides = topics()[topic], CATEGORIES[category], _bank()["asides"]
    slots = about.situation(0)
    if name in DISTRESSED:
        later = about.stuck if phase == WORKING else about.details
        pools = [_clauses(about.thoughts[name]), _clauses(later), asides[name], asides["any"]]
    else:
        pools = [_clauses(about.relief), asides["calm"]]
    found: list[str] = []
    for i in range(count):
        pool = pools[i % len(pools)]
        clause = fill_slots(pool[int(rng.random() * len(pool))], slots)
        text = f"{capital(clause)}{'?' if clause.startswith(_ASKS) else '.'}"
        if text not in found and count_words(text) >= _SHORTEST:
            found.append(text)
    return found


def at_length(
    rng: random.Random, topic: int, category: int, level: int, phase: int, words: int, situation: int
) -> Said | None:
    """A turn of about so many words, None where none was found.

    Args:
        rng: source of the choices.
        topic: index into `topics()`.
        category: index into `CATEGORIES`: distress, neutral or happiness.
        level: of intensity, below `levels_of(category)`.
        phase: after the opening.
        words: how many.
        situation: of the topic, for its slots.
    """
    about, slots, name = topics()[topic], topics()[topic].situation(situation), CATEGORIES[category]
    asides = _bank()["asides"]
    for _ in range(_TRIES):
        said = say(rng, topic, category, level, phase, _OPEN, slots)
        core = said.text
        if name in DISTRESSED:
            of_topic = [*about.details, *about.thoughts[name]]
            if phase == WORKING:
                of_topic += about.stuck
            general = [*asides[name], *asides["any"]]
        else:
            of_topic = list(about.relief)
            general = list(asides["calm"])
        own = [fill_slots(clause, slots) for clause in _clauses(of_topic)]
        feelings = list(voice().feel[name][LEVELS[level]])
        for pool in (own, general, feelings):
            rng.shuffle(pool)
        more = _more(core, words - count_words(core), own, general, feelings[:2])
        told = _tell(rng, more)
        # Leave is taken last; anything else is told first and enlarged upon.
        text = sentences(f"{told} {core}" if phase == CLOSING else f"{core} {told}").strip()
        if abs(count_words(text) - words) <= max(_NEAR * words, 2) and text.count("?") <= 2:
            return replace(said, text=text)
    return None


def _clauses(phrases: Sequence[Phrase]) -> tuple[str, ...]:
    return tuple(phrase.say for phrase in phrases)


def _more(core: str, missing: int, own: list[str], general: list[str], feelings: list[str]) -> list[str]:
    """Clauses that are not yet in a turn and make up for the missing words: of the topic and of none in turn."""
    said = core.lower()
    found: list[str] = []
    pools = (own, general, general, feelings, own, general)
    at = 0
    while missing > 3 and any(pools):
        pool = pools[at % len(pools)]
        at += 1
        while pool:
            clause = pool.pop()
            if clause.lower() not in said and count_words(clause) <= missing + 3 and not clause.startswith("huh"):
                found.append(clause)
                missing -= count_words(clause)
                break
    return found


def _tell(rng: random.Random, clauses: list[str]) -> str:
    """Clauses as sentences, now and then two in one."""
    out: list[str] = []
    at = 0
    while at < len(clauses):
        one, rest = clauses[at], clauses[at + 1 : at + 2]
        at += 1
        if one.startswith(_ASKS):
            out.append(f"{capital(one)}?")
            continue
        joins = rest and not rest[0].startswith(_ASKS) and count_words(one) + count_words(rest[0]) <= _JOINED
        if joins and " and " not in one and " but " not in one and rng.random() < 0.3:
            out.append(f"{capital(one)}, and {rest[0]}.")
            at += 1
        else:
            out.append(f"{'And ' + one if out and rng.random() < 0.12 else capital(one)}.")
    return " ".join(out)
