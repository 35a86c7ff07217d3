"""`python -m benchmarks.users`: options that do not go together, and what is printed when."""

from __future__ import annotations

import json

import pytest

from benchmarks import users as bench_users
from rlgen.errors import DataError
from rlgen.experiments.display.tables import Row


@pytest.mark.parametrize("given", ["parts", "repeats"])
def test_splits_of_a_fit_that_is_given_are_refused(given, tmp_path, capsys, run_bench):
    argv = ["users", "--data", str(tmp_path), "--parameters", "shipped", f"--{given}", "3"]
    assert run_bench(*argv) == 2
    told = capsys.readouterr().err
    assert f"{given} is of splits to refit on" in told
    assert len(told.strip().splitlines()) == 1


def test_the_table_is_out_before_the_picture_is_drawn(tmp_path, capsys, monkeypatch, run_bench):
    def fail(*_):
        raise DataError("the disk is full")

    monkeypatch.setattr(bench_users, "measure", lambda *_: [Row("rating NLL", 0.8)])
    monkeypatch.setattr("rlgen.experiments.fidelity.corpus.read_corpus", lambda *_: None)
    monkeypatch.setattr("rlgen.experiments.fidelity.sensitivity.plot_share", fail)
    argv = ["users", "--data", str(tmp_path), "--json"]
    assert run_bench(*argv, "--sensitivity", str(tmp_path / "s.png")) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"][0]["name"] == "rating NLL"
    assert "the disk is full" in told.err
    assert run_bench(*argv, "--sensitivity", str(tmp_path)) == 2  # known before the work
    assert capsys.readouterr().out == ""
