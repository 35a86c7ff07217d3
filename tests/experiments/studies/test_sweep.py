"""A study is its runs: the same command resumes it, adds to it, and costs nothing when all is there."""

import json
import random
import subprocess
import sys
import time

import pytest
import yaml

from rlgen.errors import ConfigError
from rlgen.experiments.cli import main
from rlgen.experiments.runs.run import Run
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.study import Study
from rlgen.experiments.studies.sweep import commands, prepare, read_study, sweep, train_one

TRAIN = {
    "steps": 512,
    "num_envs": 16,
    "ppo": {"n_steps": 16, "batch_size": 64, "n_epochs": 2},
    "generator": {"kind": "surface", "path": "shipped:surface"},
}


def study(**fields):
    return Study(**{"name": "small", "train": TRAIN, "seeds": 2, **fields})


def test_seeds_of_a_cell_are_one_group_at_w_and_b(tmp_path):
    made = study(designs=["default", "relief"], train={**TRAIN, "wandb": "offline"})
    groups = [(run.config.wandb, run.config.wandb_group) for run in made.runs(tmp_path)]
    assert groups == [("offline", "small/default")] * 2 + [("offline", "small/relief")] * 2
    (own,) = study(train={**TRAIN, "wandb_group": "mine"}, seeds=1).runs(tmp_path)
    assert own.config.wandb_group == "mine"


def names(made, tmp_path):
    return [(run.cell, run.seed) for run in made.runs(tmp_path)]


def test_cells_are_all_combinations(tmp_path):
    made = study(designs=["default", "relief"], grid={"ppo.gamma": [0.9, 0.99]}, seeds=[3, 5])
    assert names(made, tmp_path) == [
        (f"{reward},gamma={gamma}", seed)
        for reward in ("default", "relief")
        for gamma in (0.9, 0.99)
        for seed in (3, 5)
    ]
    last = made.runs(tmp_path)[-1].config
    assert (last.ppo.gamma, last.reward, last.seed, last.ppo.n_steps, last.threads) == (0.99, "relief", 5, 16, 1)
    assert names(study(), tmp_path) == [("all", 0), ("all", 1)]
    assert names(study(cells={"wide": {"ppo": {"hidden": [8]}}}, seeds=1), tmp_path) == [("wide", 0)]


def test_designs_of_a_folder_and_of_a_glob(tmp_path):
    for name in ("one", "two"):
        design = {"terms": {"engagement": {"weight": 1.0}}, "allow_prolonging": True}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(design))
    for source in (str(tmp_path), str(tmp_path / "*.yaml")):
        assert [name for name, _ in study(designs=source).axes()] == ["one", "two"]
    file = tmp_path / "sub" / "study.yml"
    file.parent.mkdir()
    file.write_text("designs: ../*.yaml\nseeds: 1\n")
    assert [name for name, _ in Study.read(file).axes()] == ["one", "two"]
    assert Study.read(file).name == "study"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"designs": ["nothing/*.yaml"]}, "designs: nothing matches nothing/"),
        ({"designs": ["nope"]}, "there is no reward design 'nope'; the shipped ones are "),
        ({"grid": {"ppo.gama": [0.9]}}, "study small, cell gama=0.9: there is no field 'ppo.gama'"),
        ({"grid": {"steps.x": [1]}}, "steps.x lies in steps, which is 512"),
        ({"grid": {"ppo.gamma": [0.9, 2.0]}}, "cell gamma=2.0: ppo.gamma was 2.0"),
        ({"designs": ["relief", "relief"]}, "two cells are called 'relief'"),
    ],
)
def test_what_is_no_study_is_said_in_a_sentence(tmp_path, fields, said):
    with pytest.raises(ConfigError) as caught:
        study(**fields).runs(tmp_path)
    assert said in str(caught.value)


def test_the_same_call_costs_nothing_adds_seeds_and_refuses_a_change(tmp_path):
    told = []
    here = ExecutorOptions(workers=2)
    runs = sweep(study(), tmp_path, here, lambda done, text: told.append(done))
    assert told == [0, 1, 2]
    assert [Run(run.folder).standing().step for run in runs] == [512, 512]
    before = [run.folder.joinpath("policy.zip").stat().st_mtime_ns for run in runs]
    assert prepare(study(), study().runs(tmp_path), tmp_path) == []
    more = sweep(study(seeds=3), tmp_path, here)
    assert [run.folder.joinpath("policy.zip").stat().st_mtime_ns for run in more[:2]] == before
    assert read_study(tmp_path)["cells"]["all"]["seeds"] == [0, 1, 2]
    changed = study(train={**TRAIN, "steps": 1024})
    with pytest.raises(ConfigError, match=r"cell all was changed under its name .*steps is 512 there and 1024 now"):
        sweep(changed, tmp_path, here)


def test_printed_commands_train_the_same(tmp_path):
    made = study(seeds=1)
    runs = made.runs(tmp_path / "printed")
    (line,) = commands(runs, tmp_path / "printed")
    assert line.startswith("OMP_NUM_THREADS=1 rlgen train --config ")
    assert main(line.split()[2:]) == 0
    other = made.runs(tmp_path / "called")
    answer = train_one(other[0].spec())
    assert answer["finished"]
    assert Run(runs[0].folder).weights_sha256() == answer["weights"]


def test_the_command(tmp_path, capsys):
    words = ["sweep", "--designs", "relief", "default", "--seeds", "1", "--train", json.dumps(TRAIN)]
    assert main([*words, "--out", str(tmp_path / "s"), "--print"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["sweep"]) == 2
    assert "needs a study's YAML file, or --designs" in capsys.readouterr().err
    assert main(["sweep", "nowhere.yaml"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("engine", [{}, {"executor": "ray"}, {"executor": "slurm", "slurm": {"cluster": "local"}}])
def test_a_sweep_killed_at_ten_moments_ends_with_the_same_weights(tmp_path, engine):
    made = study(train={**TRAIN, "steps": 2560}, seeds=2)
    whole = [train_one(run.spec())["weights"] for run in made.runs(tmp_path / "whole")]
    options = ExecutorOptions(workers=2, **engine)
    program = [
        sys.executable,
        "-c",
        DRIVER,
        made.model_dump_json(),
        str(tmp_path / "killed"),
        options.model_dump_json(),
    ]
    random.seed(5)
    for _ in range(10):
        driver = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(random.uniform(4.0, 16.0))
        driver.kill()
        driver.wait()
    subprocess.run(program, check=True, capture_output=True)
    assert [Run(run.folder).weights_sha256() for run in made.runs(tmp_path / "killed")] == whole


DRIVER = """
import sys
from pathlib import Path
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.study import Study
from rlgen.experiments.studies.sweep import sweep
sweep(Study.model_validate_json(sys.argv[1]), Path(sys.argv[2]), ExecutorOptions.model_validate_json(sys.argv[3]))
"""
