"""Parts of one's own for shards: people who keep things by rows, or over all of them, and a reward that fails."""

from __future__ import annotations

import numpy as np

from examples.own_people import Curious
from rlgen.users import TheoryConfig, build


class Counting(Curious):
    """A family that remembers more than its state."""

    class Config(Curious.Config):
        pass

    def __init__(self, config, rows, utterances, segments):
        super().__init__(config, rows, utterances, segments)
        self.heard = [[] for _ in range(rows)]
        self.table = {"turns": np.zeros((3, rows), dtype=np.int64), "fixed": np.arange(5)}

    def respond(self, rows, words, reading, streams, turn):
        for row in rows.tolist():
            self.heard[row] = [*self.heard[row], int(streams.row[0])][-3:]
        self.table["turns"][:, rows] += 1
        return super().respond(rows, words, reading, streams, turn)


class Bare:
    """People who only keep to the protocol."""

    def __init__(self, rows, utterances, segments):
        self.rows = rows
        self._inner = build(TheoryConfig(), rows, utterances, segments)
        self.hidden_names, self.knows_relief = self._inner.hidden_names, True
        self.sha256 = "bare"
        self.past = None  # made when somebody sits down

    def reset(self, rows, streams):
        if self.past is None:
            self.past = [""] * self.rows
        return self._inner.reset(rows, streams)

    def respond(self, rows, words, reading, streams, turn):
        assert max(rows) < self.rows == len(self.past)
        for row in rows.tolist():
            self.past[row] = f"row {streams.row[0]}"
        return self._inner.respond(rows, words, reading, streams, turn)

    def hidden(self):
        return self._inner.hidden()


class Together(Bare):
    """People who count all that were met."""

    def __init__(self, rows, utterances, segments):
        super().__init__(rows, utterances, segments)
        self.met = 0

    def reset(self, rows, streams):
        self.met += len(rows)
        return super().reset(rows, streams)


def fails_later(trace):
    if (trace.turn >= 3).any():
        1 / 0  # noqa: B018
    return np.zeros(len(trace.turn), np.float32)
