"""What human and simulated dialogues are compared by, and how fitted people are made to talk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rlgen.affect import NUM_CATEGORIES, VALENCE
from rlgen.rng import Streams
from rlgen.text.utterances import utterances
from rlgen.types import F64, I64, MAX_TURNS, Bools, Reading, Rows, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.calibrated.config import CalibratedConfig
from rlgen.users.calibrated.parameters import Parameters
from rlgen.users.calibrated.people import CalibratedUsers
from rlgen.users.logs import observations
from rlgen.users.logs.dialogues import Dialogue
from rlgen.users.logs.readings import NAMES

PEOPLE: Final = 2000  # simulated for a comparison of distributions
Said = dict[str, tuple[float, float]]
"""Texts, each with log(1 + words) and valence."""


@dataclass(frozen=True)
class Talks(Rows):
    """Dialogues of P people with at most J ratings, human or simulated.

    Attributes:
        value: `[P, J]` ratings as 0-4, -1 where padded.
        after: `[P, J]` how many replies had come.
        windows: `[P, J, K]` mean reading of the replies since the last rating.
        words: `[P, J]` log(1 + words) of what the person said with the rating.
        valence: `[P, J]` of the same.
        replies: `[P]` at the end, at most the horizon.
        relief_points: `[P]` fall of intensity in points of the survey, NaN where it is unknown.
        abandoned: `[P]`.
        open: `[P]` cut off by the horizon.
    """

    value: I64
    after: F64
    windows: F64
    words: F64
    valence: F64
    replies: I64
    relief_points: F64
    abandoned: Bools
    open: Bools


def human_talks(dialogues: Sequence[Dialogue], readings: Sequence[F64], said: Said) -> Talks:
    """Rated human dialogues; a text that `said` does not know counts as empty and neutral."""
    chosen = [i for i, d in enumerate(dialogues) if d.rated]
    rated = [dialogues[i] for i in chosen]
    ratings = observations.ratings(rated, [readings[i] for i in chosen])
    words, valence = np.zeros((2, *ratings.value.shape))
    for row, dialogue in enumerate(rated):
        texts = [turn.text for turn in dialogue.turns if turn.rating is not None]
        for j, text in enumerate(texts):
            words[row, j], valence[row, j] = said.get(text, (0.0, 0.0))
    replies = np.array([min(d.replies, MAX_TURNS) for d in rated], dtype=np.int64)
    return Talks(
        ratings.value,
        ratings.after,
        ratings.readings,
        words,
        valence,
        replies,
        observations.relief_points(rated),
        np.array([d.abandoned for d in rated], dtype=np.bool_),
        np.array([d.replies > MAX_TURNS for d in rated], dtype=np.bool_),
    )


def simulated_talks(
    parameters: Parameters,
    share: float,
    readings: Sequence[F64],
    seed: int,
    bank: UtteranceCatalogue | None = None,
    said: Said | None = None,
    people: int = PEOPLE,
) -> Talks:
    """Let people of a fit talk with supporters whose replies read as those of human dialogues did.

    Args:
        parameters: of the people.
        share: of successes among them.
        readings: `[replies, 11]` of human dialogues; each person meets those of one, over again if it lasts longer.
        seed: of people and of whose replies they meet.
        bank: what they can say; the project's own without one.
        said: words and valence of the bank's texts; without it they are left 0.
        people: how many.
    """
    bank = bank or utterances()
    segment = SegmentCatalogue(np.zeros(1, np.int64), np.zeros(1, np.int64), *(np.zeros(1, np.float32),) * 3)
    users = CalibratedUsers(CalibratedConfig(share_of_successes=share), people, bank, segment, parameters)
    streams = Streams.of(seed, people, "simulation")
    users.reset(np.arange(people), streams)
    words = Words(np.full((people, 1), -1), [""] * people)
    met = _meet(readings, people, seed)
    value = np.full((people, MAX_TURNS), -1, dtype=np.int64)
    after, shown = np.zeros((people, MAX_TURNS)), np.zeros((2, people, MAX_TURNS))
    windows, heard = np.zeros((people, MAX_TURNS, len(NAMES))), np.zeros((people, len(NAMES)))
    count, since = np.zeros(people, dtype=np.int64), np.zeros(people)
    replies, relief = np.full(people, MAX_TURNS), np.zeros(people)
    abandoned, open_, there = np.zeros((3, people), dtype=np.bool_)
    there[:] = True
    of_bank = None if said is None else np.array([said[text] for text in bank.text])
    for turn in range(MAX_TURNS):
        heard, since = heard + met[:, turn], since + 1
        feedback, expression = users.respond(
            np.arange(people), words, _reading(met[:, turn]), streams, np.full(people, turn)
        )
        given = ~np.isnan(feedback.rating)
        rows = np.flatnonzero(there & given)
        at = rows, count[rows]
        value[at], after[at] = feedback.rating[rows].astype(np.int64) - 1, turn + 1
        windows[at] = heard[rows] / since[rows, None]
        if of_bank is not None:
            shown[0][at], shown[1][at] = of_bank[expression.utterance[rows]].T
        count[rows] += 1
        heard[given], since[given] = 0.0, 0.0
        left = feedback.completed | feedback.abandoned
        leaving = there & (left | (turn == MAX_TURNS - 1))
        replies[leaving] = turn + 1
        relief[leaving] = users.hidden()["relief_points"][leaving]
        abandoned |= there & feedback.abandoned
        open_ |= leaving & ~left
        there &= ~leaving
    relief[abandoned] = np.nan  # who leaves so does not answer the last survey
    return Talks(value, after, windows, shown[0], shown[1], replies, relief, abandoned, open_)


def as_successes(talks: Talks, dialogues: Sequence[Dialogue], seed: int) -> Talks:
    """Simulated people who would have entered the corpus of successes.

    They did not abandon, and stayed until the corpus's filter let their dialogue in, at a reply drawn from where
    human dialogues passed it.
    """
    ends = observations.endings([d for d in dialogues if d.helped and d.replies])
    first = np.full(ends.dialogue.max() + 1, MAX_TURNS)
    np.minimum.at(first, ends.dialogue[ends.entered], ends.turn[ends.entered])
    drawn = np.random.default_rng(seed).choice(first, len(talks.replies))
    return talks.rows((talks.replies >= drawn) & ~talks.abandoned)


def _meet(readings: Sequence[F64], people: int, seed: int) -> F64:
    """Readings of the replies that each person meets, `[people, 16, 11]`."""
    some = [rows for rows in readings if len(rows)]
    table = np.stack([rows[np.arange(MAX_TURNS) % len(rows)] for rows in some])
    met: F64 = table[np.random.default_rng(seed).integers(len(table), size=people)]
    return met


def _reading(columns: F64) -> Reading:
    """A reading from `[N, 11]` columns in the order of `NAMES`."""
    by_name = dict(zip(NAMES, columns.T.astype(np.float32), strict=True))
    affect = np.zeros((len(columns), NUM_CATEGORIES + 2), dtype=np.float32)
    affect[:, 0] = 1.0
    affect[:, VALENCE] = by_name["valence"]
    empathy = np.stack([by_name[name] for name in ("reaction", "interpretation", "exploration")], axis=1)
    return Reading(affect, empathy, **{name: by_name[name] for name in Reading.SCALARS})
