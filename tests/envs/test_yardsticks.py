"""Further designs score the same turns, and change nothing by a bit."""

import pickle

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError
from rlgen.rewards import shipped_designs

ID = "rlgen/SupportDynamic-v0"
FAST = {"generator": "shipped:surface", "max_turns": 5}
ROWS, TURNS = 6, 12


def world(reward="default", rows=ROWS, **given):
    return World(world_config(ID, reward=reward, **FAST), rows, **given)


def test_every_design_scores_the_turns_of_one_pass_as_a_world_with_that_reward(run, draw):
    actions = draw(TURNS, ROWS)
    _, plain, ends, _ = run(world(), actions)
    many = world(yardsticks=shipped_designs())
    assert many.yardsticks == tuple(shipped_designs())
    _, paid, there, steps = run(many, actions)
    assert paid.tobytes() == plain.tobytes()
    assert there.tobytes() == ends.tobytes()
    for name in shipped_designs():
        _, alone, _, _ = run(world(name), actions)
        assert np.array([step.yardsticks[name] for step in steps]).tobytes() == alone.tobytes(), name


def test_finished_dialogues_have_what_each_design_would_have_paid_in_all(run, draw):
    _, _, _, steps = run(world(yardsticks=["default", "relief"]), draw(TURNS, ROWS))
    total = {name: np.zeros(ROWS, dtype=np.float32) for name in ("default", "relief")}
    seen = 0
    for step in steps:
        for name, sums in total.items():
            sums += step.yardsticks[name]
        if step.finished is not None:
            rows = step.finished.rows
            for name, sums in total.items():
                np.testing.assert_allclose(step.finished.yardsticks[name], sums[rows], atol=1e-6)
                sums[rows] = 0
            assert step.finished.yardsticks["default"].tobytes() == step.finished.episode_return.tobytes()
            seen += len(rows)
    assert seen


def test_some_rows_alone_and_a_pickled_world_go_on_with_them(draw):
    one, other = (world(yardsticks=["ratings"]) for _ in range(2))
    one.reset(3), other.reset(3)
    action = draw(1, ROWS)[0]
    whole = one.step(action)
    rows = np.array([4, 1])
    assert other.step(action[rows], rows).yardsticks["ratings"].tobytes() == whole.yardsticks["ratings"][rows].tobytes()
    twin = pickle.loads(pickle.dumps(one))
    for action in draw(TURNS, ROWS, seed=2):
        a, b = one.step(action), twin.step(action)
        assert a.yardsticks["ratings"].tobytes() == b.yardsticks["ratings"].tobytes()
        if a.finished is not None:
            assert a.finished.yardsticks["ratings"].tobytes() == b.finished.yardsticks["ratings"].tobytes()


def worded(trace):
    return np.array([float(len(reply)) for reply in trace.reply])


worded.reads = ("reply",)


@pytest.mark.parametrize(
    ("yardsticks", "said"),
    [
        (["ratings", "ratings"], "two yardsticks are called 'ratings'"),
        (["defualt"], "there is no reward design 'defualt'"),
        ([worded], "reward was worded: it reads the words of replies"),
    ],
)
def test_yardsticks_that_cannot_be(yardsticks, said):
    with pytest.raises(ConfigError, match=said):
        world(yardsticks=yardsticks)
    with pytest.raises(ConfigError, match="it reads the words of replies"):
        world(worded)
