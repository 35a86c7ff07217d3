"""`python -m benchmarks.users`: options that do not go together, and what is printed when."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import users as bench_users
from rlgen.errors import DataError
from rlgen.experiments.display.tables import Row
from rlgen.users.fidelity import talks as fidelity_talks


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
    monkeypatch.setattr("rlgen.experiments.fidelity.read_corpus", lambda *_: None)
    monkeypatch.setattr(bench_users, "plot_share", fail)
    argv = ["users", "--data", str(tmp_path), "--json"]
    assert run_bench(*argv, "--sensitivity", str(tmp_path / "s.png")) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"][0]["name"] == "rating NLL"
    assert "the disk is full" in told.err
    assert run_bench(*argv, "--sensitivity", str(tmp_path)) == 2  # known before the work
    assert capsys.readouterr().out == ""


CORPUS = SimpleNamespace(readings_of_rated=["readings"], bank="bank")


@pytest.fixture
def people(monkeypatch):
    """People whose figures are known functions of the share; what they were asked for is kept."""
    asked = []

    def simulated_talks(parameters, share, readings, seed, bank):
        asked.append((parameters, share, readings, seed, bank))
        return SimpleNamespace(
            value=np.array([[4, -1], [round(4 * share) - 1, -1]]),  # from 0, and -1 where nothing was rated
            abandoned=np.arange(100) >= 100 * share,
            replies=np.array([10 * share, 0.0]),
            relief_points=np.array([share, np.nan, 3 * share]),
        )

    monkeypatch.setattr(fidelity_talks, "simulated_talks", simulated_talks)
    return asked


def test_each_curve_is_the_figure_of_its_name(people, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(bench_users, "save_png", lambda figure, file: drawn.append((figure, file)))
    bench_users.plot_share("parameters", CORPUS, tmp_path / "s.png", 7)
    assert people == [("parameters", share, ["readings"], 7, "bank") for share in bench_users.SHARES]
    ((figure, file),) = drawn
    assert file == tmp_path / "s.png"
    curves = {axes.get_title(): axes.lines[0].get_xydata().T for axes in figure.axes}
    shares = np.array(bench_users.SHARES)
    assert all(np.array_equal(x, shares) for x, _ in curves.values())
    assert curves["mean rating"][1] == pytest.approx((5 + np.round(4 * shares)) / 2)  # on the scale from 1 to 5
    assert curves["abandoned"][1] == pytest.approx(1 - shares, abs=0.005)
    assert curves["mean replies"][1] == pytest.approx(5 * shares)
    assert curves["mean relief"][1] == pytest.approx(2 * shares)  # of those who told it


def test_the_picture_is_written_or_the_file_named(people, tmp_path):
    bench_users.plot_share("parameters", CORPUS, tmp_path / "s.png", 7)
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="cannot be written"):
        bench_users.plot_share("parameters", CORPUS, tmp_path / "s.png" / "t.png", 7)
