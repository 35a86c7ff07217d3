"""Threads that move rows of one world: everybody gets their own answer, in few steps, and nobody else is moved."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from rlgen.experiments.serving.gathering import Dictation, Rounds
from rlgen.rng import Streams
from rlgen.types import Context, Controls, Estimate, Replies

ROWS = 32


class Counting:
    """A world whose rows count their turns; sick of the action 99."""

    def __init__(self, seconds=0.0):
        self.count = np.zeros(ROWS, dtype=int)
        self.began = {}
        self.sizes = []
        self.inside = 0
        self._takes = seconds

    def step(self, actions, rows):
        self.inside += 1
        assert self.inside == 1, "two threads at once"
        time.sleep(self._takes)
        assert rows.tolist() == sorted(rows.tolist())
        self.inside -= 1
        if (actions == 99).any():
            raise ValueError("sick")
        self.sizes.append(len(rows))
        self.count[rows] += 1
        self.last = SimpleNamespace(reply=[f"{row}:{self.count[row]}" for row in rows])
        return SimpleNamespace(obs=actions * 10.0)

    def restart(self, rows, streams=None):
        self.count[rows] = 0
        for k, row in enumerate(rows.tolist()):
            self.began[row] = None if streams is None else int(streams.seed[k])
        return np.arange(ROWS)[:, None] * 1.0

    def opening(self):
        return SimpleNamespace(utterance=[f"row {row}" for row in range(ROWS)])


def in_threads(count, work):
    found = [None] * count
    barrier = threading.Barrier(count)

    def one(i):
        barrier.wait()
        try:
            found[i] = work(i)
        except ValueError as error:
            found[i] = error

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return found


def test_everybody_gets_their_own_answer_in_few_steps():
    world = Counting(seconds=0.01)
    rounds = Rounds(world, None, wait=0.05)
    rounds.joined(16)

    def work(row):
        for _ in range(3):
            moved = rounds.turn(row, np.array([row]))
        return moved.record.reply[moved.at], moved.step.obs[moved.at].tolist()

    assert in_threads(16, work) == [(f"{row}:3", [row * 10.0]) for row in range(16)]
    assert world.count.tolist() == [3] * 16 + [0] * 16
    assert sum(world.sizes) == rounds.turns == 48
    assert rounds.steps == len(world.sizes) < 24


def test_dialogues_begin_in_the_midst_of_others():
    world = Counting(seconds=0.005)
    rounds = Rounds(world, None, wait=0.02)
    rounds.joined(8)

    def work(row):
        if row % 2:
            return rounds.turn(row, np.array([0])).record is not None
        begun = rounds.begin(row, Streams.of([100 + row], 1))
        again = rounds.begin(row, standing=np.array([7.0]))
        return begun.text, begun.obs.tolist(), again.text, again.obs.tolist()

    found = in_threads(8, work)
    assert found[1::2] == [True] * 4
    assert found[::2] == [(f"row {row}", [row], f"row {row}", [7.0]) for row in range(0, 8, 2)]
    assert world.began == {row: 100 + row for row in range(0, 8, 2)}


def test_a_step_that_fails_is_told_to_who_was_in_it_and_the_next_one_goes():
    rounds = Rounds(Counting(), None, wait=0.2)
    rounds.joined(2)
    found = in_threads(2, lambda row: rounds.turn(row, np.array([99 if row else 0])))
    assert all(isinstance(each, ValueError) for each in found)
    rounds.joined(-1)
    assert rounds.turn(0, np.array([1])).record.reply == ["0:1"]


def test_who_is_alone_does_not_wait_and_who_is_gone_is_not_waited_for():
    rounds = Rounds(Counting(), None, wait=5.0)
    rounds.joined(2)
    rounds.joined(-1)
    started = time.perf_counter()
    rounds.turn(0, np.array([1]))
    assert time.perf_counter() - started < 1.0


class Numbers:
    """Says the turn of each row that it is asked for."""

    calls = 0

    def reply(self, context, estimate, controls, streams):
        rows = len(context.turn)
        return Replies(
            np.tile(context.turn[:, None], 2), [f"turn {turn}" for turn in context.turn],
            np.full(rows, -1.0, np.float32),
        )  # fmt: skip


@pytest.mark.parametrize("said", [[None, "mine", None], ["a", "b", "c"], [None, None, None]])
def test_dictation_leaves_the_other_rows_to_the_generator(said):
    dictation = Dictation(Numbers())
    dictation.said = said
    value = np.zeros(3, np.float32)
    replies = dictation.reply(
        Context([["x"]] * 3, np.arange(3)),
        Estimate(value[:, None], np.zeros((3, 8), np.float32), np.zeros((3, 3), np.float32), np.ones((3, 3), bool)),
        Controls(value, value, value, value),
        Streams.of(0, 3),
    )
    assert replies.text == [text or f"turn {row}" for row, text in enumerate(said)]
    assert (replies.ids[[text is not None for text in said]] == -1).all()
    assert dictation.calls == (None in said)
