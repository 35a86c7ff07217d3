"""Signs, in the words of both speakers, that a dialogue is about to end.

Near the end people and supporters write less and ask less, and they take leave. These are signs of an
ending that is under way, not its causes: they help to say when a human dialogue ends (`ending_model`), and no
simulated person leaves because a reply was short.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rlgen.types import F64
from rlgen.users.logs.dialogues import Dialogue

PLAIN: Final = ("reply_words", "reply_words_own", "person_words", "person_words_own", "reply_asks", "person_asks")
GOODBYES: Final = ("reply_goodbye", "person_goodbye")
NAMES: Final = PLAIN + GOODBYES

_GOODBYE: Final = re.compile(
    r"\b(bye|goodbye|good ?night|good luck|take care|all the best|thanks|thank you|you'?re welcome|my pleasure"
    r"|have an? (good|great|nice|wonderful|lovely)|nice (talking|chatting)|(talk|chat) (to you )?later)\b",
    re.IGNORECASE,
)


def signs(dialogue: Dialogue) -> F64:
    """Signs at each reply, from what had been said up to and with it, `[replies, 8]` in the order of `NAMES`.

    Words are counted as log(1 + number); `_own` is the difference to the speaker's mean so far. Of the person it is
    the turn before the reply.
    """
    rows: list[list[float]] = []
    said: dict[bool, list[float]] = {True: [], False: []}
    before = ""
    for turn in dialogue.turns:
        said[turn.supporter].append(float(np.log1p(len(turn.text.split()))))
        if not turn.supporter:
            before = turn.text
            continue
        row: list[float] = []
        for speaker in (True, False):
            words = said[speaker] or [0.0]
            row += [words[-1], words[-1] - sum(words) / len(words)]
        row += [float("?" in text) for text in (turn.text, before)]
        row += [float(_GOODBYE.search(text) is not None) for text in (turn.text, before)]
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(-1, len(NAMES))
