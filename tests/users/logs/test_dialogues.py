"""Reading rated dialogues: what is understood, and how mistakes are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.errors import DataError
from rlgen.users.fitting.people import _Counts
from rlgen.users.logs import observations
from rlgen.users.logs.dialogues import LONGEST_LINE, read


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


def test_what_one_says_in_a_row_is_joined_and_silence_left_out(tmp_path):
    said = [
        ("sys", "Hi!"),
        ("seeker", "I lost"),
        ("usr", " my  keys. "),
        ("supporter", "Oh no."),
        ("usr", " "),
        ("sys", "Ah."),
    ]
    (dialogue,) = read(write(tmp_path, record(turns=[{"speaker": who, "text": text} for who, text in said])))
    assert dialogue.spoken() == [(True, "Hi!"), (False, "I lost my keys."), (True, "Oh no. Ah.")]
    assert dialogue.split == "valid"


def turn(number, person=7, rating=None, said=None, then="", **changes):
    """A line of a log, as `rlgen simulate` and `rlgen chat` write it; `changes` go to the record."""
    feedback = {"rating": rating, "engagement": 0.5, "completed": False, "abandoned": False}
    base = {
        "person": person,
        "turn": number,
        "said": said or f"said {number}",
        "recognised": {"neutral": 1.0},
        "reply": f"reply {number}",
        "feedback": feedback | changes.pop("feedback", {}),
        "then": then,
    }
    return base | changes


def log(folder, *records):
    return write(folder, *records, name="my.jsonl") / "my.jsonl"


def ended(**outcome):
    return {"return": 0.1, "relief": 0.2, "length": 1, **outcome}


def test_turns_of_a_log_become_dialogues(tmp_path):
    done = {"completed": True}
    first, second, third = read(
        log(
            tmp_path,
            turn(0),
            turn(1, rating=4.0),
            turn(2, rating=5.0, feedback=done, outcome=ended(**done)),
            turn(0, person=8, feedback={"abandoned": True}, outcome=ended()),
            turn(0, person=9, then="and then"),
        )
    )
    assert [t.text for t in first.turns] == ["said 0", "reply 0", "said 1", "reply 1", "said 2", "reply 2", ""]
    assert first.ratings() == ([2, 3], [4.0, 5.0])
    assert (first.name, first.helped, first.rated, first.ending, first.replies) == ("7", True, True, "completed", 3)
    assert (first.initial, first.final, first.filtered) == (None, None, False)
    assert (second.helped, second.abandoned, second.rated, second.replies) == (False, True, False, 1)
    assert (third.ending, third.abandoned, third.turns[-1].text) == ("open", False, "and then")


@pytest.mark.parametrize(
    ("initial", "final", "completed", "helped"),
    [(4, 2, False, True), (4, 4, True, False), (3, None, True, True), (None, 2, False, False)],
)
def test_who_was_helped_is_what_the_surveys_say_and_without_them_the_leaving(
    tmp_path, initial, final, completed, helped
):
    surveys = {"initial_intensity": initial, "final_intensity": final}
    line = turn(0, feedback={"completed": completed}, outcome=ended(**surveys))
    (dialogue,) = read(log(tmp_path, line))
    assert (dialogue.initial, dialogue.final, dialogue.helped) == (initial, final, helped)


def test_who_has_not_left_leaves_neither_way_and_nothing_is_filtered(tmp_path):
    cut = [turn(i, rating=3 if i % 2 else None) for i in range(4)]
    full = [turn(i, person=8, feedback={"completed": i == 2}) for i in range(3)]
    ends = observations.endings(read(log(tmp_path, *cut, *full)))
    assert ends.completed.tolist() == [False] * 6 + [True]
    assert not ends.abandoned.any()
    assert ends.entered.all()
    assert ends.known.tolist() == [True] * 4 + [False] * 3


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{not json", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("3", "holds int"),
        (turn(2), "turn is 2; it must be 1, or 0 where a dialogue begins"),
        (turn(1, person=8), "person is 8; this dialogue is with person 7"),
        (turn(1, rating=6), "feedback.rating is 6"),
        (turn(1, rating=2.5), "feedback.rating is 2.5"),
        (turn(1, rating=True), "feedback.rating is True"),
        (turn(1, rating="good"), "feedback.rating is 'good'"),
        (turn("1"), "turn is str"),
        (turn(True), "turn is bool"),
        ({"person": 7, "turn": 1, "reply": "x", "feedback": {}}, "'said' is missing"),
        (turn(1, reply=None), "reply is NoneType"),
        (turn(1, feedback={"completed": 1}), "completed is int"),
        ({**turn(1), "feedback": 4}, "feedback is int"),
        (turn(1, outcome=3), "outcome is int"),
        (turn(1, outcome=ended(initial_intensity=0)), "initial_intensity is 0"),
        (record(), "'person' is missing"),
        ('{"turn": 1, "said": "' + "x" * LONGEST_LINE + '"}', "is longer than"),
    ],
)
def test_mistakes_in_a_log_name_file_line_and_field(tmp_path, bad, says):
    path = log(tmp_path, turn(0), bad)
    with pytest.raises(DataError, match=r"my\.jsonl, line 2: ") as caught:
        read(path)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_a_log_begins_at_turn_0_and_a_line_of_neither_layout_is_named(tmp_path):
    with pytest.raises(DataError, match="line 1: turn is 3; it must be 0"):
        read(log(tmp_path, turn(3)))
    with pytest.raises(DataError, match=r"line 1: the fields 'turns' or 'dialog' .* and 'turn' .* are missing"):
        read(log(tmp_path, {"text": "hello"}))
    with pytest.raises(DataError, match="no dialogue"):
        read(log(tmp_path, ""))


def test_a_byte_order_mark_and_empty_lines_do_no_harm(tmp_path):
    path = tmp_path / "my.jsonl"
    path.write_text("\ufeff\n" + json.dumps(turn(0)) + "\n\n" + json.dumps(turn(1)), encoding="utf-8")
    (dialogue,) = read(path)
    assert dialogue.replies == 2


def test_without_surveys_every_first_intensity_is_alike(tmp_path):
    helped, failed = ([turn(i, person, rating=3 + i % 2) for i in range(4)] for person in (1, 2))
    helped[-1]["feedback"]["completed"] = True
    counts = _Counts.of(read(log(tmp_path, *helped, *failed)))
    assert counts.initial == ((0.0, 0.25, 0.25, 0.25, 0.25), (0.2,) * 5)
    np.testing.assert_allclose(counts.feelings, 1 / 3, atol=1e-5)


@pytest.mark.parametrize(
    ("feedback", "then", "says"),
    [
        ('{"rating": ' + "1" * 400 + ', "completed": true, "abandoned": false}', '""', "must be 1, 2, 3, 4 or 5"),
        ('{"rating": ' + "1" * 5000 + ', "completed": true, "abandoned": false}', '""', "not JSON"),
        ('{"completed": true, "abandoned": true}', '""', "both true"),
        ('{"completed": true, "abandoned": false}', "[1, 2]", "then"),
    ],
)
def test_turns_that_say_the_impossible_are_named(tmp_path, feedback, then, says):
    path = tmp_path / "log.jsonl"
    path.write_text(
        f'{{"person": 1, "turn": 0, "said": "a", "reply": "b", "then": {then}, "feedback": {feedback}}}\n', "utf-8"
    )
    with pytest.raises(DataError, match="line 1") as caught:
        read(path)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 600


def test_half_characters_are_no_text(tmp_path):
    path = tmp_path / "log.jsonl"
    feedback = '{"completed": true, "abandoned": false}'
    path.write_text(f'{{"person": 1, "turn": 0, "said": "a\\ud800", "reply": "b", "feedback": {feedback}}}\n', "utf-8")
    assert read(path)[0].turns[0].text == "a?"
