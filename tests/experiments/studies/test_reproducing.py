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
    assert match["figures"] == 40  # 20 a record, and two records
    assert match["apart"] == {}


def test_what_differs_is_named(trained, tmp_path):
    shutil.copytree(trained / "default" / "seed-0", tmp_path / "other")
    lines = (tmp_path / "other" / "metrics.jsonl").read_text().splitlines()
    record = json.loads(lines[-1])
    record["length"] += 0.5
    record["seconds"] = 1e6
    (tmp_path / "other" / "metrics.jsonl").write_text("\n".join([*lines[:-1], json.dumps(record)]) + "\n")
    match = compare(Run(trained / "default" / "seed-0"), Run(tmp_path / "other"))
    assert match.weights
    assert "reproduced to the bit" in str(
        compare(Run(trained / "default" / "seed-0"), Run(trained / "default" / "seed-0"))
    )
    assert list(match.apart) == ["length at step 512"]
    assert "the weights are the same, 1 of " in str(match)
    other = compare(Run(trained / "default" / "seed-0"), Run(trained / "default" / "seed-1"))
    assert not other.weights
    assert not other.same


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
