"""Real support dialogues as training material: a researcher's own copy of ESConv, or a file like it.

Nothing of such a file is shipped. What a composed dialogue states by construction is *read* here by the
people's reader: the person's category and intensity from their words, warmth, directiveness and depth
from the reply's. A generator trained on these labels has therefore met that reader, so the judge, which
is fitted on other items, is the one to ask whether its controls work.

Two layouts are known: JSON lines whose `turns` have `speaker` (`usr`, `sys`) and `text`, and the published
`ESConv.json`, one list whose entries have a `dialog` with `speaker` (`seeker`, `supporter`) and `content`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rlgen.affect import NUM_CATEGORIES
from rlgen.errors import DataError
from rlgen.text.datasets.sources import share
from rlgen.text.reading.reader import Reader
from rlgen.text.writing.corpus import MOST_TURNS, Split
from rlgen.text.writing.parts import count_words

FILE: Final = "esconv.jsonl"
LONGEST_REPLY: Final = 30  # words; a generator's window holds little more
_HELD_OUT_SHARE: Final = 0.1
_SPEAKERS: Final = {"usr": False, "seeker": False, "sys": True, "supporter": True}


@dataclass(frozen=True)
class RealTurn:
    """What a person said and what was answered, with labels as they were read; see `rlgen.text.writing.corpus.Turn`."""

    said: str
    reply: str
    category: int
    intensity: float
    warmth: float
    directiveness: float
    weight: float


@dataclass(frozen=True)
class RealDialogue:
    """A stretch of a dialogue: 1 to `MOST_TURNS` turns, oldest first."""

    turns: tuple[RealTurn, ...]


Exchange = tuple[str, str]


def read(path: Path, split: Split, reader: Reader) -> list[RealDialogue]:
    """Stretches of the dialogues of one split, labelled.

    Where a record names its `split`, all but `train` is held out; elsewhere a tenth of the dialogues is, by
    a hash of the id. A reply of more than `LONGEST_REPLY` words is left out and ends a stretch.

    Args:
        path: a file, or a folder with `esconv.jsonl`.
        split: `"train"` or `"held_out"`.
        reader: reads the labels, all texts in one go; its table is kept in the cache folder.

    Raises:
        DataError: the file is missing, malformed (names file and line) or has nothing in this split.
    """
    pieces = [piece for exchanges in _of_split(path, split) for piece in stretches(exchanges)]
    if not pieces:
        raise DataError(f"{path}: no dialogue of the split {split!r} has an answer that fits; give a larger file")
    said, replies = ([exchange[side] for piece in pieces for exchange in piece] for side in (0, 1))
    person, _ = reader.read_catalogue(said)
    supporter, _ = reader.read_catalogue(replies)
    category = person.affect[:, :NUM_CATEGORIES].argmax(axis=1)
    numbers = (person.intensity, supporter.warmth, supporter.directiveness, supporter.intensity)
    labels = zip(category.tolist(), *(values.tolist() for values in numbers), strict=True)
    turns = iter([RealTurn(text, reply, *label) for text, reply, label in zip(said, replies, labels, strict=True)])
    return [RealDialogue(tuple(next(turns) for _ in piece)) for piece in pieces]


def stretches(exchanges: Sequence[Exchange]) -> Iterator[list[Exchange]]:
    """Runs of at most `MOST_TURNS` exchanges without an overlong reply."""
    run: list[Exchange] = []
    for said, reply in exchanges:
        fits = count_words(reply) <= LONGEST_REPLY
        if fits:
            run.append((said, reply))
        if run and (not fits or len(run) == MOST_TURNS):
            yield run
            run = []
    if run:
        yield run


def _of_split(path: Path, split: Split) -> Iterator[list[Exchange]]:
    file = path / FILE if path.is_dir() else path
    for where, record in _records(file):
        named = record.get("split")
        identity = str(record.get("id", where))
        held_out = named != "train" if named is not None else share(identity, "dialogues") < _HELD_OUT_SHARE
        found = exchanges(record, where)
        if held_out == (split == "held_out"):
            yield found


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each dialogue with a name of where it stands."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"{file}: missing; give a file of dialogues, or a folder with {FILE}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as UTF-8 text ({type(error).__name__}); check the file") from error
    whole = text.lstrip().startswith("[")
    parts = [("line 1", text)] if whole else [(f"line {i}", line) for i, line in enumerate(text.split("\n"), 1)]
    for where, part in parts:
        if not part.strip():
            continue
        try:
            found = json.loads(part)
        except json.JSONDecodeError as error:
            line = where if not whole else f"line {error.lineno}"
            raise DataError(f"{file}, {line}: not JSON ({error.msg}); mend or remove it") from error
        for number, record in enumerate(found if whole else [found], 1):
            place = f"{file}, dialogue {number}" if whole else f"{file}, {where}"
            if not isinstance(record, dict):
                raise DataError(f"{place}: holds {type(record).__name__}; a dialogue must be a JSON object")
            yield place, record


def seekers(path: Path) -> list[tuple[str, list[str]]]:
    """Every dialogue's `problem_type` (empty where it names none) and the person's turns in order, all splits.

    Args:
        path: a file, or a folder with `esconv.jsonl`.

    Raises:
        DataError: the file is missing or malformed; names file and line.
    """
    file = path / FILE if path.is_dir() else path
    return [
        (str(record.get("problem_type") or ""), [text for supporter, text in _joined(record, where) if not supporter])
        for where, record in _records(file)
    ]


def exchanges(record: dict[str, Any], where: str) -> list[Exchange]:
    """Pairs (said, answered), what one speaker says in a row joined; what has no other side is left out."""
    joined = _joined(record, where)
    first = next((i for i, (supporter, _) in enumerate(joined) if not supporter), len(joined))
    texts = [text for _, text in joined[first:]]
    return list(zip(texts[::2], texts[1::2], strict=False))


def _joined(record: dict[str, Any], where: str) -> list[tuple[bool, str]]:
    """Turns (whether the supporter speaks, words), what one speaker says in a row joined."""
    key, text_key = ("turns", "text") if "turns" in record else ("dialog", "content")
    turns = record.get(key)
    if not isinstance(turns, list):
        raise DataError(f"{where}: has no list 'turns' (or 'dialog'); see the layouts in docs/corpus.md")
    joined: list[tuple[bool, str]] = []
    for number, turn in enumerate(turns):
        speaker, text = (turn.get("speaker"), turn.get(text_key)) if isinstance(turn, dict) else (None, None)
        if speaker not in _SPEAKERS or not isinstance(text, str):
            raise DataError(
                f"{where}: {key}[{number}] needs 'speaker' ({', '.join(_SPEAKERS)}) and a text '{text_key}'; mend it"
            )
        text = " ".join(text.split())
        if not text:
            continue
        if joined and joined[-1][0] == _SPEAKERS[speaker]:
            joined[-1] = (joined[-1][0], f"{joined[-1][1]} {text}")
        else:
            joined.append((_SPEAKERS[speaker], text))
    return joined
