"""Logged turns, taken apart and put together anew: what a reward is compared on where there is no table.

A transition is a turn. Its state is what was there before the reply, all that a design may read of the past:
utterance, recognised state, number of the turn, mean of earlier ratings. Its action is the reply as it was read. Its
next state is what the person showed then, and, where the dialogue went on, the state of the following turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np

from rlgen.errors import DataError
from rlgen.rewards.trace import Trace
from rlgen.types import F32, F64, I64, Bools, Rows

BEFORE: Final = ("utterance", "estimate", "turn", "rating_history_mean", "rating_before")
REPLY: Final = ("reply", "reading", "cost")
AFTER: Final = ("next_utterance", "feedback", "next_estimate", "relief")


@dataclass(frozen=True)
class Turns:
    """K turns of whole dialogues, in the order of dialogues and turns.

    Attributes:
        trace: the turns.
        dialogue: `[K]`, 0 to D - 1, whose turn each is.
        following: `[K]`, the row of the same dialogue's next turn; -1 where the dialogue ended.
    """

    trace: Trace
    dialogue: I64
    following: I64

    @classmethod
    def of(cls, traces: Sequence[Trace], dialogue: Sequence[I64]) -> Turns:
        """Turns in any order; dialogues of which a turn is missing, or the end, are left out.

        Args:
            traces: of any number of rows each.
            dialogue: for each trace `[rows]` numbers that tell dialogues apart; negative ones are left out.

        Raises:
            DataError: no dialogue is whole.
        """
        trace, number = joined(traces), np.concatenate(dialogue).astype(np.int64)
        order = np.lexsort((trace.turn, number))
        order = order[number[order] >= 0]
        trace, number = trace.rows(order), number[order]
        first = np.flatnonzero(np.diff(number, prepend=-1))
        length = np.diff(np.append(first, len(number)))
        place = np.arange(len(number)) - np.repeat(first, length)
        last = first + length - 1
        # Every turn is there if the last one that is there has the number that counting gives it.
        whole = (trace.turn[last] == length - 1) & (trace.turn[first] == 0) & trace.over[last]
        kept = np.repeat(whole, length) & (trace.turn == place)
        if not kept.any():
            raise DataError("the log has no dialogue from its first turn to its end; log whole dialogues")
        ended = (place == np.repeat(length, length) - 1)[kept]
        number = np.unique(number[kept], return_inverse=True)[1].astype(np.int64)
        following = np.where(ended, -1, np.arange(len(number)) + 1)
        return cls(trace.rows(kept), number, following)

    def __len__(self) -> int:
        return len(self.dialogue)

    @property
    def dialogues(self) -> int:
        """D, how many dialogues."""
        return int(self.dialogue[-1]) + 1

    @property
    def stays(self) -> Bools:
        """`[K]`, whether the dialogue goes on after the turn."""
        stays: Bools = self.following >= 0
        return stays

    def some(self, dialogues: I64) -> Turns:
        """Some of the dialogues, numbered anew in the order of the log."""
        kept = np.flatnonzero(np.isin(self.dialogue, dialogues))
        return Turns.of([self.trace.rows(kept)], [self.dialogue[kept]])

    def put_together(self, before: I64, reply: I64, after: I64) -> Trace:
        """Turns that nobody need have met: what was before one turn, the reply of a second, what came after a third.

        Args:
            before: `[n]` rows.
            reply: `[n]` rows.
            after: `[n]` rows, of the same turn as those before, or earlier where they ended their dialogue.
        """
        made: dict[str, Any] = {}
        for names, rows in ((BEFORE, before), (REPLY, reply), (AFTER, after)):
            made |= {name: _rows(getattr(self.trace, name), rows) for name in names}
        return replace(self.trace, **made)


def joined(traces: Sequence[Trace]) -> Trace:
    """One trace of the rows of several, as traces and nothing more."""
    return Trace(**{each.name: _joined([getattr(trace, each.name) for trace in traces]) for each in fields(Trace)})


def history(turns: Turns) -> F64:
    """`[K]`, the mean of earlier ratings about the middle of their scale, over two; 0 where there is none."""
    mean: F32 = turns.trace.rating_history_mean
    return np.nan_to_num((mean.astype(np.float64) - 3.0) / 2.0)


def _rows(value: Any, rows: I64) -> Any:
    if isinstance(value, list):
        return [value[i] for i in rows.tolist()]
    return value.rows(rows) if isinstance(value, Rows) else None if value is None else value[rows]


def _joined(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, list):
        return [each for value in values for each in value]
    if isinstance(first, Rows):
        names = [each.name for each in fields(first)]  # type: ignore[arg-type]
        return type(first)(**{name: _joined([getattr(value, name) for value in values]) for name in names})
    return np.concatenate(values) if isinstance(first, np.ndarray) else first
