"""The corpus that the generator learns from: dialogues composed from the phrase banks, without end.

A dialogue is up to sixteen turns of a person and the replies to them, each with everything that the
reply was asked to be. The dials of a reply are drawn independently of each other and of the person.
What people say has the lengths of the world: now and then a turn is a few words, one clause, a long
one, or a line that hides the feeling.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from recipes.writing.length import at_length, brief, single
from recipes.writing.masked import masks
from recipes.writing.person import INTENSITY, Said, levels_of, say
from recipes.writing.reply import STEPS, WEIGHTS, Answer, answer
from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS, SURPRISE
from rlgen.text.topics import SITUATIONS, topics
from rlgen.text.utterances import EXPLORING, OPENING, WORKING

Split = Literal["train", "held_out"]

MOST_TURNS: Final = 16
FEW_TURNS: Final = 4
_PHASE_SHARES: Final = (0.30, 0.60, 0.88, 1.0)  # cumulative: opening, exploring, working, closing
_DISTRESS: Final = (SADNESS, ANGER, FEAR)
_BRIGHT: Final = (NEUTRAL, HAPPINESS, SURPRISE)
_BRIGHT_SHARE: Final = (0.0, 0.08, 0.25, 0.55)  # by phase
_STAYS_BRIGHT: Final = 0.7  # chance that who felt better a turn ago still does
_PATIENCE: Final = 50  # dials that are tried before a supporter may use a phrase twice
_TRIES: Final = 5
# Chances that a turn after the opening is of a few words, one clause, long, or hides the feeling.
_BRIEF, _SINGLE, _LONG, _MASKED = 0.12, 0.08, 0.08, 0.06
_LONG_WORDS: Final = (30, 76)


@dataclass(frozen=True)
class Turn:
    """What a person said and what was answered.

    Attributes:
        said: the person's utterance.
        reply: what the supporter answers.
        category: the person's, index into `rlgen.affect.CATEGORIES`.
        intensity: the person's, in [0, 1].
        phase: 0 opening, 1 exploring, 2 working, 3 closing.
        warmth: of the reply, in {-1, -.5, 0, .5, 1}.
        directiveness: of the reply, in {-1, -.5, 0, .5, 1}.
        weight: emotional intensity of the reply, in {0, .5, 1}.
        strategy: what the reply does, see `recipes.writing.reply.Answer`.
        template: names of the patterns behind the reply.
        step: the next step that the person named, `""` if none.
    """

    said: str
    reply: str
    category: int
    intensity: float
    phase: int
    warmth: float
    directiveness: float
    weight: float
    strategy: str
    template: str
    step: str = ""


@dataclass(frozen=True)
class Exchange:
    """A dialogue up to a reply.

    Attributes:
        turns: oldest first.
        topic: index into `rlgen.text.topics.topics()`.
    """

    turns: tuple[Turn, ...]
    topic: int

    @property
    def last(self) -> Turn:
        """The turn whose reply ends the dialogue."""
        return self.turns[-1]

    @property
    def context(self) -> tuple[str, ...]:
        """What the last reply answers: person and supporter alternating, the person first and last."""
        earlier = (text for turn in self.turns[:-1] for text in (turn.said, turn.reply))
        return (*earlier, self.last.said)


def _below(rng: random.Random, count: int) -> int:
    return int(rng.random() * count)


def _exchange(rng: random.Random, held_out: bool, most: int) -> Exchange:
    topic = _below(rng, len(topics()))
    slots = {name: values[_below(rng, len(values))] for name, values in topics()[topic].slots.items()}
    where = rng.random()
    phase = sum(where >= share for share in _PHASE_SHARES[:-1])
    distress = _DISTRESS[_below(rng, 3)]
    count = 1 + _below(rng, most) if phase else 1 + (rng.random() < 0.15)
    level = _below(rng, 3)
    turns: list[Turn] = []
    used: frozenset[str] = frozenset()
    bright, before = False, None
    for number, now in enumerate(_phases(rng, phase, count)):
        bright = rng.random() < (_STAYS_BRIGHT if bright and now > OPENING else _BRIGHT_SHARE[now])
        category, strength = distress, min(2, level + (number < count - 1 and rng.random() < 0.5))
        if bright:
            category = _BRIGHT[_below(rng, 3)]
            strength = _below(rng, levels_of(category))
        for _ in range(_TRIES):  # nobody says the same twice where there is something else to say
            said = _said(rng, topic, category, strength, now, slots, before)
            if all(said.text != turn.said for turn in turns):
                break
        before = said
        (warmth, lead, weight), reply = _reply(rng, said, topic, category, now, held_out, used)
        used |= frozenset(reply.template.split("+"))
        turns.append(
            Turn(
                said=said.text,
                reply=reply.text,
                category=category,
                intensity=INTENSITY[strength],
                phase=now,
                warmth=STEPS[warmth],
                directiveness=STEPS[lead],
                weight=WEIGHTS[weight],
                strategy=reply.strategy,
                template=reply.template,
                step=said.step,
            )
        )
    return Exchange(tuple(turns), topic)


def _phases(rng: random.Random, last: int, count: int) -> list[int]:
    """Phases of a dialogue that ends in one: from the opening on where there is room, each a while."""
    begin = max(OPENING, last - count + 1)
    now, phases = begin, []
    for i in range(count):
        if i > 1:
            now = max(now, min(last, EXPLORING))
        if i:
            now = max(now, min(last, int(begin + (last - begin) * i / (count - 1) + rng.random() * 0.6)))
        phases.append(now)
    return phases


def _said(
    rng: random.Random,
    topic: int,
    category: int,
    strength: int,
    phase: int,
    slots: Mapping[str, str],
    before: Said | None,
) -> Said:
    """What the person says, now and then in another length or behind a mask; what they said before is still meant."""
    kind = rng.random()
    about, disclosure = topics()[topic], _below(rng, 3)
    if phase == OPENING or kind >= _BRIEF + _SINGLE + _LONG + _MASKED or category == SURPRISE:
        return say(rng, topic, category, strength, phase, disclosure, slots)
    if kind < _LONG:
        words = _LONG_WORDS[0] + _below(rng, _LONG_WORDS[1] - _LONG_WORDS[0])
        long = at_length(rng, topic, category, strength, phase, words, _below(rng, SITUATIONS))
        return long or say(rng, topic, category, strength, phase, disclosure, slots)
    texts: Sequence[str] = ()
    if kind < _LONG + _BRIEF:
        texts = brief(category, phase)
    elif kind < _LONG + _BRIEF + _SINGLE:
        texts = single(rng, topic, category, phase, 1)
    elif category in _DISTRESS and phase in (EXPLORING, WORKING):
        texts = _masked(topic, phase)
    if not texts:
        return say(rng, topic, category, strength, phase, disclosure, slots)
    text = texts[_below(rng, len(texts))]
    if before is not None:
        return replace(before, text=text, good=before.good if category in _BRIGHT else (), step="")
    return Said(text, (about.things[_below(rng, len(about.things))],), (), (), "", False)


@cache
def _masked(topic: int, phase: int) -> tuple[str, ...]:
    lines = masks()
    return tuple(lines.text[i] for i in ((lines.topic == topic) & (lines.phase == phase)).nonzero()[0].tolist())


def _reply(
    rng: random.Random, said: Said, topic: int, category: int, phase: int, held_out: bool, used: frozenset[str]
) -> tuple[tuple[int, int, int], Answer]:
    """Dials drawn at random, and a reply that follows them; the smaller split lacks a reply for a few dials."""
    tries = 0
    while True:
        dials = _below(rng, 5), _below(rng, 5), _below(rng, 3)
        avoid = used if tries < _PATIENCE else frozenset()
        reply = answer(rng, said, topic, category, phase, *dials, held_out, avoid)
        if reply is not None:
            return dials, reply
        tries += 1


def compose(seed: int, size: int, split: Split = "train", most: int = FEW_TURNS) -> Iterator[Exchange]:
    """Dialogues, the same for the same seed.

    Args:
        seed: of the choices.
        size: how many.
        split: `"train"`, or `"held_out"`: replies made of patterns that never occur in `"train"`.
        most: turns of a dialogue at most.
    """
    rng = random.Random(f"corpus/{split}/{seed}")
    for _ in range(size):
        yield _exchange(rng, split == "held_out", most)
