"""A bank of real turns: labels by position, length and reading; a file that will not do is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.errors import DataError
from rlgen.types import Reading
from rlgen.users.logs.dialogues import read
from rlgen.users.logs.real_utterances import UNNAMED, real_utterances


class Reads:
    """Reads anger at an intensity that the text states, and notes what it was given."""

    def read_catalogue(self, texts, progress):
        rows = len(texts)
        affect = np.zeros((rows, 8), np.float32)
        affect[:, 3] = 1.0
        values = {name: np.zeros(rows, np.float32) for name in Reading.SCALARS}
        values["intensity"] = np.array([float(text.split()[1]) for text in texts], np.float32)
        return Reading(affect, np.zeros((rows, 3), np.float32), **values), np.zeros((rows, 4), np.float32)


def dialogue(number, topic, turns=6):
    said = []
    for i in range(turns):
        said.append({"speaker": "usr", "text": f"Said 0.{i} of {number} " + "and more " * i})
        said.append({"speaker": "sys", "text": "I see."})
    record = {"turns": [*said, {"speaker": "usr", "text": "No."}]}
    return record | ({"problem_type": topic} if topic else {})


def write(path, *records):
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return path


def test_labels(tmp_path):
    records = (
        [dialogue(k, "job crisis") for k in range(5)] + [dialogue(9, "rare")] + [dialogue(7 + k, "") for k in range(4)]
    )
    bank = real_utterances(read(write(tmp_path / "esconv.jsonl", *records)), Reads())
    assert bank.topics == ("job crisis", UNNAMED)  # a topic with six turns is too small
    assert len(bank) == 5 * 6 + 4 * 6 - 6  # number 9 said the same under two names and counts once, as rare
    assert (bank.category == 3).all()
    turn = np.array([int(text.split()[1].removeprefix("0.")) for text in bank.text])
    np.testing.assert_allclose(bank.intensity, turn / 10)
    # The short last turn takes leave in the dialogue, and is left out of the bank.
    np.testing.assert_array_equal(bank.phase, np.array([0, 1, 1, 2, 2, 2])[turn])
    np.testing.assert_array_equal(bank.disclosure, np.array([0, 0, 1, 1, 2, 2])[turn])


def test_the_last_turn_takes_leave(tmp_path):
    records = [dialogue(k, "t") | {"turns": dialogue(k, "t")["turns"][:-1]} for k in range(5)]
    bank = real_utterances(read(write(tmp_path / "x.jsonl", *records)), Reads())
    assert sorted(np.bincount(bank.phase)) == [5, 5, 10, 10]
    assert {text.split()[1] for text, phase in zip(bank.text, bank.phase, strict=True) if phase == 3} == {"0.5"}


def test_too_few_turns_of_a_topic_are_told(tmp_path):
    file = write(tmp_path / "esconv.jsonl", *(dialogue(k, str(k)) for k in range(9)))
    with pytest.raises(DataError, match="of the 9 dialogues, no topic has more than 16"):
        real_utterances(read(file), Reads())
    with pytest.raises(DataError, match="no topic has more than 16"):
        real_utterances([], Reads())
