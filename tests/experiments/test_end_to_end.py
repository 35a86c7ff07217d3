"""The commands on the real world, as a person would type them."""

import itertools
import json

import pytest

from rlgen.experiments import cli
from rlgen.experiments.dialogues.rollout import Rollout
from rlgen.experiments.runs.run import Run

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
    assert cli.main(["report", str(run.path)]) == 0
    page = run.report.read_text()
    assert "<svg" in page
    assert "Chosen by rule among 40 simulated people" in page
    assert "The trained policy earns" in capsys.readouterr().out


def test_a_run_is_measured_in_its_own_world_unless_told_otherwise(run, tmp_path, capsys):
    few = ["--people", "4", "--num-envs", "4", "--no-ladder"]
    assert cli.main(["evaluate", str(run.path), *few, "--reward", "relief"]) == 2
    assert "another world" in capsys.readouterr().err
    blind = ["--missing", "1", "1", "1", "--out", str(tmp_path / "blind")]
    assert cli.main(["evaluate", str(run.path), *few, *blind]) == 0
    seeing, unseeing = (
        cli.main(["evaluate", str(run.path), *few, *more, "--out", str(tmp_path / name)])
        for name, more in (("a", []), ("b", blind[:4]))
    )
    assert seeing == unseeing == 0
    a, b = (json.loads((tmp_path / name / "evaluation.json").read_text())["policies"] for name in ("a", "b"))
    assert a["trained"]["return"] != b["trained"]["return"]


def test_an_evaluation_that_was_stopped_goes_on_to_the_same_files(run, tmp_path, monkeypatch, capsys):
    few = ["evaluate", str(run.path), "--people", "6", "--num-envs", "4", "--save-every", "0"]
    assert cli.main([*few, "--out", str(tmp_path / "whole")]) == 0
    step, steps = Rollout._step, itertools.count()

    def interrupted(rollout):
        if next(steps) == 30:
            raise KeyboardInterrupt
        return step(rollout)

    monkeypatch.setattr(Rollout, "_step", interrupted)
    again = tmp_path / "again"
    assert cli.main([*few, "--out", str(again)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (again / "evaluation.json").exists()
    assert cli.main([*few, "--out", str(again)]) == 0
    assert "going on after" in capsys.readouterr().err
    for name in ("evaluation.csv", "dialogues.jsonl"):
        assert (again / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    one, two = (json.loads((tmp_path / name / "evaluation.json").read_text()) for name in ("again", "whole"))
    assert {**one, "stamp": 0} == {**two, "stamp": 0}


def test_a_run_whose_parts_changed_is_not_measured_in_silence(run, tmp_path, capsys):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["parts"]["readers"] = "0" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert cli.main(["evaluate", str(copy), "--people", "4", "--num-envs", "4"]) == 2
    assert "readers changed" in capsys.readouterr().err
    config = json.loads((copy / "config.json").read_text())
    config["world"]["max_turns"] = 3
    (copy / "config.json").write_text(json.dumps(config))
    assert cli.main(["evaluate", str(copy), "--people", "4", "--num-envs", "4"]) == 2
    assert "changed since training" in capsys.readouterr().err


def test_simulated_dialogues_have_words(tmp_path):
    out = tmp_path / "d.jsonl"
    assert cli.main(["simulate", "--people", "5", "--out", str(out)]) == 0
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert {r["person"] for r in records} == set(range(5))
    assert all(len(r["said"]) > 3 and len(r["reply"]) > 3 for r in records)
    assert not list(tmp_path.glob(".*"))


def test_the_same_seed_gives_the_same_weights(run, tmp_path):
    import torch

    from rlgen.policies import load_model

    command = ["train", "--out", str(tmp_path / "again"), "--steps", "1024", "--num-envs", "32", "--batch-size", "256"]
    assert cli.main(command) == 0
    one, two = (load_model(p / "policy.zip").policy.state_dict() for p in (run.path, tmp_path / "again"))
    assert all(torch.equal(one[name], two[name]) for name in one)
