"""`rlgen simulate` without text, interrupted and killed; options that do not go together."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rlgen.envs.generators import Surface
from rlgen.envs.surface import ResponseSurface
from rlgen.errors import ConfigError
from rlgen.experiments import cli
from rlgen.experiments.commands.simulate import SimulateOptions
from rlgen.experiments.dialogues.rollout import Rollout
from rlgen.types import MAX_TURNS


def test_no_text_and_a_generator_of_words_do_not_go_together():
    def generator(**options):
        asked = SimulateOptions(text=False, **options)
        return asked.without_text(asked.world_config()).generator

    assert generator() == Surface()
    assert generator(generator={"kind": "surface", "path": "mine"}) == Surface(path="mine")
    with pytest.raises(ConfigError, match="--no-text has no generator"):
        generator(generator={"kind": "constant", "text": "Yes."})


@pytest.fixture(scope="module")
def surface(tmp_path_factory):
    """A surface of random readings: small, and nothing that is shipped is needed."""
    rng = np.random.default_rng(0)
    readings = rng.uniform(0.1, 0.9, (400, 18)).astype(np.float32)
    folder = tmp_path_factory.mktemp("surface") / "surface"
    ResponseSurface(rng.uniform(-1, 1, (400, 14)).astype(np.float32), readings).save(folder, "a command", "random")
    return folder


def test_the_command_without_text(surface, tmp_path, capsys, monkeypatch):
    common = ["simulate", "--people", "24", "--policy", "baseline:random", "--generator", str(surface)]
    for name, more in (("a", ["--num-envs", "7"]), ("b", ["--save-every", "0"])):
        assert cli.main([*common, *more, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    records = [json.loads(line) for line in (tmp_path / "a").read_text().splitlines()]
    assert list(dict.fromkeys(r["person"] for r in records)) == list(range(24))
    assert all(r["turn"] < MAX_TURNS and len(r["reading"]["affect"]) == 8 for r in records)
    assert not {"said", "reply", "then", "guard"} & set(records[0])
    capsys.readouterr()
    assert cli.main([*common, "--out", "-"]) == 0
    assert capsys.readouterr().out == (tmp_path / "a").read_text()

    step, steps = Rollout._step, itertools.count()

    def interrupted(rollout):
        if next(steps) == 7:
            raise KeyboardInterrupt
        return step(rollout)

    monkeypatch.setattr(Rollout, "_step", interrupted)
    last = [*common, "--save-every", "0", "--out", str(tmp_path / "c")]
    assert cli.main(last) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()
    assert cli.main(last) == 0
    assert "going on after" in capsys.readouterr().err
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


@pytest.mark.slow
def test_the_command_goes_on_after_a_kill(surface, tmp_path):
    out = tmp_path / "d.jsonl"
    words = [
        *(sys.executable, "-m", "rlgen.experiments.cli", "simulate", "--people", "3000", "--save-every", "0"),
        *("--num-envs", "64", "--generator", str(surface)),
    ]
    child = subprocess.Popen([*words, "--out", str(out)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    state = tmp_path / ".d.jsonl.state"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            if json.loads(state.open("rb").readline())["bytes"] > 200_000:
                break
        time.sleep(0.02)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not out.exists()
    other = subprocess.run([*words, "--out", str(out), "--seed", "5"], capture_output=True, text=True, check=False)
    assert other.returncode == 2
    assert "seed is 0 there and 5 now" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1
    assert cli.main([*words[3:], "--out", str(out)]) == 0
    assert cli.main([*words[3:], "--out", str(tmp_path / "whole.jsonl")]) == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
