"""`rlgen reward audit`: verdicts, files, exit statuses, and mistakes in one sentence."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from rlgen.experiments import cli

QUICK = ["--people", "60", "--talks", "0", "--no-search"]


def test_it_writes_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert cli.main(["reward", "audit", "default", *QUICK, "--strict", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((out / "audit.json").read_text())
    verdicts = {each["check"]: each["verdict"] for each in told["checks"]}
    assert verdicts["prolonging"] == verdicts["ratings"] == "ok"
    assert verdicts["best sequence"] == verdicts["degenerate supporters"] == "not tried"
    rows = {row["policy"]: row for row in csv.DictReader((out / "audit.csv").open())}
    assert float(rows["schedule"]["relief"]) == told["policies"]["schedule"]["relief"]
    assert float(rows["schedule"]["relief"]) > float(rows["centre"]["relief"])
    assert (out / "audit.png").read_bytes()[:4] == b"\x89PNG"


def test_a_design_of_ones_own_fails_only_under_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("def talk(trace):\n    return trace.feedback.engagement\n")
    words = ["reward", "audit", f"{tmp_path}/mine.py:talk", *QUICK]
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert "prolonging" in shown
    assert "it fails" in shown
    assert cli.main([*words, "--strict"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no design was named"),
        (["defualt"], "no reward design 'defualt'"),
        (["default", "--reward", "relief"], "--reward has no use here"),
        (["default", "--people", "3"], "people was 3"),
        (["default", "--env", "rlgen/None-v0"], "rlgen/None-v0"),
        (["none.yaml"], "none.yaml"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reward", "audit", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
