"""What a generator learns from: the composed corpus, real dialogues, both, or either with a label silenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from rlgen.affect import NEUTRAL
from rlgen.errors import ConfigError
from rlgen.generation.training.examples import Labelled
from rlgen.generation.training.fit import Corpus
from rlgen.text.datasets.sources import LICENCES
from rlgen.text.reading.reader import Reader
from rlgen.text.writing.corpus import Split, Turn, compose

CHUNK: Final = 10_000  # dialogues composed at a time
HELD_OUT: Final = 2_000
_APART: Final = 100_003  # seeds of one training's chunks
OWN, REAL = "own", "esconv"

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
        description="rlgen.text.writing.corpus: exchanges composed from the project's own phrase banks (MIT)",
    )


def real(path: Path, reader: Reader) -> Corpus:
    """A researcher's own dialogues; every chunk is all of them.

    Args:
        path: see `rlgen.text.datasets.dialogues.read`.
        reader: reads the labels.

    Raises:
        DataError: the file is missing, malformed or too small.
    """
    from rlgen.text.datasets.dialogues import read

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


def named(words: Sequence[str], seed: int, reader: Callable[[], Reader]) -> Corpus:
    """The corpora of a command line: `own`, `esconv=PATH`, or both.

    Args:
        words: at least one, none twice.
        seed: of the composed one.
        reader: makes the people's reader, where labels have to be read.

    Raises:
        ConfigError: a word names no corpus.
        DataError: a file cannot be used.
    """
    kinds = [word.partition("=")[0] for word in words]
    if not words or len(set(kinds)) < len(kinds):
        raise ConfigError(f"corpus was {' '.join(words)!r}; give {OWN}, {REAL}=PATH, or both, each once")
    found = []
    for word in words:
        kind, _, path = word.partition("=")
        if kind == OWN and not path:
            found.append(composed(seed))
        elif kind == REAL and path:
            found.append(real(Path(path), reader()))
        else:
            raise ConfigError(f"corpus was {word!r}; it must be {OWN}, or {REAL}=PATH with the path of your copy")
    return joined(found)
