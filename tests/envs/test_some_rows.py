"""A turn in some rows: they go as among all, and the others stay as they are."""

import numpy as np
import pytest

from rlgen.errors import ActionError, ConfigError


@pytest.mark.parametrize("family", ["theory", "calibrated"])
def test_rows_that_take_turns_apart_go_as_together(make_world, draw, scripted, family):
    whole, parted = (make_world(6, scripted(), users={"family": family}, max_turns=4) for _ in range(2))
    obs = whole.reset(3)
    assert parted.reset(3).tobytes() == obs.tobytes()
    whole.record = parted.record = True
    ended = 0
    for action in draw(12, 6):
        together = whole.step(action)
        for rows in (np.array([4, 1]), np.array([0, 2, 3, 5])):
            before = parted._observe()
            apart = parted.step(action[rows], rows)
            for name in ("obs", "reward", "terminated", "cost"):
                np.testing.assert_array_equal(getattr(apart, name), getattr(together, name)[rows])
            for name, values in together.terms.items():
                np.testing.assert_array_equal(apart.terms[name], values[rows])
            assert parted.last.reply == [whole.last.reply[row] for row in rows]
            others = np.setdiff1d(np.arange(6), rows)
            np.testing.assert_array_equal(parted._observe()[others], before[others])
            if apart.finished is None:
                continue
            ended += len(apart.finished.rows)
            at = [together.finished.rows.tolist().index(row) for row in apart.finished.rows.tolist()]
            for name in ("final_obs", "episode_return", "length", "relief", "completed", "limit"):
                np.testing.assert_array_equal(getattr(apart.finished, name), getattr(together.finished, name)[at])
        np.testing.assert_array_equal(parted._observe(), together.obs)
    assert ended > 6


def test_rows_are_met_once_each_whoever_steps_when(make_world, draw, scripted):
    """People of an evaluation, with rows that run ahead of each other."""
    rule = np.full((1, 4), 0.2, dtype=np.float32)
    found = []
    for order in ([0, 1, 2], [2, 0, 0, 1]):
        world, returns = make_world(3, scripted(), max_turns=3), {}
        world.reset(5, people=8)
        turns = 0
        while not world.exhausted:
            step = world.step(rule, np.array([order[turns % len(order)]]))
            turns += 1
            if step.finished is not None and step.finished.person[0] >= 0:
                returns[int(step.finished.person[0])] = float(step.finished.episode_return[0])
        found.append(returns)
    assert sorted(found[0]) == sorted(found[1]) == list(range(8))
    assert found[0] == found[1]


@pytest.mark.parametrize("rows", [[], [0, 0], [3], [-1], [0.5], [[0, 1]]])
def test_rows_that_are_not_there_are_refused(make_world, scripted, rows):
    world = make_world(3, scripted())
    world.reset(0)
    with pytest.raises(ConfigError, match="different rows from 0 to 2"):
        world.step(np.zeros((len(rows), 4), dtype=np.float32), np.array(rows))
    with pytest.raises(ActionError, match="shape"):
        world.step(np.zeros((3, 4), dtype=np.float32), np.array([0, 2]))
