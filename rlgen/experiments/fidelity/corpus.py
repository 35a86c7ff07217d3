"""Dialogues with everything read that the fidelity of simulated people is measured by."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlgen.errors import DataError

if TYPE_CHECKING:
    from rlgen.text import Reader
    from rlgen.types import UtteranceCatalogue
    from rlgen.users.fidelity.crossfit import Corpus
    from rlgen.users.logs.dialogues import Dialogue


def read_corpus(data: Path, readers: str) -> Corpus:
    """Dialogues, readings of the replies, and words and valence of what rated people said.

    Raises:
        DataError: the data are missing or malformed; names file and line.
    """
    from rlgen.affect import VALENCE
    from rlgen.text import Reader
    from rlgen.text.utterances import of_all_lengths, read_by
    from rlgen.users.fidelity.crossfit import Corpus
    from rlgen.users.logs.dialogues import read
    from rlgen.users.logs.readings import read_replies

    dialogues = read(data)
    reader = Reader.load(readers)
    bank, turns = read_by(reader, of_all_lengths()), _real_turns(dialogues, reader)
    texts = [turn.text for d in dialogues if d.rated for turn in d.turns if not turn.supporter and turn.text.strip()]
    said: dict[str, tuple[float, float]] = {}
    for part in (texts, bank.text, turns.text if turns else []):
        if part:
            valence = reader.read_catalogue(part)[0].affect[:, VALENCE]
            words = np.log1p([len(text.split()) for text in part])
            said |= dict(zip(part, zip(words.tolist(), valence.tolist(), strict=True), strict=True))
    return Corpus(dialogues, read_replies(dialogues, reader), said, bank, turns)


def _real_turns(dialogues: Sequence[Dialogue], reader: Reader) -> UtteranceCatalogue | None:
    """What rated people said, as a bank; None where they said too little."""
    from rlgen.text.datasets.utterances import real_utterances

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "turns.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            for d in dialogues:
                if d.rated:
                    turns = [{"speaker": "sys" if t.supporter else "usr", "text": t.text} for t in d.turns]
                    lines.write(json.dumps({"problem_type": "any", "turns": turns}) + "\n")
        try:
            return real_utterances(file, reader)
        except DataError:
            return None
