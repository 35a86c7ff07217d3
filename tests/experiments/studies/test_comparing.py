"""All policies meet the same people, and every dialogue has a return under every design."""

import json
import shutil

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError
from rlgen.experiments.evaluation import evaluate
from rlgen.experiments.runs.policies import find_policy
from rlgen.experiments.runs.worlds import WorldOptions, plain
from rlgen.experiments.studies.comparing import common_world, compare_runs, groups_of
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.judging import measure, read_judged
from rlgen.experiments.studies.sweep import train_one

from .conftest import SURFACE, TRAIN

PEOPLE = 24


def compare(places, out, **changes):
    options = WorldOptions(**changes.pop("world", {"generator": SURFACE}))
    asked = {"people": PEOPLE, "seed": 3, "num_envs": 16, "ladder": False, "designs": [], "out": out}
    return compare_runs(places, options, where=ExecutorOptions(workers=1), **{**asked, **changes})


@pytest.fixture(scope="module")
def compared(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("comparison")
    return compare([trained], out, designs=["relief"], ladder=True), out


def test_groups_are_the_cells_of_a_study_or_the_designs_of_runs(trained):
    cells = groups_of([trained])
    assert [(group.name, len(group.runs)) for group in cells] == [("default", 2), ("engagement_only", 2)]
    one_by_one = [trained / name / f"seed-{seed}" for seed in (1, 0) for name in ("engagement_only", "default")]
    named = groups_of(one_by_one)
    assert {group.name: [run.path for run in group.runs] for group in named} == {
        group.name: [run.path for run in group.runs] for group in cells
    }
    with pytest.raises(ConfigError, match="two of the runs have seed 1; give each run once"):
        groups_of([one_by_one[0], one_by_one[0]])


def test_figures_are_those_of_an_evaluation_under_each_reward(trained, compared):
    found, _ = compared
    assert found.trained == ("default", "engagement_only")
    for cell, reward in (("default", "engagement_only"), ("engagement_only", "relief"), ("engagement_only", "default")):
        run = trained / cell / "seed-1"
        config = WorldOptions(generator=SURFACE, reward=reward).world_of(run)[1]
        world = World(config, 16)
        alone = evaluate(world, find_policy(str(run), "rlgen/SupportDynamic-v0", world).actor, PEOPLE, 3)
        np.testing.assert_allclose(found.yardsticks[cell][reward][1], alone.values["return"], atol=1e-5)
        for name in ("relief", "length", "completed", "cost", "mean_rating"):
            np.testing.assert_allclose(found.outcomes[cell][name][1], alone.values[name], atol=1e-5)
    np.testing.assert_array_equal(found.outcomes["default"]["return"], found.yardsticks["default"]["default"])


def test_engagement_is_the_mean_over_a_dialogue(trained, compared):
    found, _ = compared
    turns = {turns[0]["person"]: turns for turns in words(compared, "default")}
    assert len(turns) == PEOPLE
    for index, value in enumerate(found.outcomes["default"]["engagement"][0]):
        told = [turn["feedback"]["engagement"] for turn in turns[3 * 10**9 + index]]
        assert value == pytest.approx(np.mean(told), abs=1e-3)


def words(compared, name):
    found, out = compared
    for place in (out / "judged").glob("*.npz"):
        judged = read_judged(place)
        if judged.dialogues and np.array_equal(judged.outcomes["relief"], found.outcomes[name]["relief"][0]):
            return judged.dialogues
    raise AssertionError(f"no words of {name}")


def test_baselines_meet_the_same_people_and_curves_are_those_of_the_metrics(trained, compared):
    found, _ = compared
    assert {"fixed", "schedule", "random"} <= set(found.baselines)
    assert "return" not in found.outcomes["fixed"]
    steps = [step for step, *_ in found.curves["default"]]
    assert steps == [256, 512]
    told = json.loads((trained / "default" / "seed-1" / "metrics.jsonl").read_text().splitlines()[-1])
    assert found.curves["default"][-1][1][1] == told["return"]


def test_the_same_call_measures_nothing_anew_and_a_changed_policy_is_measured(trained, compared, tmp_path):
    found, out = compared
    before = {place: place.stat().st_mtime_ns for place in (out / "judged").glob("*.npz")}
    again = compare([trained], out, designs=["relief"], ladder=True)
    assert {place: place.stat().st_mtime_ns for place in (out / "judged").glob("*.npz")} == before
    np.testing.assert_array_equal(again.outcomes["default"]["relief"], found.outcomes["default"]["relief"])
    shutil.copytree(trained, tmp_path / "moved")
    compare([tmp_path / "moved"], out, designs=["relief"], ladder=True)
    assert set((out / "judged").glob("*.npz")) == set(before)  # wherever a policy lies


def test_policies_of_the_same_weights_are_measured_once(trained, tmp_path):
    env, world = "rlgen/SupportDynamic-v0", plain(world_config("rlgen/SupportDynamic-v0", generator=SURFACE))
    spec = {"policy": str(trained / "default" / "seed-0"), "env": env, "world": world, "people": 4, "seed": 0}
    spec |= {"num_envs": 4, "yardsticks": [], "examples": 0}
    done = []
    found = measure({("a", 0): spec, ("b", 0): spec}, tmp_path, ExecutorOptions(workers=1), lambda n, _: done.append(n))
    assert done == [0, 2]
    assert len(list((tmp_path / "judged").glob("*.npz"))) == 1
    np.testing.assert_array_equal(found["a", 0].outcomes["relief"], found["b", 0].outcomes["relief"])


def test_surface_policies_are_judged_on_words_unless_one_says_otherwise(trained):
    groups = groups_of([trained])
    env, world, told = common_world(groups, WorldOptions())
    assert env == "rlgen/SupportDynamic-v0"
    assert world.has_words
    assert told == "Trained on the response surface, judged on the words that people read."
    assert not common_world(groups, WorldOptions(generator=SURFACE))[1].has_words


def test_runs_of_other_people_or_observations_are_refused_by_name(trained, tmp_path):
    for name, change in {"missing": {"missing": [1, 1, 1]}, "population": {"population": "guarded"}}.items():
        train_one({**TRAIN, "steps": 256, **change, "out": str(tmp_path / name)})
        with pytest.raises(ConfigError, match="were trained in other worlds"):
            common_world(groups_of([trained, tmp_path / name]), WorldOptions())
    groups = groups_of([trained, tmp_path / "population"])
    assert common_world(groups, WorldOptions(users="theory"))[1].users.family == "theory"


def test_what_cannot_be_compared_is_said_in_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="not a run"):
        groups_of([tmp_path])
