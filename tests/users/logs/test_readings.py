"""Readings of human replies: what each is read against, and when the kept table is found again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from rlgen.users.logs.dialogues import Dialogue, Turn
from rlgen.users.logs.readings import NAMES, read_replies


class Counting:
    """A reader whose readings tell how many earlier turns it was given."""

    def __init__(self, make_reading):
        self.calls = 0
        self.identity = "one"
        self.encoder = SimpleNamespace(encode=lambda texts: np.zeros((len(texts), 384), dtype=np.float32))
        self._make = make_reading

    def read(self, text, asked, earlier):
        self.calls += 1
        return self._make(len(text), repetition=[len(said) for said in earlier]), asked


def talk(number, replies):
    turns = [turn for text in replies for turn in (Turn(False, "Hm.", 1, None), Turn(True, text, 1, None))]
    return Dialogue(str(number), True, True, "work", 0, 4, 2, (*turns, Turn(False, "Bye.", 1, 4.0)))


def test_a_table_is_found_again_only_for_the_same_replies_after_the_same_ones(reading, tmp_path, monkeypatch):
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    reader = Counting(reading)
    column = NAMES.index("repetition")
    one, two = [talk(0, ["a", "b"])], [talk(0, ["a"]), talk(1, ["b"])]
    for _ in range(2):
        assert [rows[:, column].tolist() for rows in read_replies(one, reader)] == [[0, 1]]
        assert reader.calls == 1
    assert [rows[:, column].tolist() for rows in read_replies(two, reader)] == [[0], [0]]
    reader.identity = "another"
    read_replies(one, reader)
    assert reader.calls == 3
