"""The commands on the real world, as a person would type them."""

import json

import pytest

from rlgen.experiments import cli
from rlgen.experiments.runs import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "run"
    command = ["train", "--out", str(folder), "--steps", "1024", "--num-envs", "32", "--batch-size", "256"]
    assert cli.main(command) == 0
    return Run.open(folder)


def test_a_policy_trains_is_evaluated_and_reported(run, capsys):
    assert cli.main(["evaluate", str(run.path), "--people", "40", "--num-envs", "32"]) == 0
    found = json.loads(run.evaluation.read_text())
    assert {"trained", "random", "centre", "untrained"} <= set(found["policies"])
    assert found["parts"] == run.manifest()["parts"]
    assert len((run.path / "evaluation.csv").read_text().splitlines()) == 1 + 40 * len(found["policies"])
    assert cli.main(["report", str(run.path), "--people", "8"]) == 0
    assert "<svg" in run.report.read_text()
    assert "random actions" in capsys.readouterr().out


def test_simulated_dialogues_have_words(tmp_path):
    out = tmp_path / "d.jsonl"
    assert cli.main(["simulate", "--people", "5", "--out", str(out)]) == 0
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert {r["person"] for r in records} == set(range(3_000_000, 3_000_005))
    assert all(len(r["said"]) > 3 and len(r["reply"]) > 3 for r in records)
    assert not list(tmp_path.glob(".*"))


def test_the_same_seed_gives_the_same_weights(run, tmp_path):
    import torch

    from rlgen.policies import load_checkpoint

    command = ["train", "--out", str(tmp_path / "again"), "--steps", "1024", "--num-envs", "32", "--batch-size", "256"]
    assert cli.main(command) == 0
    one, two = (load_checkpoint(p / "policy.zip").policy.state_dict() for p in (run.path, tmp_path / "again"))
    assert all(torch.equal(one[name], two[name]) for name in one)
