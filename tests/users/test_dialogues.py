"""Reading rated dialogues: what is understood, and how mistakes are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.errors import DataError
from rlgen.users import observations
from rlgen.users.dialogues import read, split


def record(**changes):
    turns = []
    for i in range(10):
        turns.append({"speaker": "sys", "text": f"reply {i}", "utts": ["a", "b"]})
        turns.append({"speaker": "usr", "text": f"answer {i}", "utts": ["c"], "feedback": 3 + i % 3 if i % 2 else None})
    base = {
        "id": "x",
        "split": "valid",
        "emotion_type": "anxiety",
        "problem_type": "job crisis",
        "survey_score": {"seeker": {"initial_emotion_intensity": "4", "final_emotion_intensity": "2"}},
        "turns": turns,
        "has_turn_feedback": True,
    }
    return base | changes


def write(folder, *records, name="esconv.jsonl"):
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_what_a_line_becomes(tmp_path):
    failed = record(split="failed", survey_score={"seeker": {"initial_emotion_intensity": "5"}})
    write(tmp_path, failed, name="failed_esconv.jsonl")
    success, failure = read(write(tmp_path, record()))
    assert (success.helped, success.initial, success.final, success.feeling, success.replies) == (True, 4, 2, 1, 10)
    assert not success.abandoned
    assert failure.abandoned
    assert not failure.helped
    assert success.ratings() == ([2, 4, 6, 8, 10], [4.0, 3.0, 5.0, 4.0, 3.0])


def test_arrays_of_ratings_and_endings(tmp_path):
    (dialogue,) = read(write(tmp_path, record()))
    readings = [np.arange(10.0)[:, None]]
    ratings = observations.ratings([dialogue], readings)
    np.testing.assert_array_equal(ratings.value, [[3, 2, 4, 3, 2]])
    np.testing.assert_array_equal(ratings.readings[0, :, 0], [0.5, 2.5, 4.5, 6.5, 8.5])
    np.testing.assert_array_equal(ratings.last, [[0, 0, -1, 1, 0]])
    np.testing.assert_allclose(observations.moods(dialogue), [0, 0, 0, -1 / 3, -1 / 3, 0, 0, 0, 0, -1 / 6])
    ends = observations.endings([dialogue])
    assert ends.entered.tolist() == [False] * 5 + [True] * 5  # three utterances a round: 16 are reached in the sixth
    assert ends.completed.tolist() == [False] * 9 + [True]
    assert not ends.abandoned.any()


def test_split_keeps_kinds_together(tmp_path):
    names = [record(id=str(i), split="failed" if i % 4 == 0 else "train") for i in range(40)]
    train, test = split(read(write(tmp_path, *names)), 0.3, 7)
    assert len(train) + len(test) == 40
    assert sum(not d.helped for d in test) == 3
    assert not {d.name for d in train} & {d.name for d in test}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "list"),
        ({"id": "no turns"}, "'turns' is missing"),
        (record(turns="hello"), "turns is str"),
        (record(turns=record()["turns"][:1]), "at least two"),
        (record(turns=[{"speaker": "bot", "text": "x"}] * 2), "speaker is 'bot'"),
        (record(turns=[{"speaker": "usr", "text": 3}] * 2), "text is int"),
        (record(turns=[{"speaker": "usr", "text": "x", "feedback": 7}] * 2), "feedback is 7"),
        (record(survey_score={"seeker": {"initial_emotion_intensity": "high"}}), "initial_emotion_intensity is 'high'"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path, bad, says):
    with pytest.raises(DataError, match=r"esconv\.jsonl, line 2") as caught:
        read(write(tmp_path, record(), bad))
    assert says in str(caught.value)


def test_missing_empty_and_unreadable_files(tmp_path):
    with pytest.raises(DataError, match="no esconv"):
        read(tmp_path)
    (tmp_path / "esconv.jsonl").write_bytes(b"\n\n")
    with pytest.raises(DataError, match="no dialogue"):
        read(tmp_path)
    (tmp_path / "esconv.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        read(tmp_path)
