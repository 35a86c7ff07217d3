"""`python -m benchmarks.simulate`: which policies it ranks, how runs join them, and what it says of both."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium import spaces

from benchmarks.simulate import __main__ as bench_simulate
from rlgen.experiments.evaluation.outcomes import Outcomes
from rlgen.experiments.provenance import config_hash
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.policies import PPOConfig
from rlgen.policies.trained import Trained

DYNAMIC = "rlgen/SupportDynamic-v0"


def test_at_least_twelve_policies_that_differ_are_ranked():
    found = bench_simulate.policies(DYNAMIC)
    assert len(set(found.values())) == len(found) >= 12
    corners = np.array([rule.controls for name, rule in found.items() if name.startswith("fixed ")])
    assert len(corners) == 8
    # Main effects of the controls can be told apart: the corners are orthogonal.
    assert corners.T @ corners == pytest.approx(8 * 0.36 * np.eye(4))


@pytest.fixture(scope="module")
def trained(fake_world, tmp_path_factory):
    """A run whose policy takes the observations of the fake world."""
    ppo = PPOConfig(n_steps=16, batch_size=64, n_epochs=1)
    config = TrainConfig(out=tmp_path_factory.mktemp("runs") / "first", steps=128, num_envs=8, ppo=ppo)
    return train(config, world=fake_world(8)).run


def copied(run, place, **world):
    """The run again elsewhere, as if it had been trained in a world with these fields."""
    shutil.copytree(run.path, place)
    stored = json.loads((place / "config.json").read_text())
    stored["world"] |= world
    (place / "config.json").write_text(json.dumps({**stored, "hash": config_hash(stored)}))
    return place


@pytest.fixture
def bench(monkeypatch, fake_world, capsys, run_bench):
    """Runs the command on worlds that are not made: gives its rows, how each policy met each world, and what it told.

    A policy's return is its place among the policies; the last `backwards` of them change places without text.
    """

    def run(*argv, backwards=0):
        places: dict[int, int] = {}
        met = []

        def evaluate(world, actor, people):
            place = places.setdefault(id(actor), len(places))
            free = not world.config.has_words
            met.append((type(actor), free, world.config))
            own = len(bench_simulate.policies(DYNAMIC))
            value = own + (own + backwards - 1 - place) if free and place >= own else place
            return Outcomes({"return": np.full(people, float(value))}, {}, *[np.zeros(0)] * 3)

        def open_world(config, rows):
            fake = fake_world(1)
            return SimpleNamespace(
                config=config, layout=fake.layout, single_observation_space=fake.single_observation_space
            )

        monkeypatch.setattr(bench_simulate, "open_world", open_world)
        monkeypatch.setattr(bench_simulate, "evaluate", evaluate)
        monkeypatch.setattr(bench_simulate, "_speed", lambda *_: [])
        argv = ["simulate", "--json", "--people", "4", *map(str, argv)]
        if run_bench(*argv):
            return {}, met, capsys.readouterr().err
        out, told = capsys.readouterr()
        return {row["name"]: row for row in json.loads(out)["rows"]}, met, told

    return run


def test_runs_join_the_ranking_and_cannot_hide_what_the_others_say(bench, trained, tmp_path):
    rows, met, _ = bench("--policies", trained.path, copied(trained, tmp_path / "second"), backwards=2)
    own = len(bench_simulate.policies(DYNAMIC))
    whose = ", the bench's own"
    assert (rows["policies"]["value"], rows[f"policies{whose}"]["value"]) == (own + 2, own)
    # One of the (own + 2) (own + 1) / 2 pairs is discordant, that of the two runs.
    assert rows["Kendall tau of both worlds"]["value"] == pytest.approx(1 - 4 / ((own + 2) * (own + 1)), abs=1e-4)
    assert rows[f"Kendall tau of both worlds{whose}"]["value"] == 1.0
    assert {"return without text: run first", "return without text: run second"} < rows.keys()
    assert [free for kind, free, _ in met if kind is Trained] == [False, False, True, True]
    alone, *_ = bench()
    assert alone["policies"]["value"] == own
    assert not [name for name in alone if whose in name]


def test_a_run_sees_both_worlds_as_it_did_while_it_was_trained(bench, trained, tmp_path):
    blind = copied(trained, tmp_path / "blind", missing=[1.0, 1.0, 1.0], recognizer="mine")
    told = copied(trained, tmp_path / "told", observation="privileged", reward="relief")
    _, met, _ = bench("--policies", blind, told)
    seen = [(free, config.missing, config.recognizer, config.observation) for _, free, config in met]
    here = [(free, (0.0, 0.0, 0.0), "shipped:recognizer", "policy") for free in (False, True)]
    assert set(seen[: len(seen) // 2 - 2]) == {here[0]}
    for row, free in ((len(seen) // 2 - 2, False), (len(seen) - 2, True)):
        assert seen[row] == (free, (1.0, 1.0, 1.0), "mine", "policy")
        assert seen[row + 1] == (free, (0.0, 0.0, 0.0), "shipped:recognizer", "privileged")
    assert {config.reward.name for *_, config in met} == {"default"}  # all else is this bench's
    _, met, _ = bench("--policies", blind, "--missing", "0", "0", "1")
    assert {config.missing for *_, config in met} == {(0.0, 0.0, 1.0)}


def test_a_run_of_another_world_is_told(bench, trained, tmp_path):
    note = "was trained in another world"
    assert (
        note not in bench("--policies", copied(trained, tmp_path / "same", device="cpu", observation="privileged"))[2]
    )
    *_, told = bench("--policies", copied(trained, tmp_path / "other", max_turns=9))
    assert f"{tmp_path / 'other'}: {note} (world.max_turns is 9 there and 16 now); it is ranked in this one" in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda run, at: ["--policies", at / "none"], "not a run"),
        (lambda run, at: ["--policies", run.path, run.path], "was given twice"),
        (lambda run, at: ["--policies", run.path, "--env", "rlgen/Support-v0"], "give --env rlgen/SupportDynamic-v0"),
        (lambda run, at: ["--policies", run.path, "--people", "0"], "people was 0"),
        (lambda run, at: ["--people", "1"], "people was 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence(bench, trained, tmp_path, change, says):
    _, met, told = bench(*change(trained, tmp_path))
    assert says in told
    assert len(told.strip().splitlines()) == 1
    assert not met


def test_a_policy_that_takes_other_observations_is_refused(bench, trained, monkeypatch):
    actor = Trained.load(trained.policy)
    actor.model.observation_space = spaces.Box(-1.0, 1.0, (13,))
    monkeypatch.setattr(Trained, "load", lambda *_: actor)
    _, met, told = bench("--policies", trained.path)
    assert "takes observations of 13 numbers, but this world gives 12" in told
    assert not met


def test_runs_of_one_name_are_told_apart(bench, trained, tmp_path):
    rows, *_ = bench("--policies", trained.path, copied(trained, tmp_path / "first"))
    assert {f"return without text: run {path}" for path in (trained.path, tmp_path / "first")} < rows.keys()
