"""Real support dialogues as training material: a researcher's own copy of ESConv, or a file like it.

Nothing of such a file is shipped. What a composed dialogue states by construction is *read* here by the
people's reader: the person's category and intensity from their words, warmth, directiveness and depth
from the reply's. A generator trained on these labels has therefore met that reader, so the judge, which
is fitted on other items, is the one to ask whether its controls work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recipes.readers.sources import share
from recipes.writing.corpus import FEW_TURNS, Split
from rlgen.affect import NUM_CATEGORIES
from rlgen.errors import DataError
from rlgen.text.plain import count_words
from rlgen.text.reading.reader import Reader
from rlgen.users.logs import dialogues as logs
from rlgen.users.logs.dialogues import Dialogue

LONGEST_REPLY: Final = 30  # words; a generator's window holds little more
_HELD_OUT_SHARE: Final = 0.1
Exchange = tuple[str, str]
"""What a person says, and what is answered."""


@dataclass(frozen=True)
class RealTurn:
    """What a person said and what was answered, with labels as they were read; see `recipes.writing.corpus.Turn`."""

    said: str
    reply: str
    category: int
    intensity: float
    warmth: float
    directiveness: float
    weight: float


@dataclass(frozen=True)
class RealDialogue:
    """A stretch of a dialogue: 1 to `FEW_TURNS` turns, oldest first."""

    turns: tuple[RealTurn, ...]


def read(path: Path, split: Split, reader: Reader) -> list[RealDialogue]:
    """Stretches of the dialogues of one split, labelled.

    Where a record names its `split`, all but `train` is held out; elsewhere a tenth of the dialogues is, by
    a hash of the id. A reply of more than `LONGEST_REPLY` words is left out and ends a stretch.

    Args:
        path: see `rlgen.users.logs.dialogues.read`; of dialogues that did not help, nothing is taken.
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
    """Runs of at most `FEW_TURNS` exchanges without an overlong reply."""
    run: list[Exchange] = []
    for said, reply in exchanges:
        fits = count_words(reply) <= LONGEST_REPLY
        if fits:
            run.append((said, reply))
        if run and (not fits or len(run) == FEW_TURNS):
            yield run
            run = []
    if run:
        yield run


def exchanges(dialogue: Dialogue) -> list[Exchange]:
    """What was said and answered in turn, from the person's first words on."""
    spoken = dialogue.spoken()
    texts = [text for _, text in (spoken[1:] if spoken and spoken[0][0] else spoken)]
    return list(zip(texts[::2], texts[1::2], strict=False))


def _of_split(path: Path, split: Split) -> Iterator[list[Exchange]]:
    for dialogue in logs.read(path):
        held_out = dialogue.split != "train" if dialogue.split else share(dialogue.name, "dialogues") < _HELD_OUT_SHARE
        if dialogue.split != logs.FAILED and held_out == (split == "held_out"):
            yield exchanges(dialogue)
