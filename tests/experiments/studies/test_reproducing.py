"""A run that is trained again is the same to the bit, or it is said what is not."""

import json
import shutil

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.cli import main
from rlgen.experiments.runs.run import Run
from rlgen.experiments.studies.reproducing import again, compare, runs_of


def test_runs_are_reproduced_to_the_bit(trained, tmp_path, capsys):
    words = ["reproduce", str(trained / "default" / "seed-0"), "--out", str(tmp_path / "again"), "--workers", "1"]
    assert main([*words, "--json"]) == 0
    (match,) = json.loads(capsys.readouterr().out)
    assert match["same"]
    assert match["figures"] == 42  # 21 a record, and two records
    assert match["apart"] == {}


def test_what_differs_is_named(trained, tmp_path):
    shutil.copytree(trained / "default" / "seed-0", tmp_path / "other")
    lines = (tmp_path / "other" / "metrics.jsonl").read_text().splitlines()
    record = json.loads(lines[-1])
    record["length"] += 0.5
    record["seconds"] = 1e6
    (tmp_path / "other" / "metrics.jsonl").write_text("\n".join([*lines[:-1], json.dumps(record)]) + "\n")
    match = compare(Run(trained / "default" / "seed-0"), Run(tmp_path / "other"))
    assert match.bits == {"weights": True}
    assert "reproduced to the bit" in str(
        compare(Run(trained / "default" / "seed-0"), Run(trained / "default" / "seed-0"))
    )
    assert list(match.apart) == ["length at step 512"]
    assert "the weights are the same, 1 of " in str(match)
    assert match.within == {"length": pytest.approx(0.5)}
    assert str(match).endswith("\n  length: within 0.5")
    assert match.program == ""
    other = compare(Run(trained / "default" / "seed-0"), Run(trained / "default" / "seed-1"))
    assert other.bits == {"weights": False}
    assert not other.same
    assert max(other.within, key=other.within.get) == next(iter(other.within))


def test_another_program_machine_and_number_of_threads_are_named(trained, tmp_path):
    run = Run(shutil.copytree(trained / "default" / "seed-0", tmp_path / "other"))
    manifest = run.manifest()
    manifest["segments"][-1] |= {"code": "0" * 16, "machine": "an abacus", "threads": "64"}
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    match = compare(run, Run(trained / "default" / "seed-0"))
    assert match.same
    for told in ("source 0000000000000000) there and is ", "machine was an abacus there", "threads was 64 there"):
        assert told in match.program
    assert match.program in str(compare(run, Run(trained / "default" / "seed-1")))


def test_an_evaluation_is_made_again(trained, tmp_path, capsys):
    run = Run(shutil.copytree(trained / "default" / "seed-0", tmp_path / "moved"))
    asked = ["--people", "4", "--no-ladder"]
    assert main(["evaluate", str(run.path), *asked]) == 0
    apart = tmp_path / "apart"
    named = ["--policy", "baseline:centre", "--generator", "surface:shipped:surface", "--seed", "3"]
    assert main(["evaluate", *named, *asked, "--out", str(apart)]) == 0
    moved = shutil.move(run.path, tmp_path / "there")
    again = ["reproduce", f"{moved}/evaluation.json", str(apart), "--out", str(tmp_path / "again"), "--json"]
    capsys.readouterr()
    assert main(again) == 0
    matches = json.loads(capsys.readouterr().out)
    assert [match["same"] for match in matches] == [True, True]
    assert all(match["figures"] > 30 for match in matches)

    found = json.loads((apart / "evaluation.json").read_text())
    found["policies"]["centre"]["relief"]["mean"] += 0.25
    found["stamp"]["code"] = "0" * 16
    (apart / "evaluation.json").write_text(json.dumps(found))
    assert main(["reproduce", str(apart), "--out", str(tmp_path / "more")]) == 1
    told = capsys.readouterr().out
    assert "1 of " in told
    assert "source 0000000000000000) there" in told
    assert "\n  policies.centre.relief.mean: within 0.25\n" in told
    del found["asked"]
    (apart / "evaluation.json").write_text(json.dumps(found))
    assert main(["reproduce", str(apart)]) == 2
    assert "is not what `rlgen evaluate` writes" in capsys.readouterr().err


def test_what_cannot_be_reproduced_is_said_in_a_sentence(trained, tmp_path):
    assert len(runs_of([trained])) == 4
    with pytest.raises(ConfigError, match="not a run"):
        runs_of([tmp_path])
    shutil.copytree(trained / "default" / "seed-0", tmp_path / "bare")
    (tmp_path / "bare" / "policy.zip").unlink()
    with pytest.raises(ConfigError, match="is not finished, so there is nothing to reproduce"):
        runs_of([tmp_path / "bare"])
    assert main(["reproduce"]) == 2


def test_the_config_is_the_one_that_there_was(trained, tmp_path):
    run = Run(trained / "engagement_only" / "seed-1")
    config = again(run, tmp_path)
    assert (config.seed, config.threads, config.reward) == (1, 1, None)
    assert config.resolved()["world"]["reward"] == run.config()["world"]["reward"]
