"""The corpus that the generator learns from: dialogues composed from the phrase banks, without end.

A dialogue is one to four turns of a person and the replies to them, each with everything that the
reply was asked to be. The dials of a reply are drawn independently of each other and of the person.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from recipes.writing.person import INTENSITY, Said, levels_of, say
from recipes.writing.reply import STEPS, WEIGHTS, Answer, answer
from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS, SURPRISE
from rlgen.text.topics import topics
from rlgen.text.utterances import OPENING

Split = Literal["train", "held_out"]

MOST_TURNS: Final = 4
_PHASE_SHARES: Final = (0.30, 0.60, 0.88, 1.0)  # cumulative: opening, exploring, working, closing
_DISTRESS: Final = (SADNESS, ANGER, FEAR)
_BRIGHT: Final = (NEUTRAL, HAPPINESS, SURPRISE)
_BRIGHT_SHARE: Final = (0.0, 0.08, 0.25, 0.55)  # by phase
_PATIENCE: Final = 50  # dials that are tried before a supporter may use a phrase twice


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


@dataclass(frozen=True)
class Exchange:
    """A dialogue up to a reply.

    Attributes:
        turns: 1 to `MOST_TURNS` of them, oldest first.
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


def _exchange(rng: random.Random, held_out: bool) -> Exchange:
    topic = _below(rng, len(topics()))
    slots = {name: values[_below(rng, len(values))] for name, values in topics()[topic].slots.items()}
    where = rng.random()
    phase = sum(where >= share for share in _PHASE_SHARES[:-1])
    distress = _DISTRESS[_below(rng, 3)]
    bright = rng.random() < _BRIGHT_SHARE[phase]
    count = 1 + _below(rng, MOST_TURNS) if phase else 1 + (rng.random() < 0.15)
    level = _below(rng, 3)
    turns: list[Turn] = []
    used: frozenset[str] = frozenset()
    for ago in reversed(range(count)):
        now, category, strength = phase, distress, level
        if ago:
            now = max(OPENING, min(phase - 1, phase - ago + (rng.random() < 0.3)))
            strength = min(2, level + (rng.random() < 0.5))
        elif bright:
            category = _BRIGHT[_below(rng, 3)]
            strength = _below(rng, levels_of(category))
        said = say(rng, topic, category, strength, now, _below(rng, 3), slots)
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
            )
        )
    return Exchange(tuple(turns), topic)


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


def compose(seed: int, size: int, split: Split = "train") -> Iterator[Exchange]:
    """Dialogues, the same for the same seed.

    Args:
        seed: of the choices.
        size: how many.
        split: `"train"`, or `"held_out"`: replies made of patterns that never occur in `"train"`.
    """
    rng = random.Random(f"corpus/{split}/{seed}")
    for _ in range(size):
        yield _exchange(rng, split == "held_out")
