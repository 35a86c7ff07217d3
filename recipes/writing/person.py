"""What a person says at a moment of a dialogue, put together from a topic and `banks/person.yaml`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from recipes.writing.parts import Pattern, bank, compile_all, expand, fill, sentences, to_first_person
from rlgen.affect import CATEGORIES
from rlgen.text.topics import DISTRESSED, Phrase, Topic, fill_slots, topics
from rlgen.text.utterances import CLOSING, DISCLOSURES, EXPLORING, OPENING, PHASES, WORKING

LEVELS: Final = ("low", "mid", "high")
INTENSITY: Final = (0.25, 0.55, 0.85)

_QUESTION: Final = re.compile(r"\b([Ww]hat if [^.?!]*)\.|((?:^|(?<=[.?!] ))(?:Who|Why|How can) [^.?!]*)\.")
_TRIES: Final = 20
_STRONG: Final = re.compile(r"scared|terrif|afraid|panic|frighten|dread|hate |furious|cried|cry|can't breathe")
_ASKING: Final = ("what if", "who ", "why ", "how can")


@dataclass(frozen=True)
class Said:
    """An utterance and what a listener can pick up from it.

    Attributes:
        text: the utterance.
        echoes: noun phrases in the second person for whatever was said; never empty.
        heart: those of them that a feeling can hang on, events and thoughts; may be empty.
        good: those of them that name something better; may be empty.
        step: the next step that the person named, `""` if none.
        specific: whether slot values of a situation occur in it.
    """

    text: str
    echoes: tuple[str, ...]
    heart: tuple[str, ...]
    good: tuple[str, ...]
    step: str
    specific: bool


@dataclass(frozen=True)
class Voice:
    """The person's bank, compiled: lists by category, level, phase and disclosure."""

    feel: Mapping[str, Mapping[str, tuple[str, ...]]]
    curt: Mapping[str, Mapping[str, tuple[str, ...]]]
    lists: Mapping[str, tuple[str, ...]]
    patterns: Mapping[str, Mapping[str, tuple[Pattern, ...]]]
    recovering: Mapping[str, Mapping[str, tuple[Pattern, ...]]]


def _spelled(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for line in lines for text in expand(line))


@lru_cache(maxsize=1)
def voice() -> Voice:
    """The person's bank."""
    raw: dict[str, Any] = bank("person")

    def by_level(section: Mapping[str, Mapping[str, list[str]]]) -> dict[str, dict[str, tuple[str, ...]]]:
        return {c: {level: _spelled(lines) for level, lines in levels.items()} for c, levels in section.items()}

    def compiled(name: str) -> dict[str, dict[str, tuple[Pattern, ...]]]:
        return {
            phase: {d: compile_all(f"{name}.{phase}.{d}", lines) for d, lines in kinds.items()}
            for phase, kinds in raw[name].items()
        }

    return Voice(
        feel=by_level(raw["feel"]),
        curt=by_level(raw["curt"]),
        lists={name: _spelled(raw[name]) for name in ("guard", "honest", "frank", "letdown", "unchanged", "goodbye")},
        patterns=compiled("patterns"),
        recovering=compiled("recovering"),
    )


def levels_of(category: int) -> int:
    """How many levels of intensity the bank knows for a category, counted from the lowest."""
    return len(voice().feel[CATEGORIES[category]])


def phases_of(category: int) -> tuple[int, ...]:
    """Phases in which people show a category; what is not distress comes only after the opening."""
    return (OPENING, EXPLORING, WORKING, CLOSING) if CATEGORIES[category] in DISTRESSED else (1, 2, 3)


def _choose(rng: random.Random, options: Sequence[Any]) -> Any:
    return options[int(rng.random() * len(options))]


def _thought(rng: random.Random, thoughts: Sequence[Phrase], level: int, confessed: bool) -> Phrase:
    """A thought that is no question where it is confessed and holds no strong word where the level is low."""
    phrase: Phrase = _choose(rng, thoughts)
    for _ in range(_TRIES):
        if not (confessed and phrase.say.startswith(_ASKING)) and (level or not _STRONG.search(phrase.say)):
            break
        phrase = _choose(rng, thoughts)
    return phrase


def say(
    rng: random.Random,
    topic: int,
    category: int,
    level: int,
    phase: int,
    disclosure: int,
    slots: Mapping[str, str],
    general: bool | None = None,
) -> Said:
    """One utterance.

    Args:
        rng: source of the choices.
        topic: index into `topics()`.
        category: index into `CATEGORIES`, in a phase of `phases_of`.
        level: 0 low, 1 mid, 2 high, below `levels_of`.
        phase: index into `PHASES`.
        disclosure: index into `DISCLOSURES`.
        slots: slot values of the topic's situation.
        general: openings without (True) or with (False) slots; by chance where None.
    """
    about: Topic = topics()[topic]
    speech = voice()
    name = CATEGORIES[category]
    distressed = name in DISTRESSED
    kinds = speech.patterns if distressed else speech.recovering
    pattern: Pattern = _choose(rng, kinds[PHASES[phase]][DISCLOSURES[disclosure]])
    while name == "surprise" and pattern.needs & {"honest", "frank"}:  # nobody confesses to a surprise
        pattern = _choose(rng, kinds[PHASES[phase]][DISCLOSURES[disclosure]])
    needs = pattern.needs
    values: dict[str, str] = {}
    echoes: dict[str, str] = {}
    step = ""
    specific = False

    def use(place: str, phrase: Phrase) -> None:
        values[place] = fill_slots(phrase.say, slots)
        if phrase.echo:
            echoes[place] = fill_slots(phrase.echo, slots)

    if "event" in needs:
        if general is None:
            general = rng.random() < 0.4
        phrase = _choose(rng, about.general if general else about.events)
        specific = "<" in phrase.say
        use("event", phrase)
    if "hint" in needs:
        use("hint", _choose(rng, about.hints))
    if "detail" in needs:
        use("detail", _choose(rng, about.details))
    if "thought" in needs:
        use("thought", _thought(rng, about.thoughts[name], level, "honest" in needs))
    if "stuck" in needs:
        use("stuck", _choose(rng, about.stuck))
    if "relief" in needs:
        use("relief", _choose(rng, about.relief))
    if "step" in needs:
        step = _choose(rng, about.steps)
        values["step"] = to_first_person(step)
    if "thing" in needs:
        thing = _choose(rng, about.things)
        values["thing"] = to_first_person(thing)
        echoes["thing"] = thing
    if "feel" in needs:
        values["feel"] = _choose(rng, speech.feel[name][LEVELS[level]])
    if "curt" in needs:
        values["curt"] = _choose(rng, speech.curt[name][LEVELS[level]])
    for place, options in speech.lists.items():
        if place in needs:
            values[place] = _choose(rng, options)
    text = sentences(fill(rng, pattern, values))
    if "hat if " in text or "Who " in text or "Why " in text or "How can " in text:
        text = _QUESTION.sub(lambda found: (found[1] or found[2]) + "?", text)
    if not echoes:
        echoes["thing"] = _choose(rng, about.things)
    heart = tuple(echoes[place] for place in ("event", "thought") if place in echoes)
    return Said(text, tuple(echoes.values()), heart, (echoes["relief"],) if "relief" in echoes else (), step, specific)
