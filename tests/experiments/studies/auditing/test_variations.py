"""Logs of a worse recogniser and of other raters: what stays, what goes together, what nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.envs.generators import Surface
from rlgen.experiments.studies.auditing.meetings import meet
from rlgen.experiments.studies.auditing.variations import rated_seldom, rated_with_bias, recognised_otherwise
from rlgen.policies.baselines import Random
from rlgen.rewards.distances import Turns


@pytest.fixture(scope="module")
def turns() -> Turns:
    return meet(World(world_config("rlgen/SupportDynamic-v0", generator=Surface()), 50), Random(), 50, 0)


def test_no_change_is_no_change(turns: Turns) -> None:
    """What was rated before each turn is worked out again, and comes out as the world had it."""
    for same in (recognised_otherwise(turns, 0.0), rated_seldom(turns, 0.0), rated_with_bias(turns, 0.0)):
        for name in ("rating_history_mean", "rating_before"):
            now, then = getattr(same.trace, name), getattr(turns.trace, name)
            assert np.array_equal(np.isnan(now), np.isnan(then))
            assert np.nan_to_num(now) == pytest.approx(np.nan_to_num(then), abs=1e-6)
        assert same.trace.feedback.rating.tobytes() == turns.trace.feedback.rating.tobytes()
        assert (same.trace.next_estimate.affect == turns.trace.next_estimate.affect).all()


def test_a_blind_recogniser_sees_somebody_else_at_the_same_turn(turns: Turns) -> None:
    blind = recognised_otherwise(turns, 1.0, seed=3)
    for turn in range(16):
        rows = np.flatnonzero(turns.trace.turn == turn)
        seen = {each.tobytes() for each in turns.trace.estimate.affect[rows]}
        assert {each.tobytes() for each in blind.trace.estimate.affect[rows]} <= seen
    moved = (blind.trace.estimate.affect != turns.trace.estimate.affect).any(axis=1)
    assert moved.mean() > 0.95
    on = np.flatnonzero(turns.stays)
    assert (blind.trace.next_estimate.affect[on] == blind.trace.estimate.affect[turns.following[on]]).all()
    assert blind.trace.estimate.affect[:, :6].sum(axis=1) == pytest.approx(1.0, abs=1e-4)


def test_a_blurred_one_lies_half_way(turns: Turns) -> None:
    blurred, blind = (recognised_otherwise(turns, share, seed=3).trace.estimate.affect for share in (0.5, 1.0))
    assert blurred == pytest.approx((turns.trace.estimate.affect + blind) / 2, abs=1e-6)


def test_ratings_go_missing_and_shift_by_person(turns: Turns) -> None:
    none = rated_seldom(turns, 1.0).trace
    assert np.isnan(none.feedback.rating).all()
    assert np.isnan(none.rating_history_mean).all()
    assert np.isnan(none.rating_before).all()
    biased = rated_with_bias(turns, 1.5, seed=2).trace.feedback.rating
    given = np.isfinite(turns.trace.feedback.rating)
    assert np.array_equal(np.isfinite(biased), given)
    assert set(np.unique(biased[given])) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    inside = given & (biased > 1) & (biased < 5) & (turns.trace.feedback.rating > 1) & (turns.trace.feedback.rating < 5)
    shift = biased - turns.trace.feedback.rating
    for dialogue in range(turns.dialogues):
        assert len(np.unique(shift[inside & (turns.dialogue == dialogue)])) <= 1
