"""From dialogues to the arrays that models of ratings and endings are fitted to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rlgen.types import F64, I64, Bools, Rows
from rlgen.users.logs.dialogues import Dialogue

CENTRE: Final = 4.0  # ratings are counted from here: a person who says 4 is neither pleased nor displeased
FILTER: Final = 16  # utterances that a dialogue needed to enter the corpus of successes
# Signs of an ending that is under way, and not its causes: near the end people and supporters write less, ask less and
# take leave. They help to say when a human dialogue ends (`ending_model`); nobody simulated leaves for a short reply.
PLAIN_SIGNS: Final = ("reply_words", "reply_words_own", "person_words", "person_words_own", "reply_asks", "person_asks")
GOODBYES: Final = ("reply_goodbye", "person_goodbye")
SIGNS: Final = PLAIN_SIGNS + GOODBYES

_GOODBYE: Final = re.compile(
    r"\b(bye|goodbye|good ?night|good luck|take care|all the best|thanks|thank you|you'?re welcome|my pleasure"
    r"|have an? (good|great|nice|wonderful|lovely)|nice (talking|chatting)|(talk|chat) (to you )?later)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Ratings:
    """Ratings of P people, padded to the longest sequence J.

    Attributes:
        value: `[P, J]` 0-4 for ratings 1-5, -1 where padded.
        after: `[P, J]` how many replies had come.
        readings: `[P, J, K]` mean reading of the replies since the last rating; K may be 0.
        helped: `[P]`.
    """

    value: I64
    after: F64
    readings: F64
    helped: Bools

    @property
    def last(self) -> F64:
        """The rating before, above `CENTRE`; 0 for the first, `[P, J]`."""
        before = np.zeros(self.value.shape)
        before[:, 1:] = self.value[:, :-1] + 1 - CENTRE
        return before


@dataclass(frozen=True)
class Endings(Rows):
    """One row per reply that a person was at risk of leaving after.

    Attributes:
        dialogue: `[M]` index of the dialogue.
        turn: `[M]` replies so far, from 1.
        mood: `[M]` see `moods`; the mean of rated people of the same kind where it is unknown.
        helped: `[M]`.
        known: `[M]` the dialogue was rated, so that `mood` is its own.
        entered: `[M]` the dialogue was long enough by then to be in the corpus at all.
        completed: `[M]` left content after this reply.
        abandoned: `[M]` left disappointed after this reply.
        signs: `[M, 8]` see `signs`.
    """

    dialogue: I64
    turn: I64
    mood: F64
    helped: Bools
    known: Bools
    entered: Bools
    completed: Bools
    abandoned: Bools
    signs: F64


@dataclass(frozen=True)
class Wordings(Rows):
    """One row per turn that a person had after a reply, but for their first, dialogue by dialogue and in order.

    Attributes:
        dialogue: `[M]` index of the dialogue.
        turn: `[M]` replies so far, from 1.
        helped: `[M]`.
        last: `[M]` with this turn the person left; whom a log shows no further did not leave.
        words: `[M]` log(1 + number of words).
        valence: `[M]` as read, NaN where it was not.
    """

    dialogue: I64
    turn: I64
    helped: Bools
    last: Bools
    words: F64
    valence: F64


def wordings(dialogues: Sequence[Dialogue], said: Mapping[str, tuple[float, float]] | None = None) -> Wordings:
    """How much people said, and how positive it was.

    Args:
        dialogues: all.
        said: log(1 + words) and valence of texts; what it does not know has no valence.

    Turns without words are passed over: logs note the last rating of who left in one.
    """
    rows: list[tuple[int, int, bool, bool, float, float]] = []
    for i, d in enumerate(dialogues):
        replies = 0
        own = [turn for turn in d.turns if not turn.supporter]
        for turn in d.turns:
            replies += turn.supporter
            if not turn.supporter and replies and turn is not own[0] and turn.text.strip():
                valence = (said or {}).get(turn.text, (0.0, np.nan))[1]
                # A log may be silent about the words with which somebody left: then no turn of theirs was the last.
                leaving = turn is own[-1] and (d.ending is None or (d.ending != "open" and replies == d.replies))
                rows.append((i, replies, d.helped, leaving, float(np.log1p(len(turn.text.split()))), valence))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 6).T
    whole, flags = columns[:2].astype(np.int64), columns[2:4] > 0
    return Wordings(whole[0], whole[1], flags[0], flags[1], columns[4], columns[5])


def ratings(dialogues: Sequence[Dialogue], readings: Sequence[F64] | None = None) -> Ratings:
    """Ratings of the rated dialogues.

    Args:
        dialogues: of which the unrated are passed over.
        readings: for every dialogue `[replies, K]`; None for no readings.
    """
    chosen = [i for i, dialogue in enumerate(dialogues) if dialogue.rated]
    given = [dialogues[i].ratings() for i in chosen]
    width = max((len(values) for _, values in given), default=1)
    size = readings[0].shape[1] if readings else 0
    value = np.full((len(chosen), width), -1, dtype=np.int64)
    after = np.zeros((len(chosen), width))
    windows = np.zeros((len(chosen), width, size))
    for row, (i, (turns, values)) in enumerate(zip(chosen, given, strict=True)):
        value[row, : len(values)] = np.array(values, dtype=np.int64) - 1
        after[row, : len(values)] = turns
        before = 0
        for j, turn in enumerate(turns):
            if readings and turn > 0:
                windows[row, j] = readings[i][min(before, turn - 1) : turn].mean(axis=0)
            before = turn
    return Ratings(value, after, windows, np.array([dialogues[i].helped for i in chosen], dtype=np.bool_))


def moods(dialogue: Dialogue) -> F64:
    """Mood after reply 1, 2, ...: the sum of the ratings above `CENTRE`, by their number plus one."""
    mood = np.zeros(dialogue.replies)
    total, count, replies = 0.0, 0, 0
    for turn in dialogue.turns:
        replies += turn.supporter
        if turn.rating is not None:
            total, count = total + turn.rating - CENTRE, count + 1
        if replies:
            mood[replies - 1] = total / (count + 1)
    return mood


def endings(dialogues: Sequence[Dialogue]) -> Endings:
    """Person-turns of all dialogues, one row per reply."""
    chosen = [d for d in dialogues if d.replies]
    turns = np.concatenate([np.arange(1, d.replies + 1) for d in chosen])
    of = np.repeat(np.arange(len(chosen)), [d.replies for d in chosen])
    helped = np.array([d.helped for d in chosen])[of]
    known = np.array([d.rated for d in chosen])[of]
    mood = np.concatenate([moods(d) for d in chosen])
    for kind in (False, True):
        rated = mood[known & (helped == kind)]
        mood[~known & (helped == kind)] = rated.mean() if len(rated) else 0.0
    ended = np.concatenate([np.arange(1, d.replies + 1) == d.replies for d in chosen])
    abandoned = np.array([d.abandoned for d in chosen])[of]
    stayed = np.array([d.ending == "open" for d in chosen])[of]  # seen no further: neither exit
    entered = np.concatenate([_entered(d) for d in chosen])
    completed = ended & ~abandoned & ~stayed
    shown = np.concatenate([signs(d) for d in chosen])
    return Endings(of, turns, mood, helped, known, entered | ~helped, completed, ended & abandoned, shown)


def _entered(dialogue: Dialogue) -> Bools:
    """After which replies the dialogue had `FILTER` utterances, counting the answer; all where none were asked."""
    total, entered = 0, np.full(dialogue.replies, not dialogue.filtered)
    replies = 0
    for turn in dialogue.turns:
        total += turn.utterances
        replies += turn.supporter
        if replies and total >= FILTER:
            entered[replies - 1 :] = True
    return entered


def relief_points(dialogues: Sequence[Dialogue]) -> F64:
    """Fall of intensity from the first to the last survey in its points, `[P]`; NaN where one is missing."""
    return np.array(
        [np.nan if d.initial is None or d.final is None else d.initial - d.final for d in dialogues], dtype=np.float64
    )


def signs(dialogue: Dialogue) -> F64:
    """Signs at each reply, from what had been said up to and with it, `[replies, 8]` in the order of `SIGNS`.

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
    return np.array(rows, dtype=np.float64).reshape(-1, len(SIGNS))
