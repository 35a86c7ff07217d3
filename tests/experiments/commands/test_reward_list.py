"""`rlgen reward list`: what there is, and whether a design of one's own may be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlgen.experiments import cli


def test_reward_list_shows_terms_and_designs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reward", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("alignment", "continuity", "engagement", "default", "ratings"))
    assert shown.count("may pay for prolonging, and says so") == 4
    assert all(word in shown for word in ("Ng, Harada and Russell", "Bradley and Terry", "Coste et al."))
    assert cli.main(["reward", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"default", "engagement_only", "ratings"} <= {design["name"] for design in listed["designs"]}


def test_reward_list_checks_a_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("terms:\n  engagement: {weight: 1}\n")
    assert cli.main(["reward", "list", "--check", str(path)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "pays for prolonging" in told
