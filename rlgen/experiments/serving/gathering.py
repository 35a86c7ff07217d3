"""Rows of one world that different threads move: what they ask within a few milliseconds is one step of the world."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.envs import StepResult, TurnRecord, World
from rlgen.rng import Streams
from rlgen.types import F32, Context, Controls, Estimate, Generator, Replies


class Dictation:
    """A generator that says what it is told to, and leaves the other rows to another generator.

    Attributes:
        said: what to say in each row of the next call; None: the other generator speaks.
        calls: of the other generator.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.said: list[str | None] = []
        self.calls = 0

    def weights_sha256(self) -> str:
        """Hash of the generator that speaks."""
        return self._generator.weights_sha256()

    def reply(self, context: Context, estimate: Estimate, controls: Controls, streams: Streams) -> Replies:
        """Replies of N rows; the generator sees only the rows that it speaks in."""
        own = np.array([row for row, text in enumerate(self.said) if text is None], dtype=np.int64)
        text = [said or "" for said in self.said]
        if not len(own):
            return Replies(np.full((len(text), 1), -1, dtype=np.int64), text, np.zeros(len(text), dtype=np.float32))
        made = self._generator.reply(context.rows(own), estimate.rows(own), controls.rows(own), streams.rows(own))
        self.calls += 1
        ids = np.full((len(text), made.ids.shape[1]), -1, dtype=np.int64)
        logprob = np.zeros(len(text), dtype=np.float32)
        ids[own], logprob[own] = made.ids, made.logprob
        for row, words in zip(own.tolist(), made.text, strict=True):
            text[row] = words
        return Replies(ids, text, logprob)


@dataclass(frozen=True)
class Moved:
    """What a step did to one of its rows.

    Attributes:
        step: of all rows that took a turn in it.
        record: likewise, the texts.
        at: which of these rows.
    """

    step: StepResult
    record: TurnRecord
    at: int


@dataclass(frozen=True)
class Begun:
    """How a dialogue begins.

    Attributes:
        obs: `[D]`.
        text: what the person says first.
    """

    obs: F32
    text: str


@dataclass
class _Ask:
    """What one thread asks, and what becomes of it.

    Attributes:
        row: of the world.
        action: for a turn; None: begin a dialogue.
        said: for a turn, the words to say instead of the generator's.
        streams: to begin under, `[1]`; None: the row's next dialogue.
        standing: `[D]` observed in that dialogue, where it stands there already.
        answer: what became of it.
        error: why nothing did.
        over: whether it is settled, one way or the other.
    """

    row: int
    action: NDArray[Any] | None = None
    said: str | None = None
    streams: Streams | None = None
    standing: F32 | None = None
    answer: Moved | Begun | None = None
    error: BaseException | None = None
    over: bool = False


class Rounds:
    """Moves rows of a world for many threads.

    One of the threads that wait does the work for all. It waits until every row that has a client asks, at most for
    a few milliseconds; while it works, others gather for the next round. Rows that do not ask stay as they are, and
    what a row hears depends on its own dialogue and stream alone.

    Attributes:
        clients: rows that may ask.
        turns: that were taken; `steps` in how many steps of the world.
    """

    def __init__(self, world: World, dictation: Dictation | None, wait: float) -> None:
        """Take over a world.

        Args:
            world: used by nobody else, reset, with `record` set.
            dictation: its generator; None where it has no words.
            wait: seconds to wait for other rows.
        """
        self._world, self._dictation, self._wait = world, dictation, wait
        self.clients = self.turns = self.steps = 0
        self._changed = threading.Condition()
        self._waiting: list[_Ask] = []
        self._busy = False

    def turn(self, row: int, action: NDArray[Any], said: str | None = None) -> Moved:
        """A turn in one row.

        Args:
            row: which.
            action: `[...]`, inside the space.
            said: words of the reply; None: the world's generator finds them.
        """
        answer = self._ask(_Ask(row, action=action, said=said))
        assert isinstance(answer, Moved)
        return answer

    def begin(self, row: int, streams: Streams | None = None, standing: F32 | None = None) -> Begun:
        """A new dialogue in one row.

        Args:
            row: which.
            streams: `[1]` to begin under; None: the row's next dialogue.
            standing: `[D]`, where that stands there since the last one ended: what the step observed in it.
        """
        answer = self._ask(_Ask(row, streams=streams, standing=standing))
        assert isinstance(answer, Begun)
        return answer

    def joined(self, change: int) -> None:
        """So many more rows have a client now, or fewer."""
        with self._changed:
            self.clients += change
            self._changed.notify_all()

    def _ask(self, ask: _Ask) -> Moved | Begun:
        with self._changed:
            self._waiting.append(ask)
            self._changed.notify_all()
            while not ask.over:
                if self._busy:
                    self._changed.wait()
                    continue
                self._busy = True
                self._gather()
                batch, self._waiting = self._waiting, []
                self._changed.release()
                try:
                    self._answer([a for a in batch if a.action is None], self._begin)
                    # In the order of the rows: a generator remembers dialogues by their place in a call.
                    self._answer(sorted((a for a in batch if a.action is not None), key=lambda a: a.row), self._step)
                finally:
                    self._changed.acquire()
                    self._busy = False
                    self._changed.notify_all()
        if ask.error is not None:
            raise ask.error
        assert ask.answer is not None
        return ask.answer

    def _gather(self) -> None:
        until = time.monotonic() + self._wait
        while len(self._waiting) < self.clients and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)

    def _answer(self, batch: list[_Ask], work: Callable[[list[_Ask]], None]) -> None:
        if not batch:
            return
        try:
            work(batch)
        except BaseException as error:  # noqa: BLE001 - all who asked have to hear of it
            for ask in batch:
                ask.error = error
        for ask in batch:
            ask.over = True

    def _begin(self, batch: list[_Ask]) -> None:
        following = [ask.row for ask in batch if ask.streams is None and ask.standing is None]
        given = [(ask.row, ask.streams) for ask in batch if ask.streams is not None]
        if following:
            obs = self._world.restart(np.array(following))
        if given:
            rows, streams = zip(*given, strict=True)
            obs = self._world.restart(np.array(rows), streams_of(streams))
        text = self._world.opening().utterance
        for ask in batch:
            ask.answer = Begun(obs[ask.row] if ask.standing is None else ask.standing, text[ask.row])

    def _step(self, batch: list[_Ask]) -> None:
        if self._dictation is not None:
            self._dictation.said = [ask.said for ask in batch]
        rows = np.array([ask.row for ask in batch])
        step = self._world.step(np.stack([np.asarray(ask.action) for ask in batch]), rows)
        record = self._world.last
        assert record is not None
        self.turns += len(batch)
        self.steps += 1
        for at, ask in enumerate(batch):
            ask.answer = Moved(step, record, at)


def streams_of(parts: Sequence[Streams]) -> Streams:
    """The streams of several rows, one after the other."""
    return Streams(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Streams)))
