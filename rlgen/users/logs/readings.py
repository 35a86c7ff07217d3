"""The readings of a reply that ratings may depend on, and how they are computed for human dialogues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rlgen import affect
from rlgen.artifacts import cached, code_sha256
from rlgen.text.reading.relevance import Heard, remembered
from rlgen.types import F64, Reading
from rlgen.users.logs.dialogues import Dialogue

if TYPE_CHECKING:
    from rlgen.text import Reader

NAMES: Final = (
    "warmth", "directiveness", "intensity", "question", "relevance", "repetition", "fluency",
    "reaction", "interpretation", "exploration", "valence",
)  # fmt: skip


def select(reading: Reading) -> F64:
    """The readings by `NAMES`, `[N, 11]`."""
    scalars = [getattr(reading, name) for name in NAMES[:7]]
    columns = [*scalars, *reading.empathy.T, reading.affect[:, affect.VALENCE]]
    return np.stack(columns, axis=1).astype(np.float64)


def _heard(asked: Sequence[str], spoken: Sequence[Sequence[str]], reader: Reader) -> Heard:
    """What replies answer, each text embedded once."""
    texts = list(dict.fromkeys([*asked, *(text for before in spoken for text in before)]))
    vectors, place = reader.encoder.encode(texts), {text: i for i, text in enumerate(texts)}
    before = np.zeros((len(asked), vectors.shape[1]), dtype=np.float32)
    for i, told in enumerate(spoken):
        for text in told:
            before[i] = remembered(before[i], vectors[place[text]])
    return Heard(asked, vectors[[place[text] for text in asked]], before)


def read_replies(dialogues: Sequence[Dialogue], reader: Reader) -> list[F64]:
    """Readings of the supporter's replies, `[replies, 11]` for every dialogue; unrated ones get zeros.

    All replies are read in one call, each against the turn that it answers and the supporter's earlier
    turns. The table is kept in the cache folder, keyed by all of these texts and by the reader.
    """
    texts: list[str] = []
    asked: list[str] = []
    spoken: list[list[str]] = []  # what the person said before that
    earlier: list[list[str]] = []
    for dialogue in dialogues:
        if not dialogue.rated:
            continue
        said: list[str] = []
        told: list[str] = []
        for turn in dialogue.turns:
            if turn.supporter:
                texts.append(turn.text)
                asked.append(told[-1] if told else "")
                spoken.append(told[:-1])
                earlier.append(list(said))
                said.append(turn.text)
            else:
                told.append(turn.text)
    made_of = json.dumps([reader.identity, code_sha256(__name__), texts, asked, spoken, earlier])
    digest = hashlib.sha256(made_of.encode()).hexdigest()

    def build() -> dict[str, NDArray[np.float64]]:
        reading, _ = reader.read(texts, _heard(asked, spoken, reader), earlier)
        return {"readings": select(reading)}

    table = cached(f"human-replies-{digest[:32]}", build)["readings"] if texts else np.zeros((0, len(NAMES)))
    replies, at = [], 0
    for dialogue in dialogues:
        count = dialogue.replies if dialogue.rated else 0
        replies.append(table[at : at + count] if count else np.zeros((dialogue.replies, len(NAMES))))
        at += count
    return replies
