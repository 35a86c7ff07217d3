"""`rlgen fit reward`: from dialogues, simulated or logged, to a design that can be trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlgen.experiments import cli
from rlgen.rewards import design


def test_a_reward_is_learned_from_simulated_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.yaml"
    words = ["fit", "reward", "--generator", "shipped:surface", "--people", "150", "--out", str(out)]
    assert cli.main([*words, "--members", "2", "--pessimism", "0.5", "--json"]) == 0
    rows = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert 0.6 < rows["right: this reward"] < rows["right: who did end better"] < 1
    assert rows["right: a coin"] == 0.5
    made = design(out)
    assert made.name == "mine"
    assert not made.allow_prolonging
    params = made.to_dict()["terms"]["linear"]["params"]
    assert len(params["coefficients"]) == 2
    assert params["pessimism"] == 0.5
    assert "600 dialogues of rlgen/SupportDynamic-v0 on the response surface" in out.read_text()


def test_and_from_a_log(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "own.yaml"
    words = ["simulate", "--no-text", "--policy", "fixed:random", "--people", "200", "--out", str(log)]
    assert cli.main(words) == 0
    assert cli.main(["fit", "reward", "--dialogues", str(log), "--out", str(out)]) == 0
    assert "200 dialogues of log.jsonl" in out.read_text()
    assert design(out).completing()[0] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--reward", "default"], "--reward has no use here"),
        (["--out", "mine.json"], "a design is a YAML file"),
        (["--dialogues", "none.jsonl"], "none.jsonl: cannot be read"),
        (["--dialogues", "a.jsonl", "--people", "40"], "people is for simulated dialogues"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["fit", "reward", *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert not list(tmp_path.iterdir())
