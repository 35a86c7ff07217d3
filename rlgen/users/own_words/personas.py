"""Who a language model plays: a persona of topic, feeling, intensity, trust and style, drawn from one uniform each.

The words are the project's own, in `rlgen/text/banks/personas.yaml`; what a persona is about comes from the
topics of the utterance bank.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from rlgen.errors import PopulationError
from rlgen.text.topics import SITUATIONS, Topic, bank, fill_slots, topics
from rlgen.types import F64

T = TypeVar("T")

COLUMNS: Final = ("topic", "situation", "event", "thought", "feeling", "intensity", "trust", "style", "gap")
LEAST_INTENSITY: Final = 3  # people come because something weighs on them
INTENSITIES: Final = 5
_FEELINGS: Final = ("sadness", "fear", "anger")  # in the order of `feelings` in the bank


@dataclass(frozen=True)
class Persona:
    """One person.

    Attributes:
        topic: index into the topics of the utterance bank.
        feeling: 0 sad, 1 afraid, 2 angry.
        intensity: 1-5, as the model is told.
        trust: 0 guarded, 1 waiting, 2 open.
        text: what the model is told.
    """

    topic: int
    feeling: int
    intensity: int
    trust: int
    text: str


@dataclass(frozen=True)
class Question:
    """What is asked aside.

    Attributes:
        ask: the question.
        options: all answers that there are.
    """

    ask: str
    options: tuple[str, ...]


@cache
def phrases() -> Mapping[str, Any]:
    """The bank of personas."""
    found: Mapping[str, Any] = bank("personas")
    return found


@cache
def topic(name: str) -> Topic:
    """A topic that personas can be about.

    Raises:
        PopulationError: there is none of that name.
    """
    found = next((topic for topic in topics() if topic.name == name), None)
    if found is None:
        raise PopulationError(f"users: there is no persona about {name!r}; use the project's own utterances")
    return found


def question(name: str) -> Question:
    """`intensity`, `rating`, `engagement` or `leaving`."""
    found = phrases()["questions"][name]
    return Question(found["ask"], tuple(found["options"]))


def draw(drawn: F64, chosen: Sequence[tuple[int, str]], population: str) -> list[Persona]:
    """Personas for new people.

    Args:
        drawn: `[K, 9]` uniforms in the order of `COLUMNS`; the last is not used here.
        chosen: topics that people may bring: indices in the utterance bank, and names.
        population: guarded people have the least trust, despairing ones the greatest intensity; impatient
            ones are told so.
    """
    return [_persona(dict(zip(COLUMNS, row, strict=True)), chosen, population) for row in drawn.tolist()]


def sha256() -> str:
    """Hash of all words that personas and questions are made of."""
    about = [[topic.title, topic.slots, topic.events, topic.thoughts] for topic in topics()]
    made_of = json.dumps([phrases(), about], default=str, sort_keys=True)
    return hashlib.sha256(made_of.encode()).hexdigest()


def _persona(drawn: Mapping[str, float], chosen: Sequence[tuple[int, str]], population: str) -> Persona:
    words = phrases()
    index, name = _pick(chosen, drawn["topic"])
    about = topic(name)
    feeling = int(drawn["feeling"] * len(_FEELINGS))
    intensity = LEAST_INTENSITY + int(drawn["intensity"] * (INTENSITIES - LEAST_INTENSITY + 1))
    trust = int(drawn["trust"] * len(words["trust"]))
    if population == "guarded":
        trust = 0
    if population == "despairing":
        intensity = INTENSITIES
    thoughts = about.thoughts[_FEELINGS[feeling]]
    slots = about.situation(int(drawn["situation"] * SITUATIONS))
    told = {
        "title": about.title,
        "event": fill_slots(_pick(about.events, drawn["event"]).say, slots),
        "thought": fill_slots(_pick(thoughts, drawn["thought"]).say, slots),
        "feeling": words["feelings"][feeling],
        "degree": words["degrees"][intensity - 1],
        "intensity": intensity,
    }
    parts = [
        words["role"],
        words["about"].format(**told),
        words["feeling"].format(**told),
        words["trust"][trust],
        _pick(words["styles"], drawn["style"]),
        words["populations"][population],
        words["rules"],
    ]
    return Persona(index, feeling, intensity, trust, " ".join(part for part in parts if part))


def _pick(options: Sequence[T], uniform: float) -> T:
    return options[int(uniform * len(options))]
