"""ESConv as it is published, in whatever way its JSON is printed."""

from __future__ import annotations

import dataclasses
import json

import pytest

from rlgen.errors import DataError
from rlgen.users.logs.dialogues import read


def talk(seeker="seeker", supporter="supporter", **changes):
    said = [(supporter, "Hello.\n"), (supporter, "What brings you?"), (seeker, "I failed."), (seeker, "Again."),
            (supporter, "Hard."), (seeker, "Yes.")]  # fmt: skip
    dialog = [{"speaker": who, "annotation": {}, "content": text} for who, text in said]
    dialog[2]["annotation"] = {"feedback": "4"}
    survey = {"initial_emotion_intensity": "4", "final_emotion_intensity": "2"}
    base = {"emotion_type": "sadness", "problem_type": "exams", "survey_score": {"seeker": survey}, "dialog": dialog}
    return base | changes


def merged(split):
    turns = [{"speaker": "sys", "text": "Hello. What brings you?", "utts": ["a", "b"]},
             {"speaker": "usr", "text": "I failed. Again.", "utts": ["a", "b"], "feedback": 4},
             {"speaker": "sys", "text": "Hard.", "utts": ["a"]},
             {"speaker": "usr", "text": "Yes.", "utts": ["a"]}]  # fmt: skip
    return {key: value for key, value in talk().items() if key != "dialog"} | {"split": split, "turns": turns}


def told(dialogues):
    return [dataclasses.replace(d, name="", split="") for d in dialogues]


PRINTED = {
    "indented": lambda records: json.dumps(records, indent=1),
    "one line": json.dumps,
    "BOM": lambda records: "\ufeff" + json.dumps(records, indent=4),
    "lines": lambda records: "\n".join(map(json.dumps, records)),
    "spaced": lambda records: "\r\n  " + json.dumps(records, indent="\t") + "\n\n",
}


@pytest.mark.parametrize("printed", PRINTED)
def test_the_published_layout_is_that_of_turns(tmp_path, printed):
    (tmp_path / "own").mkdir()
    for file, split in (("esconv.jsonl", "train"), ("failed_esconv.jsonl", "failed")):
        (tmp_path / "own" / file).write_text("\n".join([json.dumps(merged(split))] * 3))
    (tmp_path / "ESConv.json").write_text(PRINTED[printed]([talk()] * 3), encoding="utf-8")
    failed = [talk("speaker", "listener")] * 3
    (tmp_path / "FailedESConv.json").write_text(PRINTED[printed](failed), encoding="utf-8")
    assert told(read(tmp_path)) == told(read(tmp_path / "own"))
    assert [d.helped for d in read(tmp_path)] == [True] * 3 + [False] * 3
    assert not read(tmp_path / "FailedESConv.json")[0].helped
    (tmp_path / "esconv.jsonl").write_text(json.dumps(merged("train")))  # the same in both layouts is read once
    assert len(read(tmp_path)) == 4


def test_one_dialogue_over_many_lines_is_read(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(talk(), indent=2))
    assert len(read(tmp_path / "one.json")) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[{", "not JSON"),
        ("[1, 2]", "dialogue 1: holds int"),
        (json.dumps([{"a": 1}]), "'turns' or 'dialog'"),
        (json.dumps([talk(dialog=3)]), "dialog is int"),
        (json.dumps([talk(), talk(dialog=[3])]), r"dialogue 2, dialog\[0\]: is int"),
        (json.dumps([talk("narrator")]), r"dialog\[2\]: speaker is 'narrator'"),
        (json.dumps([talk(dialog=talk()["dialog"][:1])]), "at least two"),
        ("[]", "holds no dialogue"),
    ],
)
def test_what_is_malformed_is_named(tmp_path, text, says):
    (tmp_path / "ESConv.json").write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        read(tmp_path)
    assert "ESConv.json" in str(caught.value)
    assert "\n" not in str(caught.value)
