"""`rlgen fit baselines` in a world without text: stopped, taken up again, to the same rules."""

import json

import numpy as np
import pytest

from rlgen.envs.surface import ResponseSurface
from rlgen.experiments import cli
from rlgen.experiments.evaluation import search

pytestmark = pytest.mark.slow


def test_a_search_that_was_stopped_goes_on_to_the_same_ladder(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    readings = rng.uniform(0.1, 0.9, (400, 18)).astype(np.float32)
    surface = tmp_path / "surface"
    ResponseSurface(rng.uniform(-1, 1, (400, 14)).astype(np.float32), readings).save(surface, "a command", "random")
    argv = [
        "fit", "baselines", "--generator", str(surface), "--people", "20", "--num-envs", "64", "--fit-people", "16",
        "--iterations", "1", "--json", "--out",
    ]  # fmt: skip
    assert cli.main([*argv, str(tmp_path / "whole")]) == 0
    whole = json.loads(capsys.readouterr().out)["rows"]

    plainly, met = search.evaluate, []

    def interrupted(*given, **named):
        met.append(given)
        if len(met) == 90:
            raise KeyboardInterrupt
        return plainly(*given, **named)

    monkeypatch.setattr(search, "evaluate", interrupted)
    assert cli.main([*argv, str(tmp_path / "again")]) == 130
    assert not (tmp_path / "again").exists()
    met.clear()
    monkeypatch.setattr(search, "evaluate", lambda *given, **named: (met.append(given), plainly(*given, **named))[1])
    assert cli.main([*argv, str(tmp_path / "again")]) == 0
    out, told = capsys.readouterr()
    assert "going on after 89 candidates" in told
    assert json.loads(out)["rows"] == whole
    assert (tmp_path / "again" / "baselines.json").read_bytes() == (tmp_path / "whole" / "baselines.json").read_bytes()
    assert not list(tmp_path.glob(".*"))
