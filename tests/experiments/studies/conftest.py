"""A small study, trained once for all tests of this folder."""

import pytest

from rlgen.experiments.studies.study import Study
from rlgen.experiments.studies.sweep import prepare, train_one

SURFACE = {"kind": "surface", "path": "shipped:surface"}
TRAIN = {
    "steps": 512,
    "num_envs": 16,
    "ppo": {"n_steps": 16, "batch_size": 64, "n_epochs": 2},
    "generator": SURFACE,
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    made = Study(name="small", train=TRAIN, designs=["default", "engagement_only"], seeds=2)
    for run in prepare(made, made.runs(folder), folder):
        train_one(run.spec())
    return folder
