"""What people talk about: topics with their concrete things, events, thoughts and next steps.

The banks are `banks/topics_<scenario>.yaml`, all of it the project's own writing. A phrase that a
person says may carry an *echo*, written behind `=>`: how a listener would name it, as a noun phrase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

SCENARIOS: Final = ("education", "healthcare", "workplace", "companion")
DISTRESSED: Final = ("sadness", "anger", "fear")
SITUATIONS: Final = 3

_BANKS: Final = Path(__file__).parent / "banks"
_SLOT: Final = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Phrase:
    """Something a person says.

    Attributes:
        say: a clause in the first person, without end punctuation.
        echo: how a listener names it, a noun phrase in the second person; `""` where there is none.
    """

    say: str
    echo: str = ""


@dataclass(frozen=True)
class Topic:
    """One topic. Texts may hold slots such as `<subject>`.

    Attributes:
        name: e.g. `"exam"`.
        title: what it is about, for people.
        scenario: one of `SCENARIOS`.
        slots: values by slot name; the first `SITUATIONS` values of all slots belong together.
        things: noun phrases, second person, that fit every situation.
        hints: guarded openings.
        events: openings with slots.
        general: openings without slots.
        details: what comes out when one stays with it.
        thoughts: by category name, sadness, anger and fear.
        stuck: why it does not move.
        asks: questions about it, lower case, with question mark.
        steps: next steps, base form, second person.
        relief: what has got better.
    """

    name: str
    title: str
    scenario: str
    slots: Mapping[str, tuple[str, ...]]
    things: tuple[str, ...]
    hints: tuple[Phrase, ...]
    events: tuple[Phrase, ...]
    general: tuple[Phrase, ...]
    details: tuple[Phrase, ...]
    thoughts: Mapping[str, tuple[Phrase, ...]]
    stuck: tuple[Phrase, ...]
    asks: tuple[str, ...]
    steps: tuple[str, ...]
    relief: tuple[Phrase, ...]

    def situation(self, index: int) -> dict[str, str]:
        """Slot values of situation `index` in `[0, SITUATIONS)`."""
        return {name: values[index] for name, values in self.slots.items()}


def fill_slots(text: str, slots: Mapping[str, str]) -> str:
    """The text with its `<slot>`s replaced; unknown ones stay."""
    if "<" not in text:
        return text
    return _SLOT.sub(lambda found: slots.get(found[1], found[0]), text)


def _phrases(lines: list[str]) -> tuple[Phrase, ...]:
    return tuple(Phrase(*(part.strip() for part in line.split("=>", 1))) for line in lines)


def _topic(name: str, scenario: str, raw: Mapping[str, Any]) -> Topic:
    return Topic(
        name=name,
        title=raw["title"],
        scenario=scenario,
        slots={slot: tuple(map(str, values)) for slot, values in raw["slots"].items()},
        things=tuple(raw["things"]),
        hints=_phrases(raw["hints"]),
        events=_phrases(raw["events"]),
        general=_phrases(raw["general"]),
        details=_phrases(raw["details"]),
        thoughts={category: _phrases(raw["thoughts"][category]) for category in DISTRESSED},
        stuck=_phrases(raw["stuck"]),
        asks=tuple(raw["asks"]),
        steps=tuple(raw["steps"]),
        relief=_phrases(raw["relief"]),
    )


@cache
def bank(name: str, folder: Path = _BANKS) -> Any:
    """A bank of phrases as it stands in `<folder>/<name>.yaml`."""
    with (folder / f"{name}.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # only plain values either way


@lru_cache(maxsize=1)
def topics() -> tuple[Topic, ...]:
    """All topics, scenario by scenario; the order is that of `UtteranceCatalogue.topics`."""
    found = []
    for scenario in SCENARIOS:
        for name, raw in bank(f"topics_{scenario}").items():
            found.append(_topic(name, scenario, raw))
    return tuple(found)
