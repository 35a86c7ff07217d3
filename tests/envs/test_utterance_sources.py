"""What people say in a world: the project's bank, its crisis lines, or a researcher's own turns."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError, DataError
from rlgen.experiments.runs.worlds import open_world
from rlgen.text.utterances import CRISIS
from rlgen.types import ALLOW, ESCALATE

DYNAMIC = "rlgen/SupportDynamic-v0"
REPLY = {"kind": "constant", "text": "That sounds hard. What weighs on you most?"}
MORE = ["zero", "one", "two", "three", "four", "five", "six", "seven"]


def world(num_envs, **changes):
    made = World(world_config(DYNAMIC, generator=REPLY, **changes), num_envs)
    made.record = True
    return made


def dialogue(number):
    turns = []
    for i in range(6):
        turns += [{"speaker": "usr", "text": f"I thought about {MORE[number]} and {MORE[i]} today."}]
        turns += [{"speaker": "sys", "text": "I see."}]
    return {"problem_type": "numbers", "turns": turns}


def test_people_in_crisis_are_handed_over():
    made = world(16, users={"population": CRISIS})
    made.reset(5)
    decided, cost, said = [], [], []
    for _ in range(6):
        step = made.step(np.zeros((16, 4), np.float32))
        decided.append(made.last.verdict.decision)
        cost.append(step.costs["crisis"])
        said += made.last.reply
        assert set(made.last.topic) == {CRISIS}
    assert np.isin(decided, (ALLOW, ESCALATE)).all()
    assert (np.equal(decided, ESCALATE) == (np.array(cost) == 1)).all()
    assert (np.array(decided) == ESCALATE).mean() > 0.4
    assert any("crisis line" in reply for reply in said)
    general = world(16)
    general.reset(5)
    assert all(not general.step(np.zeros((16, 4), np.float32)).costs["crisis"].any() for _ in range(4))


def test_a_command_shows_that_it_reads_real_turns_and_the_library_does_not(tmp_path, monkeypatch, capsys):
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps(dialogue(k)) for k in range(8)), encoding="utf-8")
    config = world_config(DYNAMIC, generator=REPLY, utterances=str(file))
    for made, told in ((World, False), (open_world, True)):
        monkeypatch.setenv("RLGEN_CACHE", str(tmp_path / str(told)))  # nothing is kept there yet
        made(config, 1)
        shown = capsys.readouterr()
        assert ("reading utterances" in shown.err) == told
        assert shown.out == ""
    open_world(config, 1)
    assert capsys.readouterr().err == "", "a table is there"


def test_real_turns_are_all_that_is_said(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps(dialogue(k)) for k in range(8)), encoding="utf-8")
    made = world(4, utterances={"kind": "corpus", "path": str(file)})
    assert made.sha256["utterances"] != world(1).sha256["utterances"]
    made.reset(0)
    for _ in range(5):
        made.step(np.zeros((4, 4), np.float32))
        assert set(made.last.topic) == {"numbers"}
        assert all(text.startswith("I thought about ") for text in made.last.utterance)


def test_what_cannot_be_said_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"use own, or the path of your copy"):
        world_config(DYNAMIC, utterances="mine")
    with pytest.raises(ConfigError, match=r"missing"):
        world_config(DYNAMIC, utterances={"kind": "corpus"})
    with pytest.raises(ConfigError, match="project's own bank"):
        world_config(DYNAMIC, utterances=str(tmp_path), users={"population": CRISIS})
    with pytest.raises(DataError, match="no such file"):
        world(1, utterances={"kind": "corpus", "path": tmp_path / "none.jsonl"})
