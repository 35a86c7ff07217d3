"""A part of one's own that fails in the middle: one sentence, exit status 2, and nothing half-written."""

from __future__ import annotations

import json
import sys

import pytest

from rlgen.experiments import cli

PARTS = """
from faulty_helper import text
from rlgen.types import Replies

class Faulty:
    def __init__(self, after=3, how="raise"):
        self.after, self.how, self.calls = after, how, 0
    def weights_sha256(self):
        return "faulty"
    def reply(self, context, estimate, controls, streams):
        self.calls += 1
        rows = len(context.texts)
        if self.calls > self.after:
            return {"raise": lambda: rows // 0, "none": lambda: None, "few": lambda: Replies.of(["Go on."])}[self.how]()
        return Replies.of([text()] * rows)
"""

YAML = """
generator: {kind: faulty_part:Faulty, after: AFTER, how: HOW}
steps: 128
num_envs: 8
ppo: {n_steps: 8, batch_size: 64, n_epochs: 1}
device: cpu
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder in which one works, with a part that fails and what it imports."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty_part.py").write_text(PARTS)
    (tmp_path / "faulty_helper.py").write_text("def text():\n    return 'Go on.'\n")
    yield tmp_path
    for name in ("faulty_part", "faulty_helper"):
        sys.modules.pop(name, None)


def written(after, how="raise"):
    return YAML.replace("AFTER", str(after)).replace("HOW", how)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raise", "it raised ZeroDivisionError: integer division or modulo by zero ("),
        ("none", "it gave None; give rlgen.types.Replies of 8 rows (docs/parts.md)"),
        ("few", "its ids is an array of int64 [1, 1]; give a NumPy array of whole numbers [8, any] (docs/parts.md)"),
    ],
)
def test_training_stops_with_a_sentence_and_evaluation_too(place, capsys, how, said):
    (place / "c.yaml").write_text(written(3, how))
    assert cli.main(["train", "--config", "c.yaml", "--out", "run"]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert told[-1].startswith(f"rlgen train: generator was faulty_part:Faulty: {said}")
    assert not any("Traceback" in line for line in told)
    (place / "world.yaml").write_text(written(3, how).splitlines()[1])
    few = ["--people", "9", "--device", "cpu", "--num-envs", "8"]
    asked = ["evaluate", "--policy", "baseline:centre", "--no-ladder", "--config", "world.yaml", "--out", "found", *few]
    assert cli.main(asked) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("rlgen evaluate: generator was faulty_part")
    assert not (place / "found" / "evaluation.json").exists()


def test_a_run_tells_that_a_helper_of_its_part_has_changed(place, capsys):
    (place / "c.yaml").write_text(written(10**9))
    assert cli.main(["train", "--config", "c.yaml", "--out", "run"]) == 0, capsys.readouterr().err
    few = ["--people", "2", "--device", "cpu"]
    assert cli.main(["evaluate", "run", "--no-ladder", *few]) == 0, capsys.readouterr().err
    assert cli.main(["report", "run"]) == 0, capsys.readouterr().err
    before = json.loads((place / "run" / "manifest.json").read_text())["parts"]["generator"]
    (place / "faulty_helper.py").write_text("def text():\n    return 'Go on, please.'\n")
    capsys.readouterr()
    for command in (
        ["train", "--config", "c.yaml", "--out", "run", "--steps", "128"],
        ["evaluate", "run", "--no-ladder", *few],
        ["simulate", "--policy", "run", "--out", "x.jsonl", *few],
    ):
        assert cli.main(command) == 2, command
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert "generator" in told, told
        assert "changed" in told or "other frozen parts" in told, told
    assert not (place / "x.jsonl").exists()
    assert json.loads((place / "run" / "manifest.json").read_text())["parts"]["generator"] == before
