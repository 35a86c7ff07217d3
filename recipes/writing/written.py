"""The written corpus: dialogues and sets of replies that authors wrote whole, line by line, with their labels.

`written/dialogues/*.txt` hold dialogues, `written/corners/*.txt` utterances with eight replies each: warm or cool,
following or directing, plain or deep, about the same thing. A file is lines of text:

    = exam 01                                  topic and number: here a dialogue begins
    P fear 2 opening plain | what is said      feeling, level 1 to 3, phase, disclosure
    S +1 -2 0 | what is answered               warmth and directiveness from -2 to 2, depth 0 to 2
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from recipes.readers.sources import share
from recipes.writing.corpus import Split
from recipes.writing.person import INTENSITY
from rlgen.affect import CATEGORIES
from rlgen.errors import DataError
from rlgen.text.topics import topics
from rlgen.text.utterances import DISCLOSURES, PHASES

WRITTEN: Final = Path(__file__).parent / "written"
CORNERS: Final = 8  # replies to an utterance of `corners`
HELD_OUT_SHARE: Final = 0.1

_HEAD: Final = re.compile(r"= (\w+) (\w+)")
_PERSON: Final = re.compile(r"P (\w+) ([123]) (\w+) (\w+) \| (\S.*)")
_REPLY: Final = re.compile(r"S (0|[+-][12]) (0|[+-][12]) ([012]) \| (\S.*)")


@dataclass(frozen=True)
class WrittenTurn:
    """What a person says and what is answered, labelled by the author; fields as in `recipes.writing.corpus.Turn`.

    `disclosure` is the person's, an index into `rlgen.text.utterances.DISCLOSURES`.
    """

    said: str
    reply: str
    category: int
    intensity: float
    phase: int
    disclosure: int
    warmth: float
    directiveness: float
    weight: float


@dataclass(frozen=True)
class Written:
    """A dialogue, or an utterance with one of its replies.

    Attributes:
        name: topic and number, the same for all replies to an utterance.
        topic: index into `rlgen.text.topics.topics()`.
        turns: oldest first.
    """

    name: str
    topic: int
    turns: tuple[WrittenTurn, ...]


def is_held_out(name: str) -> bool:
    """Whether a dialogue, by its name, is kept away from everything that is fitted."""
    return share(name, "written") < HELD_OUT_SHARE


def dialogues(split: Split | None = None) -> list[Written]:
    """The written dialogues; those of one split, or all of them."""
    return [one for one in _dialogues() if split in (None, "held_out" if is_held_out(one.name) else "train")]


def corners(split: Split | None = None) -> list[Written]:
    """Utterances with one reply each, all eight of an utterance in a row; those of one split, or all of them."""
    return [one for one in _corners() if split in (None, "held_out" if is_held_out(one.name) else "train")]


@lru_cache(maxsize=1)
def _dialogues() -> tuple[Written, ...]:
    return tuple(one for path in sorted((WRITTEN / "dialogues").glob("*.txt")) for one in read(path, 1))


@lru_cache(maxsize=1)
def _corners() -> tuple[Written, ...]:
    return tuple(
        Written(whole.name, whole.topic, (turn,))
        for path in sorted((WRITTEN / "corners").glob("*.txt"))
        for whole in read(path, CORNERS)
        for turn in whole.turns
    )


def read(path: Path, replies: int) -> Iterator[Written]:
    """The dialogues of a file, each with so many replies to an utterance: turns that share what is said.

    Raises:
        DataError: the file cannot be read, or a line is none of the three kinds or stands in the wrong place.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text; give a file of written dialogues") from error
    names = [topic.name for topic in topics()]
    head: tuple[str, int] | None = None
    turns: list[WrittenTurn] = []
    person: tuple[str, int, float, int, int] | None = None
    answered = replies

    def wrong(number: int, why: str) -> DataError:
        return DataError(f"{path}, line {number}: {why}; see recipes/writing/written.py for the form")

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if found := _HEAD.fullmatch(line):
            if answered != replies or (head and not turns):
                raise wrong(number, "the dialogue before it is not complete")
            if found[1] not in names:
                raise wrong(number, f"{found[1]!r} is no topic")
            if head:
                yield Written(head[0], head[1], tuple(turns))
            head, turns, person = (f"{found[1]}-{found[2]}", names.index(found[1])), [], None
        elif head is None:
            raise wrong(number, "a dialogue begins with `= topic number`")
        elif found := _PERSON.fullmatch(line):
            if answered != replies:
                raise wrong(number, f"the utterance before it has {answered} of {replies} replies")
            if found[1] not in CATEGORIES or found[3] not in PHASES or found[4] not in DISCLOSURES:
                raise wrong(number, "feeling, phase or disclosure is unknown")
            labels = CATEGORIES.index(found[1]), INTENSITY[int(found[2]) - 1]
            person = found[5].strip(), *labels, PHASES.index(found[3]), DISCLOSURES.index(found[4])
            answered = 0
        elif found := _REPLY.fullmatch(line):
            if person is None or answered == replies:
                raise wrong(number, "a reply without an utterance that it answers")
            dials = int(found[1]) / 2, int(found[2]) / 2, int(found[3]) / 2
            turns.append(WrittenTurn(person[0], found[4].strip(), *person[1:], *dials))
            answered += 1
        else:
            raise wrong(number, f"{line[:40]!r} is neither a heading nor a turn")
    if answered != replies or (head and not turns):
        raise wrong(len(lines), "the last dialogue is not complete")
    if head:
        yield Written(head[0], head[1], tuple(turns))


def texts(written: Sequence[Written]) -> list[str]:
    """All that is said and answered, each utterance once."""
    return list(dict.fromkeys(text for one in written for turn in one.turns for text in (turn.said, turn.reply)))
