"""`rlgen compare` and `rlgen.compare`: from a study to a page, figures and a table."""

import csv
import json

import rlgen
from rlgen.experiments.cli import main

from .conftest import SURFACE


def test_from_a_study_to_a_page(trained, tmp_path, capsys):
    asked = {"people": 16, "num_envs": 16, "ladder": False, "generator": SURFACE, "workers": 1}
    found = rlgen.compare([trained], out=tmp_path, **asked)
    assert found == json.loads((tmp_path / "comparison.json").read_text())
    assert {"default", "engagement_only"} == set(found["order"])
    assert found["verdict"]["headline"].startswith("On 2 seeds a design and 16 people, ")
    assert found["alarms"] == {"default": [[], []], "engagement_only": [[], []]}  # two iterations say nothing
    page = (tmp_path / "comparison.html").read_text()
    assert page.count("<svg") >= 5
    assert "http" not in page.replace("http://www.w3.org", "")
    rows = list(csv.DictReader((tmp_path / "comparison.csv").open()))
    assert len(rows) == 2 * 2 * 16
    words = ["compare", str(trained), "--out", str(tmp_path), "--people", "16", "--num-envs", "16", "--no-ladder"]
    assert main([*words, "--generator", json.dumps(SURFACE), "--workers", "1"]) == 0  # all is measured: at once
    told = capsys.readouterr().out
    assert found["verdict"]["headline"] in told
    assert "comparison.html has the figures" in told


def test_what_cannot_be_compared(tmp_path, capsys):
    assert main(["compare"]) == 2
    assert "compare needs run folders" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "nowhere")]) == 2
    assert "not a run" in capsys.readouterr().err
