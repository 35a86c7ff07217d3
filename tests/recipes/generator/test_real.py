"""Real dialogues become labelled stretches; the file here is made up."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from recipes.generator.real import LONGEST_REPLY, RealTurn, read, stretches
from rlgen.errors import DataError


class Lengths:
    """Reads texts by their length, so that labels can be told from texts."""

    def __init__(self):
        self.calls = 0

    def read_catalogue(self, texts):
        self.calls += 1
        length = np.array([len(text) for text in texts], dtype=np.float32)
        affect = np.zeros((len(texts), 8), dtype=np.float32)
        affect[np.arange(len(texts)), length.astype(int) % 6] = 1
        values = {"affect": affect, "intensity": length / 100, "warmth": length / 200, "directiveness": -length / 200}
        return SimpleNamespace(**values), None


def usr(text):
    return {"speaker": "usr", "text": text}


def sys(text):
    return {"speaker": "sys", "text": text}


def lines(path, *records):
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n", encoding="utf-8")
    return path


def test_utterances_of_one_speaker_are_joined_and_ends_without_another_side_left_out(tmp_path):
    lost = [sys("Hi!"), usr("I lost"), usr(" my  keys. "), sys("Oh no."), usr(" "), sys("Where?")]
    turns = [*lost, usr("At work."), sys("I see."), usr("Bye.")]
    file = lines(tmp_path / "esconv.jsonl", {"split": "train", "turns": turns})
    reader = Lengths()
    (found,) = read(tmp_path, "train", reader)
    assert [(t.said, t.reply) for t in found.turns] == [("I lost my keys.", "Oh no. Where?"), ("At work.", "I see.")]
    assert reader.calls == 2  # all that people said, all that was answered
    first = found.turns[0]
    assert first == RealTurn(
        "I lost my keys.", "Oh no. Where?", 15 % 6, *map(pytest.approx, (0.15, 13 / 200, -13 / 200, 0.13))
    )
    assert read(file, "train", reader) == [found]


def test_the_published_layout(tmp_path):
    file = tmp_path / "ESConv.json"
    dialog = [{"speaker": "seeker", "content": "Hello\n"}, {"speaker": "supporter", "content": "Hi.", "annotation": {}}]
    file.write_text(json.dumps([{"dialog": dialog}] * 3, indent=1), encoding="utf-8")
    (one, *_) = read(file, "train", Lengths())
    assert (one.turns[0].said, one.turns[0].reply) == ("Hello", "Hi.")


def test_splits_share_no_dialogue(tmp_path):
    def talk(i, **more):
        return {"id": f"d{i}", "turns": [usr(f"I am number {i}."), sys(f"You are {i}.")], **more}

    file = lines(tmp_path / "named.jsonl", talk(0, split="train"), talk(1, split="valid"), talk(2, split="test"))
    assert len(read(file, "train", Lengths())) == 1
    assert len(read(file, "held_out", Lengths())) == 2
    file = lines(tmp_path / "unnamed.jsonl", *(talk(i) for i in range(300)))
    kept, held = ({d.turns[0].said for d in read(file, split, Lengths())} for split in ("train", "held_out"))
    assert len(kept | held) == 300
    assert not kept & held
    assert 15 <= len(held) <= 45


def test_stretches_are_short_and_leave_overlong_replies_out():
    long = " ".join(["word"] * (LONGEST_REPLY + 1))
    exchanges = [("a", "1"), ("b", long), ("c", "3"), *((str(i), "x") for i in range(6)), ("d", long)]
    found = list(stretches(exchanges))
    assert [len(piece) for piece in found] == [1, 4, 3]
    assert found[0] == [("a", "1")]
    assert list(stretches([])) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"turns": [', r"talks\.jsonl: not JSON"),
        ("[[]]", r"talks\.jsonl, dialogue 1: holds list"),
        (json.dumps({"turns": [usr("a"), sys("")]}), "no dialogue of the split 'train'"),
    ],
)
def test_malformed_files_are_told_in_a_sentence(tmp_path, content, message):
    file = tmp_path / "talks.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as raised:
        read(file, "train", Lengths())
    assert "\n" not in str(raised.value)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(DataError, match=r"no esconv\.jsonl"):
        read(tmp_path, "train", Lengths())
    (tmp_path / "bad.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        read(tmp_path / "bad.jsonl", "train", Lengths())
