"""A bank of real turns: labels by position, length and reading; a file that will not do is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.errors import DataError
from rlgen.text.datasets.utterances import UNNAMED, real_utterances
from rlgen.types import Reading


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
    bank = real_utterances(write(tmp_path / "esconv.jsonl", *records), Reads())
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
    bank = real_utterances(write(tmp_path / "x.jsonl", *records), Reads())
    assert sorted(np.bincount(bank.phase)) == [5, 5, 10, 10]
    assert {text.split()[1] for text, phase in zip(bank.text, bank.phase, strict=True) if phase == 3} == {"0.5"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no topic has more than 16"),
        ("{broken", "line 1: not JSON"),
        (json.dumps({"turns": [{"speaker": "dog", "text": "x"}]}), "needs 'speaker'"),
        ("\n".join(json.dumps(dialogue(k, str(k))) for k in range(9)), "no topic has more than 16"),
    ],
)
def test_a_file_that_will_not_do(tmp_path, text, says):
    (tmp_path / "esconv.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        real_utterances(tmp_path, Reads())


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="missing"):
        real_utterances(tmp_path / "none.jsonl", Reads())
