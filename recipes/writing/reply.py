"""What a supporter says: an acknowledgement and a move, each with its own phrases per tone and weight.

Three dials, set apart: *warmth* picks the register of both parts (cool, friendly, tender; half a step
mixes two neighbours), *weight* picks how much feeling the acknowledgement names, *directiveness* picks
the move: follow, invite, ask, suggest, direct.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from recipes.writing.parts import Pattern, bank, compile_all, fill, is_plural, sentences
from recipes.writing.person import Said
from rlgen.affect import CATEGORIES
from rlgen.text.plain import count_words
from rlgen.text.topics import DISTRESSED, topics
from rlgen.text.utterances import CLOSING, PHASES

REGISTERS: Final = ("cool", "friendly", "tender")
WEIGHTS: Final = (0.0, 0.5, 1.0)
STEPS: Final = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of warmth and of directiveness
MOVES: Final = ("follow", "invite", "ask", "suggest", "direct")
MAX_WORDS: Final = 28
MIN_WORDS: Final = 8

_WEIGHT_NAMES: Final = ("plain", "some", "deep")
# The eighth of every ten patterns of a cell is held out: every cell of eight has one, frequent or rare.
_HELD_OUT_IN: Final = 10
_HELD_OUT_RANK: Final = 7
# A speaker has favourite phrases. A pattern at the quantile q of its cell is drawn in proportion to
# `q ** -.5`, those of the first eighth equally often: flatter than the law of Zipf, which fits what one
# speaker repeats, because here every cell is spoken by all of them.
_FAVOURED: Final = 0.12
_STEEPNESS: Final = 0.5
_NAMES_IT: Final = 0.75  # share of acknowledgements that take up the person's words
_TRIES: Final = 200
_COMFORTABLE: Final = 21  # words; longer replies are taken at `_LONG_SHARE`
_LONG_SHARE: Final = 0.35
_TOPIC_QUESTIONS: Final = 0.4  # share of questions that only this topic has
_OWN_STEPS: Final = 0.6  # share of turns with a step of the person's own in which it is taken up
_BRIGHTER: Final = -1


@dataclass(frozen=True)
class Cell:
    """Patterns for one purpose, the favourites first.

    Attributes:
        patterns: all of them.
        drawers: by (takes up the person's words, is held out): patterns and their cumulative weights.
    """

    patterns: tuple[Pattern, ...]
    drawers: Mapping[tuple[bool, bool], tuple[tuple[Pattern, ...], tuple[float, ...]]]

    @classmethod
    def of(cls, prefix: str, lines: Sequence[str]) -> Cell:
        """Compile the lines of a bank; pattern i is named `prefix.i`."""
        patterns = compile_all(prefix, lines)
        sorted_in: dict[tuple[bool, bool], tuple[list[Pattern], list[float]]] = {}
        for rank, pattern in enumerate(patterns):
            kept, weights = sorted_in.setdefault(("np" in pattern.needs, is_held_out(pattern.id)), ([], []))
            kept.append(pattern)
            weights.append(min(1.0, _FAVOURED * len(patterns) / (rank + 0.5)) ** _STEEPNESS)
        drawers = {key: (tuple(kept), tuple(itertools.accumulate(w))) for key, (kept, w) in sorted_in.items()}
        return cls(patterns, drawers)

    def draw(self, rng: random.Random, names: bool, held_out: bool) -> Pattern | None:
        """A pattern that takes up the person's words or not, where the split has both kinds; None where it has none."""
        found = self.drawers.get((names, held_out)) or self.drawers.get((not names, held_out))
        if found is None:
            return None
        patterns, cumulative = found
        return patterns[bisect.bisect(cumulative, rng.random() * cumulative[-1])]


def is_held_out(pattern: str) -> bool:
    """Whether a pattern, by its name, is kept away from training."""
    return int(pattern.rpartition(".")[2]) % _HELD_OUT_IN == _HELD_OUT_RANK


@dataclass(frozen=True)
class Answer:
    """A reply.

    Attributes:
        text: the words.
        strategy: `presence`, `restatement`, `reflection`, `affirmation`, `question`, `suggestion` or `direction`.
        template: names of its patterns, joined by `+`: acknowledgement, move, and the question in it.
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
        own: what is done with the person's own step, by (move, register).
    """

    acknowledge: Mapping[tuple[str, str, str], Cell]
    move: Mapping[tuple[str, str, str], Cell]
    question: Mapping[int, Cell]
    ask: Sequence[Cell]
    own: Mapping[tuple[str, str], Cell]


@lru_cache(maxsize=1)
def supporter() -> Bank:
    """The supporter's bank."""
    take_up: dict[str, Any] = bank("acknowledgements")["acknowledge"]
    during: dict[str, Any] = bank("moves")
    end: dict[str, Any] = bank("replies_closing")
    acknowledge: dict[tuple[str, str, str], Cell] = {}
    for register in REGISTERS:
        plain = Cell.of(f"plain.{register}", take_up["plain"][register])
        for mood in (*DISTRESSED, "brighter"):
            acknowledge[mood, "plain", register] = plain
            for weight in _WEIGHT_NAMES if mood == "brighter" else _WEIGHT_NAMES[1:]:
                lines = take_up[mood][weight][register]
                acknowledge[mood, weight, register] = Cell.of(f"{mood}.{weight}.{register}", lines)
        for mood in ("relieved", "letdown"):
            lines = end["acknowledge"][mood][register]
            acknowledge[mood, "plain", register] = Cell.of(f"{mood}.plain.{register}", lines)
        for weight in ("some", "deep"):
            acknowledge["relieved", weight, register] = acknowledge["brighter", weight, register]
            lines = end["acknowledge"][f"letdown_{weight}"][register]
            acknowledge["letdown", weight, register] = Cell.of(f"letdown.{weight}.{register}", lines)
    move = {
        (when, name, register): Cell.of(f"{when}.{name}.{register}", source["move"][name][register])
        for when, source in (("during", during), ("closing", end))
        for name in MOVES
        for register in REGISTERS
    }
    question = {i: Cell.of(f"q.{PHASES[i]}", during["question"][PHASES[i]]) for i in range(CLOSING)}
    question[_BRIGHTER] = Cell.of("q.brighter", during["question"]["brighter"])
    ask = [Cell.of(f"q.{topic.name}", topic.asks) for topic in topics()]
    steps: dict[str, Any] = bank("own_steps")["move"]
    own = {
        (name, register): Cell.of(f"own.{name}.{register}", steps[name][register])
        for name in MOVES
        for register in REGISTERS
    }
    return Bank(acknowledge, move, question, ask, own)


@lru_cache(maxsize=1)
def _for_stuck() -> Mapping[int, Mapping[str, tuple[str, ...]]]:
    """Steps that fit what keeps a person stuck, by topic and the echo of what does."""
    fitting: dict[str, list[list[int]]] = bank("steps_for_stuck")
    return {
        i: {
            phrase.echo: tuple(about.steps[step] for step in steps)
            for phrase, steps in zip(about.stuck, fitting[about.name], strict=True)
        }
        for i, about in enumerate(topics())
    }


def _mood(category: int, phase: int) -> str:
    name = CATEGORIES[category]
    if phase == CLOSING:
        return "letdown" if name in DISTRESSED else "relieved"
    return name if name in DISTRESSED else "brighter"


def _registers(rng: random.Random, warmth: int) -> tuple[str, str]:
    """Registers of acknowledgement and move at a warmth of 0 to 4."""
    low, high = REGISTERS[warmth // 2], REGISTERS[(warmth + 1) // 2]
    return (low, high) if rng.random() < 0.5 else (high, low)


def _strategy(move: str, weight: int, bright: bool) -> str:
    if move in ("follow", "invite"):
        if bright:
            return "affirmation"
        return "reflection" if weight else ("presence" if move == "follow" else "restatement")
    return {"ask": "question", "suggest": "suggestion", "direct": "direction"}[move]


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
    held_out: bool = False,
    avoid: frozenset[str] = frozenset(),
) -> Answer | None:
    """One reply to an utterance; None where the split has no patterns for it.

    Args:
        rng: source of the choices.
        said: the utterance.
        topic: index into `topics()`.
        category: the person's, index into `CATEGORIES`.
        phase: index into `PHASES`.
        warmth: index into `STEPS`.
        directiveness: index into `STEPS`.
        weight: index into `WEIGHTS`.
        held_out: take held-out patterns only, else none of them.
        avoid: names of patterns that this supporter has used in the dialogue.
    """
    phrases = supporter()
    about = topics()[topic]
    name = MOVES[directiveness]
    bright = CATEGORIES[category] not in DISTRESSED
    mood = _mood(category, phase)
    when = "closing" if phase == CLOSING else "during"
    named = _named(rng, said, about.things, weight, bright)
    own = bool(said.step) and when == "during" and rng.random() < _OWN_STEPS
    asking = name == "ask" and when == "during" and not own
    steps = next((found for echo in said.echoes if (found := _for_stuck()[topic].get(echo))), about.steps)
    for _ in range(_TRIES):
        first_register, second_register = _registers(rng, warmth)
        heads = phrases.acknowledge[mood, _WEIGHT_NAMES[weight], first_register]
        head = heads.draw(rng, bool(named) and rng.random() < _NAMES_IT, held_out)
        if head is None or (not named and "np" in head.needs):
            continue
        taken_up = "np" in head.needs
        moves = phrases.own[name, second_register] if own else phrases.move[when, name, second_register]
        move = moves.draw(rng, not asking and not taken_up, held_out)
        if move is None or (taken_up and "thing" in move.needs):
            continue
        parts = [head, move]
        if asking:
            cell = phrases.question[_BRIGHTER if bright else phase]
            if not bright and rng.random() < _TOPIC_QUESTIONS:
                cell = phrases.ask[topic]
            question = cell.draw(rng, not bright and not taken_up, held_out)
            if question is None:
                continue
            parts.append(question)
        if any(part.id in avoid for part in parts):
            continue
        step = said.step if own else steps[int(rng.random() * len(steps))]
        if step == said.step and not own:
            continue
        thing = about.things[int(rng.random() * len(about.things))]
        noun_phrase = named if taken_up else said.echoes[int(rng.random() * len(said.echoes))]
        plural = is_plural(noun_phrase)
        values = {"np": noun_phrase, "step": step, "thing": thing}
        if asking:
            values["ask"] = fill(rng, parts[2], values, plural)
        text = sentences(f"{fill(rng, head, values, plural)} {fill(rng, move, values, plural)}")
        words = count_words(text)
        if MIN_WORDS <= words <= MAX_WORDS and (words <= _COMFORTABLE or rng.random() < _LONG_SHARE):
            return Answer(text, _strategy(name, weight, bright), "+".join(part.id for part in parts))
    return None
