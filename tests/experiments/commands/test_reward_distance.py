"""`rlgen reward distance`: a table, files, and mistakes in one sentence."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from rlgen.experiments import cli


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("log") / "dialogues.jsonl"
    assert cli.main(["simulate", "--no-text", "--people", "60", "--policy", "fixed:random", "--out", str(path)]) == 0
    return str(path)


def test_it_writes_what_it_shows(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["reward", "distance", "default", "ratings", "relief", "--dialogues", log, "--out", str(out)]
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((out / "distances.json").read_text())
    assert told["designs"] == ["default", "ratings", "relief"]
    assert set(told["distances"]) == {"epic", "dard", "starc"}
    rows = list(csv.DictReader((out / "distances.csv").open()))
    assert len(rows) == 27
    found = {(row["distance"], row["first"], row["second"]): float(row["value"]) for row in rows}
    assert found["epic", "default", "relief"] == pytest.approx(told["distances"]["epic"]["value"][0][2], abs=1e-6)
    assert found["epic", "default", "default"] == 0.0
    assert 0 < found["epic", "default", "ratings"] < found["epic", "default", "relief"] < 0.71
    assert (out / "distances.png").read_bytes()[:4] == b"\x89PNG"
    assert cli.main(words[:-2]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("EPIC", "DARD", "STARC", "default", "60 dialogues"))


def test_people_are_simulated_where_no_log_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reward", "distance", "default", "default", "relief", "--people", "20", "--json"]
    assert cli.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["designs"] == ["default", "default (2)", "relief"]
    assert told["dialogues"] == 20 * 6
    for kind in ("epic", "dard"):
        assert told["distances"][kind]["value"][0][1] == 0.0
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out)["distances"] == told["distances"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["default"], "a distance lies between two"),
        (["default", "defualt"], "no reward design 'defualt'"),
        (["default", "ratings", "--reward", "relief"], "--reward has no use here"),
        (["default", "ratings", "--dialogues", "none.jsonl"], "none.jsonl: cannot be read"),
        (["default", "ratings", "--dialogues", "x.jsonl", "--users", "calibrated"], "users makes another world"),
        (["default", "ratings", "--gamma", "2"], "gamma was 2"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reward", "distance", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
