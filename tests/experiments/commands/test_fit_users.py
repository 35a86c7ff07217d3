"""`rlgen fit users` on made-up dialogues: what is written, and that it is known afterwards what was seen."""

from __future__ import annotations

import json

import pytest

from benchmarks.users import seen_by
from rlgen import artifacts
from rlgen.experiments import cli, fidelity
from rlgen.experiments.commands import fit_users
from rlgen.users.calibrated.parameters import KIND, read_fit
from rlgen.users.logs.dialogues import read


def test_people_are_fitted_scored_and_written(rated_dialogues, made_up_corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fidelity, "PEOPLE", 300)
    monkeypatch.setattr("rlgen.experiments.fidelity.read_corpus", lambda data, _: made_up_corpus(data))
    out = tmp_path / "fit"
    argv = ["fit", "users", "--data", str(rated_dialogues), "--parts", "2", "--draws", "3", "--out", str(out), "--json"]
    assert cli.main(argv) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    manifest = artifacts.load(out, KIND).manifest
    assert manifest.data == [fit_users.LICENCE]  # a folder of that layout is taken for the corpus itself
    assert manifest.settings["dialogues"] == len(read(rated_dialogues)) == 120
    assert "--data DIR" in manifest.command
    assert str(tmp_path) not in manifest.command
    assert manifest.quality == {name: round(row["value"], 4) for name, row in rows.items() if row["target"] is not None}
    assert len(read_fit(str(out)).draws) == 3
    assert seen_by(made_up_corpus(rated_dialogues), str(out)) == 120


def test_a_place_that_holds_something_else_is_refused_before_anything_is_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rlgen.experiments.fidelity.read_corpus", lambda *_: pytest.fail("it was read"))
    (tmp_path / "mine.txt").write_text("keep me")
    assert cli.main(["fit", "users", "--data", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert (tmp_path / "mine.txt").read_text() == "keep me"
