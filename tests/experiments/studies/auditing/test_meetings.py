"""Dialogues as rewards see them: those of a world and those of its file are the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.envs.generators import Surface
from rlgen.errors import DataError, RewardError
from rlgen.experiments import cli
from rlgen.experiments.studies.auditing.meetings import meet, read_dialogues, together
from rlgen.policies.baselines import Random
from rlgen.rewards import Trace, design, shipped_designs
from rlgen.rewards.distances import Turns

PEOPLE, SEED = 40, 3
ENV = "rlgen/SupportDynamic-v0"


@pytest.fixture(scope="module")
def met() -> Turns:
    return meet(World(world_config(ENV, generator=Surface()), 16), Random(), PEOPLE, SEED)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "dialogues.jsonl"
    words = ["simulate", "--no-text", "--people", str(PEOPLE), "--seed", str(SEED), "--policy", "baseline:random"]
    assert cli.main([*words, "--out", str(path)]) == 0
    return path


def test_a_dialogue_goes_on_where_it_left_off(met: Turns) -> None:
    """What follows a turn is before the next one; also where a world wrote over what it had shown."""
    assert met.dialogues == PEOPLE
    on = np.flatnonzero(met.stays)
    ahead = met.following[on]
    assert met.trace.next_estimate.affect[on].tobytes() == met.trace.estimate.affect[ahead].tobytes()
    assert [met.trace.next_utterance[i] for i in on] == [met.trace.utterance[i] for i in ahead]
    assert type(met.trace) is Trace
    ended = np.flatnonzero(~met.stays)[:-1]
    assert (met.trace.next_estimate.affect[ended] != met.trace.estimate.affect[ended + 1]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("name", [name for name in shipped_designs() if name != "priced"])
def test_a_file_tells_what_its_world_told(met: Turns, file: Path, name: str) -> None:
    """Every shipped design scores the turns of a file as it scored them in the world, to the file's four digits."""
    told = read_dialogues(file)
    assert (told.dialogue == met.dialogue).all()
    assert (told.following == met.following).all()
    one = design(name)
    assert one.score(told.trace)[0] == pytest.approx(one.score(met.trace)[0], abs=4e-4)


def test_costs_are_not_in_a_file(file: Path) -> None:
    with pytest.raises(RewardError, match="holds no cost"):
        design("priced").score(read_dialogues(file).trace)


def test_the_reward_that_keeps_is_paid_nothing_and_changes_nothing(met: Turns, file: Path) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["reading"]["warmth"] for line in lines] == pytest.approx(met.trace.reading.warmth.tolist(), abs=1e-4)


def test_logs_together_keep_their_dialogues_apart(met: Turns) -> None:
    both = together([met, met.some(np.array([1, 4]))])
    assert both.dialogues == PEOPLE + 2
    assert len(both) == len(met) + np.isin(met.dialogue, [1, 4]).sum()


def test_a_file_that_is_cut_short_loses_only_its_last_dialogue(file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    assert read_dialogues(cut).dialogues == PEOPLE - 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is empty"), ("{\n", "line 1 is no turn"), ('{"turn": 0}\n', "line 1 is no turn with its reading")],
)
def test_what_is_no_log_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        read_dialogues(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="cannot be read"):
        read_dialogues(tmp_path / "none.jsonl")
