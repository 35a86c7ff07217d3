"""What a generator learns from: the composed corpus, real dialogues, both, or either with a label silenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from recipes.generator.examples import Labelled
from recipes.generator.fit import Corpus
from recipes.readers.sources import LICENCES
from recipes.writing.corpus import Split, Turn, compose
from rlgen.affect import NEUTRAL
from rlgen.errors import ConfigError
from rlgen.text.reading.reader import Reader

CHUNK: Final = 10_000  # dialogues composed at a time
HELD_OUT: Final = 2_000
_APART: Final = 100_003  # seeds of one training's chunks
REAL: Final = "esconv"

Control = Literal["warmth", "directiveness", "affect", "weight"]


@dataclass(frozen=True)
class Told:
    """A dialogue whose labels were changed."""

    turns: tuple[Turn, ...]


def silenced(turn: Turn, control: Control) -> Turn:
    """A turn whose label says nothing of one control: every turn has the same."""
    if control == "warmth":
        return replace(turn, warmth=0.0)
    if control == "directiveness":
        return replace(turn, directiveness=0.0)
    if control == "weight":
        return replace(turn, weight=0.5)
    return replace(turn, category=NEUTRAL, intensity=0.0)


def composed(seed: int, without: Control | None = None) -> Corpus:
    """The project's own corpus, without end.

    Args:
        seed: of the choices.
        without: a control that no label tells anything of.
    """

    def lot(number: int, size: int, split: Split = "train") -> Sequence[Labelled]:
        dialogues = compose(number, size, split)
        if without is None:
            return list(dialogues)
        return [Told(tuple(silenced(turn, without) for turn in dialogue.turns)) for dialogue in dialogues]

    return Corpus(
        chunk=lambda k: lot(seed * _APART + k, CHUNK),
        held_out={
            "known_phrases": lot(seed * _APART - 1, HELD_OUT),
            "held_out_phrases": lot(seed, HELD_OUT, "held_out"),
        },
        description="recipes.writing.corpus: exchanges composed from the project's own phrase banks (MIT)",
    )


def real(path: Path, reader: Reader) -> Corpus:
    """A researcher's own dialogues; every chunk is all of them.

    Args:
        path: see `recipes.generator.real.read`.
        reader: reads the labels.

    Raises:
        DataError: the file is missing, malformed or too small.
    """
    from recipes.generator.real import read

    kept, held_out = read(path, "train", reader), read(path, "held_out", reader)
    return Corpus(
        chunk=lambda _: kept,
        held_out={REAL: held_out},
        description=f"{LICENCES[REAL]}: {len(kept):,} stretches of dialogues, labels read by the people's reader",
    )


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """Several at once: a chunk holds those of all of them, and each keeps its held-out lots."""
    if len(corpora) == 1:
        return corpora[0]

    def chunk(k: int) -> Sequence[Labelled]:
        return [dialogue for corpus in corpora for dialogue in corpus.chunk(k)]

    held_out = {name: lot for corpus in corpora for name, lot in corpus.held_out.items()}
    return Corpus(chunk, held_out, "; ".join(corpus.description for corpus in corpora))


def chosen(own: bool, esconv: Path | None, seed: int, reader: Callable[[], Reader]) -> Corpus:
    """The corpora of a command line.

    Args:
        own: whether to learn from the composed one.
        esconv: a researcher's own dialogues; None for none.
        seed: of the composed one.
        reader: makes the people's reader, where labels have to be read.

    Raises:
        ConfigError: there is none.
        DataError: a file cannot be used.
    """
    found = [composed(seed)] if own else []
    if esconv is not None:
        found.append(real(esconv, reader()))
    if not found:
        raise ConfigError("there is nothing to learn from: leave out --no-own, or give --esconv PATH")
    return joined(found)
