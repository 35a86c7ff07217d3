"""What a supporter says: an acknowledgement and a move, each with its own phrases per tone and weight.

Three dials, set apart: *warmth* picks the register of both parts (cool, friendly, tender; half a step
mixes two neighbours), *weight* picks how much feeling the acknowledgement names, *directiveness* picks
the move: follow, invite, ask, suggest, direct.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from rlgen.affect import CATEGORIES
from rlgen.text.compose_parts import Pattern, compile_all, count_words, fill, is_plural, sentences
from rlgen.text.compose_person import CLOSING, PHASES, Said
from rlgen.text.topics import DISTRESSED, bank, topics

REGISTERS: Final = ("cool", "friendly", "tender")
WEIGHTS: Final = (0.0, 0.5, 1.0)
STEPS: Final = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of warmth and of directiveness
MOVES: Final = ("follow", "invite", "ask", "suggest", "direct")
MAX_WORDS: Final = 28
MIN_WORDS: Final = 8

_WEIGHT_NAMES: Final = ("plain", "some", "deep")
_HELD_OUT_IN: Final = 10  # one combination of patterns in ten is held out
_NAMES_IT: Final = 0.75  # share of acknowledgements that take up the person's words
_TRIES: Final = 200
_COMFORTABLE: Final = 21  # words; longer replies are taken at `_LONG_SHARE`
_LONG_SHARE: Final = 0.35
_TOPIC_QUESTIONS: Final = 0.4  # share of questions that only this topic has
_BRIGHTER: Final = -1

Cell = tuple[tuple[Pattern, ...], tuple[Pattern, ...]]  # patterns that take up the words, and the others


@dataclass(frozen=True)
class Answer:
    """A reply.

    Attributes:
        text: the words.
        strategy: `presence`, `restatement`, `reflection`, `affirmation`, `question`, `suggestion` or `direction`.
        template: ids of its two patterns, joined by `+`.
    """

    text: str
    strategy: str
    template: str


@dataclass(frozen=True)
class Bank:
    """The supporter's bank, compiled.

    Attributes:
        acknowledge: by (mood, weight name, register); mood is a distressed category, `brighter`,
            `relieved` or `letdown`.
        move: by (during or closing, move, register).
        question: by phase; under `_BRIGHTER` for people who are not distressed.
        ask: by topic.
    """

    acknowledge: Mapping[tuple[str, str, str], Cell]
    move: Mapping[tuple[str, str, str], Cell]
    question: Mapping[int, Cell]
    ask: Sequence[tuple[Pattern, ...]]


def _cell(prefix: str, lines: Sequence[str]) -> Cell:
    patterns = compile_all(prefix, lines)
    return tuple(p for p in patterns if "np" in p.needs), tuple(p for p in patterns if "np" not in p.needs)


@lru_cache(maxsize=1)
def supporter() -> Bank:
    """The supporter's bank."""
    raw: dict[str, Any] = bank("replies")
    end: dict[str, Any] = bank("replies_closing")
    acknowledge: dict[tuple[str, str, str], Cell] = {}
    for register in REGISTERS:
        plain = _cell(f"plain.{register}", raw["acknowledge"]["plain"][register])
        for mood in (*DISTRESSED, "brighter"):
            acknowledge[mood, "plain", register] = plain
            for weight in _WEIGHT_NAMES if mood == "brighter" else _WEIGHT_NAMES[1:]:
                lines = raw["acknowledge"][mood][weight][register]
                acknowledge[mood, weight, register] = _cell(f"{mood}.{weight}.{register}", lines)
        for mood in ("relieved", "letdown"):
            lines = end["acknowledge"][mood][register]
            acknowledge[mood, "plain", register] = _cell(f"{mood}.plain.{register}", lines)
        for weight in ("some", "deep"):
            acknowledge["relieved", weight, register] = acknowledge["brighter", weight, register]
            lines = end["acknowledge"][f"letdown_{weight}"][register]
            acknowledge["letdown", weight, register] = _cell(f"letdown.{weight}.{register}", lines)
    move = {
        (when, name, register): _cell(f"{when}.{name}.{register}", source["move"][name][register])
        for when, source in (("during", raw), ("closing", end))
        for name in MOVES
        for register in REGISTERS
    }
    question = {i: _cell(f"q.{PHASES[i]}", raw["question"][PHASES[i]]) for i in range(CLOSING)}
    question[_BRIGHTER] = _cell("q.brighter", raw["question"]["brighter"])
    ask = [compile_all(f"q.{topic.name}", topic.asks) for topic in topics()]
    return Bank(acknowledge, move, question, ask)


def _mood(category: int, phase: int) -> str:
    name = CATEGORIES[category]
    if phase == CLOSING:
        return "letdown" if name in DISTRESSED else "relieved"
    return name if name in DISTRESSED else "brighter"


def _registers(rng: random.Random, warmth: int) -> tuple[str, str]:
    """Registers of acknowledgement and move at a warmth of 0 to 4."""
    low, high = REGISTERS[warmth // 2], REGISTERS[(warmth + 1) // 2]
    return (low, high) if rng.random() < 0.5 else (high, low)


def _any(rng: random.Random, cell: Cell, names: bool) -> Pattern:
    patterns = cell[0 if names else 1] or cell[1 if names else 0]
    return patterns[int(rng.random() * len(patterns))]


def _strategy(move: str, weight: int, bright: bool) -> str:
    if move in ("follow", "invite"):
        if bright:
            return "affirmation"
        return "reflection" if weight else ("presence" if move == "follow" else "restatement")
    return {"ask": "question", "suggest": "suggestion", "direct": "direction"}[move]


def held_out(template: str) -> bool:
    """Whether a combination of patterns is kept away from training."""
    return zlib.crc32(template.encode()) % _HELD_OUT_IN == 0


def _named(rng: random.Random, said: Said, things: Sequence[str], weight: int, bright: bool) -> str:
    """What an acknowledgement takes up: a feeling needs something that it can hang on.

    `""` where a person who feels better has named nothing better: the old trouble is not good news.
    """
    if bright:
        return said.good[int(rng.random() * len(said.good))] if said.good else ""
    options: Sequence[str] = said.echoes
    if weight == len(WEIGHTS) - 1 or (weight and rng.random() < 0.5):
        options = said.heart or things
    return options[int(rng.random() * len(options))]


def answer(
    rng: random.Random,
    said: Said,
    topic: int,
    category: int,
    phase: int,
    warmth: int,
    directiveness: int,
    weight: int,
    split_held_out: bool = False,
    avoid: frozenset[str] = frozenset(),
) -> Answer | None:
    """One reply to an utterance; None where the split hardly has a combination of patterns for it.

    Args:
        rng: source of the choices.
        said: the utterance.
        topic: index into `topics()`.
        category: the person's, index into `CATEGORIES`.
        phase: index into `PHASES`.
        warmth: index into `STEPS`.
        directiveness: index into `STEPS`.
        weight: index into `WEIGHTS`.
        split_held_out: take held-out combinations only, else none of them.
        avoid: ids of patterns that this supporter has used in the dialogue.
    """
    phrases = supporter()
    about = topics()[topic]
    name = MOVES[directiveness]
    bright = CATEGORIES[category] not in DISTRESSED
    mood = _mood(category, phase)
    when = "closing" if phase == CLOSING else "during"
    named = _named(rng, said, about.things, weight, bright)
    for _ in range(_TRIES):
        first_register, second_register = _registers(rng, warmth)
        heads = phrases.acknowledge[mood, _WEIGHT_NAMES[weight], first_register]
        moves = phrases.move[when, name, second_register]
        head = _any(rng, heads, bool(named) and rng.random() < _NAMES_IT)
        asking = name == "ask" and when == "during"
        move = _any(rng, moves, not asking and "np" not in head.needs)
        template = f"{head.id}+{move.id}"
        if held_out(template) != split_held_out or head.id in avoid or move.id in avoid:
            continue
        if not named and "np" in head.needs:
            continue
        step = about.steps[int(rng.random() * len(about.steps))]
        if step == said.step:
            continue
        thing = about.things[int(rng.random() * len(about.things))]
        if "thing" in move.needs and "np" in head.needs:
            continue
        noun_phrase = named if "np" in head.needs else said.echoes[int(rng.random() * len(said.echoes))]
        plural = is_plural(noun_phrase)
        values = {"np": noun_phrase, "step": step, "thing": thing}
        if asking:
            if bright:
                question = _any(rng, phrases.question[_BRIGHTER], False)
            elif rng.random() < _TOPIC_QUESTIONS:
                question = phrases.ask[topic][int(rng.random() * len(phrases.ask[topic]))]
            else:
                question = _any(rng, phrases.question[phase], "np" not in head.needs)
            values["ask"] = fill(rng, question, values, plural)
        text = sentences(f"{fill(rng, head, values, plural)} {fill(rng, move, values, plural)}")
        words = count_words(text)
        if MIN_WORDS <= words <= MAX_WORDS and (words <= _COMFORTABLE or rng.random() < _LONG_SHARE):
            return Answer(text, _strategy(name, weight, bright), template)
    return None
