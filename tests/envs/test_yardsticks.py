"""Further designs score the same turns, and change nothing by a bit."""

import pickle

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.errors import ConfigError, RewardError
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


REAL = {
    "name": "real",
    "allow_prolonging": True,
    "feedback": {"noise": 0.5, "bias": 0.3, "missing": 0.3, "delay": 1},
    "terms": {"rating": {"weight": 1.0}, "engagement": {"weight": 1.0, "normalise": 5.0}},
}


def test_a_world_whose_reward_remembers_goes_on_and_begins_anew_to_the_bit(draw, check_continuation):
    check_continuation(world(REAL), world(REAL), draw(TURNS, ROWS))
    one = world(REAL, yardsticks=[{**REAL, "name": "other"}])
    actions = draw(TURNS, ROWS)
    rewards = []
    for _ in range(2):
        one.reset(3)
        steps = [one.step(action) for action in actions]
        rewards.append(np.array([step.reward for step in steps]).tobytes())
        assert all(step.yardsticks["other"].tobytes() == step.reward.tobytes() for step in steps)
    assert rewards[0] == rewards[1]
    twin = pickle.loads(pickle.dumps(one))
    assert twin.step(actions[0]).reward.tobytes() == one.step(actions[0]).reward.tobytes()


def test_what_people_do_is_the_same_whatever_a_reward_sees_of_it(run, draw):
    actions = draw(TURNS, ROWS)
    obs, _, ends, _ = run(world("engagement_only"), actions)
    seen, _, there, _ = run(world(REAL), actions)
    assert obs.tobytes() == seen.tobytes()
    assert ends.tobytes() == there.tobytes()


def test_without_a_normalised_term_rows_go_as_they_would_alone(draw):
    knobs = {**REAL, "terms": {"rating": {"weight": 1.0}, "engagement": {"weight": 1.0}}}
    many, few = world(knobs), world(knobs, rows=2)
    many.reset(3), few.reset(3)
    for action in draw(TURNS, ROWS):
        assert many.step(action).reward[:2].tobytes() == few.step(action[:2]).reward.tobytes()


def test_a_reward_that_does_not_say_that_it_reads_words_is_told_when_it_does(draw):
    """Never empty ones in silence: a penalty of long replies would be best where there are none."""
    for reader in (lambda trace: np.array([float(len(reply)) for reply in trace.reply]),
                   lambda trace: np.full(len(trace.turn), float(len(trace.reply[0])))):  # fmt: skip
        reader.staying = (0.0, 0.0)
        made = world(reader)
        made.reset(0)
        with pytest.raises(RewardError, match="reads the words of replies, and a response surface has none"):
            made.step(draw(1, ROWS)[0])
    counted = world(lambda trace: np.full(len(trace.reply), 1.0))
    counted.reset(0)
    assert (counted.step(draw(1, ROWS)[0]).reward == 1.0).all()
