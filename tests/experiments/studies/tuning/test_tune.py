"""Searches of a known optimum: what is found, killed, shared, changed, and what may be claimed."""

import json
import re

import numpy as np
import pytest
import yaml

from rlgen.errors import ConfigError
from rlgen.experiments import cli
from rlgen.experiments.options import parse
from rlgen.experiments.runs.training import TrainConfig
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.tuning import findings
from rlgen.experiments.studies.tuning.findings import Found
from rlgen.experiments.studies.tuning.study import TuneStudy
from rlgen.experiments.studies.tuning.tune import tune
from rlgen.policies.presets import read_preset

LOCAL = ExecutorOptions()


def values(result):
    return [trial["values"] for trial in result["trials"]]


def test_the_default_comes_first_then_chance_then_the_sampler_which_finds_the_optimum(study, here, tmp_path):
    result = tune(study(trials=40, pruner="none"), tmp_path, LOCAL)
    assert [trial["by"] for trial in result["trials"]] == ["default"] + ["random"] * 3 + ["tpe"] * 36
    assert values(result)[0] == {"ppo.learning_rate": 1e-3, "ppo.gamma": 0.99}
    best = result["finals"]["values"][result["winner"]]
    assert abs(np.log10(best["ppo.learning_rate"]) + 3) < 0.3
    assert abs(best["ppo.gamma"] - 0.9) < 0.06
    gap = result["finals"]["minus_default"][result["winner"]]["return"]
    assert gap["low"] > 0
    assert gap["over"] == "seeds and people"
    truth = 25 * 0.09**2 - np.log10(best["ppo.learning_rate"] * 1e3) ** 2 - 25 * (best["ppo.gamma"] - 0.9) ** 2
    assert gap["mean"] == pytest.approx(truth, abs=0.03)
    assert "better than the default" in result["verdict"]
    assert sum(result["importance"].values()) == pytest.approx(1, abs=1e-3)
    assert "mean_rating" not in result["finals"]["figures"]["default"]  # nobody knows it of these people


def test_what_only_chance_moves_is_unimportant(study, here, tmp_path):
    space = {**study().model_dump()["space"], "ppo.vf_coef": {"kind": "float", "low": 0.1, "high": 0.9}}
    result = tune(study(trials=40, space=space, sampler="random", pruner="none"), tmp_path, LOCAL)
    assert min(result["importance"], key=result["importance"].get) == "ppo.vf_coef"
    assert min(result["sensitivity"], key=lambda name: result["sensitivity"][name]["spread"]) == "ppo.vf_coef"


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(study, here, toys, tmp_path, monkeypatch):
    whole = tune(study(), tmp_path / "whole", LOCAL)
    plainly, calls = toys.bowl, []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return plainly(*given)

    monkeypatch.setattr(toys, "bowl", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune(study(), tmp_path / "again", LOCAL)
    again = tune(study(), tmp_path / "again", LOCAL)
    assert again["trials"] == whole["trials"]
    assert again["finals"] == whole["finals"]
    before = len(calls)
    assert tune(study(), tmp_path / "again", LOCAL)["trials"] == whole["trials"]
    assert len(calls) == before  # all was there
    assert [t["number"] for t in tune(study(trials=10), tmp_path / "again", LOCAL)["trials"]] == list(range(10))


@pytest.mark.slow
def test_killed_workers_cost_no_trial_and_change_none(study, in_process, tmp_path):
    with in_process():
        whole = tune(study(trials=3, finalists=1), tmp_path / "whole", LOCAL)
    killed = tune(study("dying", trials=3, finalists=1), tmp_path / "killed", ExecutorOptions(workers=1))
    assert killed["trials"] == whole["trials"]


@pytest.mark.slow
def test_two_workers_share_the_trials(study, tmp_path):
    one = study("slowly", pruner="none", finalists=1, final_seeds=2)
    result = tune(one, tmp_path, ExecutorOptions(workers=2))
    assert [trial["number"] for trial in result["trials"]] == list(range(8))
    assert len({json.dumps(each) for each in values(result)}) == 8
    met = [line.split() for place in tmp_path.glob("trials/*/met.txt") for line in place.read_text().splitlines()]
    assert len({process for _, process in met}) == 2
    assert len(met) == 16  # eight trials, two seeds


def test_a_study_that_was_changed_under_its_name_is_refused(study, here, tmp_path):
    tune(study(trials=4), tmp_path, LOCAL)
    wider = {**study().model_dump()["space"], "ppo.gamma": {"kind": "float", "low": 0.5, "high": 0.999}}
    with pytest.raises(ConfigError, match=r"space\.ppo\.gamma\.low is 0\.8 there and 0\.5 now\); undo that, or name"):
        tune(study(trials=4, space=wider), tmp_path, LOCAL)


def test_of_one_seed_no_interval_is_claimed_and_the_default_stays(study, here, tmp_path):
    result = tune(study(final_seeds=1), tmp_path, LOCAL)
    assert result["winner"] == "default"
    assert "no interval over them is given" in result["verdict"]
    for gap in result["finals"]["minus_default"].values():
        assert gap["return"]["low"] is gap["return"]["high"] is None
    assert result["finals"]["figures"]["default"]["return"]["low"] is None


def test_hopeless_trials_are_left_by_step_and_by_seed(study, here, tmp_path):
    result = tune(
        study(trials=30, train={"generator": "shipped:surface", "steps": 200, "eval_every": 100}), tmp_path, LOCAL
    )
    states = [trial["state"] for trial in result["trials"]]
    assert states.count("pruned") > 5
    assert states[0] == "complete"
    trained = [len(place.read_text().splitlines()) for place in sorted(tmp_path.glob("trials/*/met.txt"))]
    assert all(n == 2 for n, state in zip(trained, states, strict=True) if state == "complete")
    assert 1 in [n for n, state in zip(trained, states, strict=True) if state == "pruned"]
    by_seed = tune(study(trials=30), tmp_path / "seed", LOCAL)  # without validations only the seed's end tells
    assert "pruned" in [trial["state"] for trial in by_seed["trials"]]


def test_trials_that_cannot_be_trained_are_told_and_the_search_goes_on(study, here, tmp_path):
    result = tune(study("diverging", trials=12), tmp_path, LOCAL)
    failed = [trial for trial in result["trials"] if trial["state"] == "fail"]
    assert failed
    assert all("lower learning_rate" in trial["failed"] for trial in failed)
    assert all(trial["values"]["ppo.learning_rate"] > 2e-3 for trial in failed)


def test_several_objectives_and_constraints(study, here, tmp_path):
    one = study(objectives=("return", "cost"), constraints={"cost": 0.095}, pruner="none", trials=20)
    result = tune(one, tmp_path, LOCAL)
    for name, chosen in result["finals"]["values"].items():
        assert name == "default" or chosen["ppo.gamma"] <= 0.95
    trials = [Found(i, "complete", "tpe", {"x": i}, {"return": r, "cost": c})
              for i, (r, c) in enumerate([(1.0, 0.09), (0.9, 0.05), (0.8, 0.06), (1.1, 0.2)])]  # fmt: skip
    assert [each.number for each in findings.ranked(one, trials)] == [0, 1, 2]  # 3 costs too much, 2 is worse than 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"space": {"ppo.learning_rat": {"kind": "float", "low": 1, "high": 2}}}, "no field 'ppo.learning_rat'"),
        ({"space": {"ppo.gamma": {"kind": "float", "low": 0.1, "high": 0.5}}}, "the default of ppo.gamma is 0.99"),
        ({"space": {"ppo.gamma": {"kind": "float", "low": 0.9, "high": 1.5}}}, "ppo.gamma was 1.5"),
        ({"space": {"ppo.hidden": {"kind": "categorical", "choices": [[64, 64], [0]]}}}, "ppo.hidden.0 was 0"),
        ({"space": {"ppo.clip_range_vf": {"kind": "float", "low": 0.1, "high": 0.5}}}, "has no default|is None"),
        ({"space": {"ppo.policy_kwargs.log_std_init": {"kind": "float", "low": -2.0, "high": 0.5}}}, "has no default"),
    ],
)
def test_a_space_that_cannot_be_is_one_sentence(study, fields, said):
    with pytest.raises(ConfigError, match=said) as caught:
        study(**fields).defaults()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("space: {}", "space was"),
        ("space: {ppo.gamma: {kind: float, low: 0.9, high: 0.8}}", "low < high is needed"),
        ("space: {ppo.gamma: {kind: real, low: 0.9, high: 0.8}}", "kind|tag"),
        ("space: {ppo.gamma: {kind: float, low: .nan, high: 0.8}}", "finite"),
        ("space: {ppo.gamma: {kind: float, low: 0.8, high: 0.9}}\nobjectives: [return, cost]", "set pruner: none"),
        ("space: {ppo.gamma: {kind: float, low: 0.8, high: 0.9}}\nseeds: [1000]", "of the trials and of the finals"),
        ("space: {ppo.gamma: {kind: float, low: 0.8, high: 0.9}}\nobjectives: [joy]", "objectives"),
    ],
)
def test_a_wrong_study_is_one_sentence_and_status_2(text, said, tmp_path, capsys):
    file = tmp_path / "s.yaml"
    file.write_text(text)
    assert cli.main(["tune", str(file), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(file) in told
    assert re.search(said, told)
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_preset_that_train_takes(study, here, tmp_path, capsys):
    file = tmp_path / "bowl.yaml"
    fields = study(trials=30, pruner="none").model_dump(mode="json", exclude={"name", "space"})
    file.write_text(yaml.safe_dump({**fields, "space": yaml.safe_load(json.dumps(study().model_dump()["space"]))}))
    out = tmp_path / "out"
    assert cli.main(["tune", str(file), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["study"] == "bowl"
    assert (out / "landscape.png").read_bytes().startswith(b"\x89PNG")
    place = str(out / "preset.yaml")
    kept = yaml.safe_load((out / "preset.yaml").read_text())
    assert kept["provenance"]["verdict"] == result["verdict"]
    chosen = result["finals"]["values"][result["winner"]]
    config = parse(TrainConfig, ["--out", "x", "--gamma", "0.5"], "train", read_preset(place))
    assert config.ppo.learning_rate == chosen["ppo.learning_rate"]
    assert config.ppo.gamma == 0.5  # what is given by hand wins
    (tmp_path / "c.yaml").write_text("ppo: {n_epochs: 3}\n")
    both = parse(TrainConfig, ["--out", "x", "--config", str(tmp_path / "c.yaml")], "train", read_preset(place))
    assert (both.ppo.n_epochs, both.ppo.gamma) == (3, chosen["ppo.gamma"])
    assert cli.main(["train", "--preset", "nothing", "--out", "x"]) == 2
    assert "--preset was 'nothing'" in capsys.readouterr().err


def test_seeds_and_realms_of_trials_and_finals_are_apart(study, here, toys, tmp_path, monkeypatch):
    asked = []
    plainly = toys.bowl
    monkeypatch.setattr(toys, "bowl", lambda *given: (asked.append((given[0].seed, given[2])), plainly(*given))[1])
    tune(study(trials=4), tmp_path, LOCAL)
    trials = {seed for seed, realms in asked if realms == ("tuning",)}
    finals = {seed for seed, realms in asked if realms == ("validation", "evaluation")}
    assert trials == {0, 1}
    assert finals == {1000, 1001, 1002}


@pytest.mark.slow
def test_real_trainings_are_tuned(here, tmp_path):
    train = {"generator": "shipped:surface", "steps": 512, "num_envs": 16, "eval_every": 256, "eval_people": 16,
             "ppo": {"n_steps": 16, "batch_size": 64, "n_epochs": 2}}  # fmt: skip
    one = TuneStudy(train=train, space={"ppo.n_epochs": {"kind": "int", "low": 1, "high": 4}}, trials=2, seeds=2,
                    people=16, finalists=1, final_seeds=1, final_people=16)  # fmt: skip
    result = tune(one, tmp_path, LOCAL)
    assert {trial["state"] for trial in result["trials"]} <= {"complete", "pruned"}
    assert (tmp_path / "trials" / "0000" / "seed-1" / "policy.zip").is_file()
    assert tune(one, tmp_path, LOCAL)["finals"] == result["finals"]
