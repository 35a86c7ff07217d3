"""What a generator is trained on, and the two commands that train, on the smallest of models."""

from __future__ import annotations

import json

import pytest

from recipes.generator import corpora
from recipes.generator.__main__ import PROGRAM, main
from recipes.generator.fit import Corpus
from rlgen.affect import NEUTRAL
from rlgen.errors import ConfigError
from rlgen.experiments.cli import call


@pytest.fixture
def small_lots(monkeypatch):
    monkeypatch.setattr(corpora, "CHUNK", 300)
    monkeypatch.setattr(corpora, "HELD_OUT", 40)


def made_up(path, dialogues=60):
    """A file of dialogues, every one of four turns."""
    lines = []
    for i in range(dialogues):
        turns = []
        for turn in range(4):
            turns.append({"speaker": "usr", "text": f"My dog number {i} ran away {turn} days ago."})
            turns.append({"speaker": "sys", "text": f"I am sorry about dog {i}, {turn} days is long."})
        lines.append(json.dumps({"id": str(i), "split": "train" if i % 5 else "valid", "turns": turns}))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_silenced_control_has_one_label_and_the_words_stay(small_lots):
    whole = [turn for dialogue in corpora.composed(0).chunk(0) for turn in dialogue.turns]
    labels = {
        "warmth": {"warmth": 0.0},
        "directiveness": {"directiveness": 0.0},
        "weight": {"weight": 0.5},
        "affect": {"category": NEUTRAL, "intensity": 0.0},
    }
    for control, values in labels.items():
        silent = [turn for dialogue in corpora.composed(0, control).chunk(0) for turn in dialogue.turns]
        assert [turn.reply for turn in silent] == [turn.reply for turn in whole]
        for name in ("warmth", "directiveness", "weight", "category", "intensity"):
            found = {getattr(turn, name) for turn in silent}
            assert found == {values[name]} if name in values else len(found) > 1, (control, name)


def test_corpora_are_joined_with_their_held_out_lots_apart():
    one = Corpus(lambda k: [f"one {k}"], {"a": ["x"]}, "first (MIT)")
    two = Corpus(lambda k: ["two"], {"b": ["y"]}, "second (CC)")
    both = corpora.joined([one, two])
    assert both.chunk(3) == ["one 3", "two"]
    assert both.held_out == {"a": ["x"], "b": ["y"]}
    assert both.description == "first (MIT); second (CC)"
    assert corpora.joined([one]) is one


def test_something_is_learned_from():
    with pytest.raises(ConfigError, match=r"nothing to learn from.*--esconv PATH"):
        corpora.chosen(False, None, 0, lambda: pytest.fail("no reader is needed"))


def test_a_generator_learns_from_both(small_lots, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path / "cache"))
    file = made_up(tmp_path / "mine.jsonl")
    out = tmp_path / "generator"
    words = ["--esconv", str(file), "--size", "tiny", "--tokens", "3000"]
    assert call(PROGRAM, main, [*words, "--out", str(out)]) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["quality"]["held_out"]) == {"known_phrases", "held_out_phrases", "esconv"}
    assert "ESConv" in manifest["data"][0]
    assert "CC BY-NC 4.0" in manifest["data"][0]
    assert "--esconv DIR" in manifest["command"]
    assert str(tmp_path) not in json.dumps(manifest)


def test_a_malformed_file_is_told_in_a_sentence(tmp_path, capsys):
    file = tmp_path / "mine.jsonl"
    file.write_text('{"turns": [{"speaker": "dog"}, {}]}\n', encoding="utf-8")
    argv = ["--no-own", "--esconv", str(file), "--out", str(tmp_path / "generator")]
    assert call(PROGRAM, main, argv) == 2
    told = capsys.readouterr().err
    assert "mine.jsonl, line 1, turns[0]: speaker is 'dog'" in told
    assert "Traceback" not in told
