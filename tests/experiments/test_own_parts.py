"""A reward, a family, a generator and a policy of one's own go through train, evaluate, report by YAML alone."""

from __future__ import annotations

import json
import sys

import pytest

from rlgen.errors import ConfigError
from rlgen.experiments import cli
from rlgen.experiments.runs.training import TrainConfig, train

PARTS = """
import numpy as np
from rlgen.types import Replies
from rlgen.users import People, PeopleConfig, Feedback, State

def short(trace, limit=6):                                  # a reward: the words of both sides
    return np.array([-0.01 * (len(text.split()) > limit) for text in trace.reply])

class Echo:                                                 # a generator
    def __init__(self, words=4):
        self.words, self.calls = words, 0
    def weights_sha256(self):
        return f"echo {self.words}"
    def reply(self, context, estimate, controls, streams):
        self.calls += 1
        text = ["You say: " + " ".join(said[-1].split()[: self.words]) for said in context.texts]
        return Replies.of(text)

class Patient(People):                                      # people: a state and two functions
    class Config(PeopleConfig):
        scale: float = 0.5
    def start(self, draw):
        return State(intensity=0.5 + 0.4 * draw["intensity"])
    def react(self, state, reply, draw):
        state.intensity -= 0.1 * self.config.scale * np.maximum(reply.reading.warmth, 0)
        nobody = np.zeros(len(reply.text), dtype=bool)
        return Feedback(3 + state.relief, 1 - state.intensity, state.relief > 0.2, nobody)

class Kind:                                                 # a policy
    def act(self, obs, layout, streams, turn):
        return np.tile(np.float32([0.8, 0.0, 0.0, 0.5]), (len(obs), 1))
"""

YAML = """
reward: {kind: MODULE:short, limit: 3}
generator: {kind: MODULE:Echo, words: 3}
users: {family: MODULE:Patient, scale: 0.7}
steps: 128
num_envs: 8
ppo: {n_steps: 16, batch_size: 64, n_epochs: 1}
device: cpu
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder in which one works, with a module and a YAML file in it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "house_of_own.py").write_text(PARTS)
    (tmp_path / "c.yaml").write_text(YAML.replace("MODULE", "house_of_own"))
    yield tmp_path
    sys.modules.pop("house_of_own", None)


def test_parts_of_ones_own_go_all_the_way(place, capsys, caplog):
    assert cli.main(["train", "--config", "c.yaml", "--out", "run"]) == 0, capsys.readouterr().err
    assert "short states no range, so whether it pays for prolonging was not checked" in caplog.text
    world = json.loads((place / "run" / "config.json").read_text())["world"]
    assert world["users"]["family"] == "house_of_own:Patient"
    assert world["users"]["scale"] == 0.7
    assert world["generator"] == {"kind": "house_of_own:Echo", "words": 3}
    assert world["reward"]["terms"] == {"short": {"weight": 1.0, "params": {"limit": 3}, "term": "house_of_own:short"}}
    assert cli.main(["train", "--config", "c.yaml", "--out", "run"]) == 0, "it is finished, and the same"
    capsys.readouterr()
    few = ["--people", "4", "--device", "cpu"]
    assert cli.main(["evaluate", "run", *few]) == 0, capsys.readouterr().err
    (place / "world.yaml").write_text("\n".join(YAML.replace("MODULE", "house_of_own").splitlines()[:4]))
    own = ["--policy", "house_of_own:Kind", "--config", "world.yaml", "--no-ladder"]
    assert cli.main(["evaluate", *own, *few]) == 0, capsys.readouterr().err
    assert cli.main(["report", "run"]) == 0, capsys.readouterr().err
    page = (place / "run" / "report.html").read_text()
    assert "You say:" in page
    assert "not checked" in page
    # What is behind a name is a part of the run.
    module = place / "house_of_own.py"
    module.write_text(module.read_text().replace("0.01", "0.02"))
    capsys.readouterr()
    assert cli.main(["train", "--config", "c.yaml", "--out", "run", "--steps", "256"]) == 2
    assert "another config" in capsys.readouterr().err


def test_unknown_parts_answer_with_what_there_is(place, capsys):
    for words, said in (
        (["--reward", "house_of_own:shrt"], "house_of_own has no 'shrt'; it has short"),
        (["--users", "house_of_own:Kind"], "users was house_of_own:Kind: it cannot be made (TypeError"),
        (["--generator", "{kind: house_of_own:Echo, wrods: 1}"], "it cannot be made (TypeError"),
        (["--import", "no_such_module"], "there is no module 'no_such_module'"),
        (["--generator", "{kind: huggingface"], "not YAML"),
    ):
        assert cli.main(["simulate", "--people", "1", "--out", "x.jsonl", *words]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert said in error, error
        assert error.startswith("rlgen")


def test_a_module_that_registers_is_imported_before_parsing(place, capsys):
    (place / "registers_a_term.py").write_text(
        "from rlgen.rewards import TermParams, term\n"
        "@term('loud', TermParams, reads=('reply',))\n"
        "def loud(trace, params):\n"
        "    return [float(text.isupper()) for text in trace.reply]\n"
    )
    (place / "loud.yaml").write_text("terms: {loud: {weight: 1.0}}\n")
    asked = ["simulate", "--people", "1", "--out", "-", "--reward", "loud.yaml", "--generator", "shipped:generator"]
    assert cli.main(asked) == 2
    assert "there is no term 'loud'" in capsys.readouterr().err
    try:
        assert cli.main([*asked, "--import", "registers_a_term"]) == 0
        assert '"loud": 0.0' in capsys.readouterr().out
        assert cli.main(["--import=registers_a_term", *asked, "--no-text"]) == 2
    finally:
        from rlgen.rewards import TERMS

        TERMS.pop("loud", None)


def test_an_object_without_a_name_trains_and_its_run_says_that_it_must_be_given_again(place, capsys):
    def mine(trace):
        return -trace.turn / 100.0

    def asked(reward, steps=64):
        ppo = {"n_steps": 8, "batch_size": 64, "n_epochs": 1}
        return TrainConfig(
            out=place / "run",
            reward=reward,
            generator="shipped:surface",
            steps=steps,
            num_envs=8,
            ppo=ppo,
            device="cpu",
        )

    assert train(asked(mine)).finished
    assert train(asked(mine)).started_at == 64, "the same object goes on"
    assert cli.main(["evaluate", "run", "--people", "4", "--no-ladder"]) == 2
    assert "give the part again" in capsys.readouterr().err
    again = ["--people", "4", "--no-ladder", "--reward", "ratings"]
    assert cli.main(["evaluate", "run", *again, "--out", "elsewhere"]) == 0, capsys.readouterr().err
    with pytest.raises(ConfigError, match="another config"):
        train(asked("default"))
