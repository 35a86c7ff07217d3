"""Distances of tables: values worked out by hand, invariances, and the laws of a metric."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.rewards.distances import dard, epic, starc
from rlgen.rewards.distances.tabular import canonical_dard

GAMMA = 0.9
EXACT = 1e-6


def world(seed: int, states: int = 3, actions: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Dynamics, coverages and a policy, drawn."""
    rng = np.random.default_rng(seed)
    return (
        rng.dirichlet(np.ones(states), (states, actions)),
        rng.dirichlet(np.ones(states)),
        rng.dirichlet(np.ones(actions)),
        rng.dirichlet(np.ones(actions), states),
    )


def measures(seed: int) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    transitions, states, actions, policy = world(seed)
    return {
        "epic": lambda a, b: epic(a, b, GAMMA, states, actions),
        "dard": lambda a, b: dard(a, b, GAMMA, transitions, states, actions),
        "starc": lambda a, b: starc(a, b, GAMMA, transitions, policy, states),
    }


def drawn(seed: int, rewards: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rewards, 3, 2, 3))


def shaping(seed: int) -> np.ndarray:
    potential = np.random.default_rng(seed).normal(size=3)
    added = GAMMA * potential[None, None, :] - potential[:, None, None]
    return np.broadcast_to(added, (3, 2, 3)).copy()


def test_epic_by_hand() -> None:
    """Two states, one action: canonical forms (-1, 1, -1, 1) / 2 and (-1, 1, -5, 5) / 8, so rho = 3 / sqrt(13)."""
    reach = np.array([[[0.0, 1.0]], [[0.0, 1.0]]])
    keep = np.array([[[0.0, 0.0]], [[0.0, 1.0]]])
    assert epic(reach, keep, 0.5) == pytest.approx(np.sqrt((1 - 3 / np.sqrt(13)) / 2), abs=EXACT)


@pytest.fixture
def two_rooms() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Action 0 stays, action 1 changes the room; one reward pays for leaving room 0, the other for leaving room 1."""
    moves = np.zeros((2, 2, 2))
    for room in range(2):
        moves[room, 0, room] = moves[room, 1, 1 - room] = 1.0
    first, second = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
    first[0, 1, 1] = second[1, 1, 0] = 1.0
    return moves, first, second


def test_dard_by_hand(two_rooms: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """At gamma .8 the forms on the four moves are (-.3, .5, 0, .2) and (0, .2, -.3, .5), so rho = 8 / 17."""
    moves, first, second = two_rooms
    form = canonical_dard(first, 0.8, moves, np.array([0.5, 0.5]))
    met = [form[0, 0, 0], form[0, 1, 1], form[1, 0, 1], form[1, 1, 0]]
    assert met == pytest.approx([-0.3, 0.5, 0.0, 0.2], abs=EXACT)
    assert dard(first, second, 0.8, moves) == pytest.approx(np.sqrt(9 / 34), abs=EXACT)


def test_starc_by_hand(two_rooms: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """At gamma .8 advantages are (-.3, .3, -.2, .2) and (-.2, .2, -.3, .3), so their cosine is 12 / 13."""
    moves, first, second = two_rooms
    assert starc(first, second, 0.8, moves) == pytest.approx(np.sqrt(1 / 26), abs=EXACT)


@pytest.mark.parametrize("name", ["epic", "dard", "starc"])
def test_one_state_is_a_bandit(name: str) -> None:
    """Three actions: paying for one or for another has cosine -1/2 once the mean is taken off."""
    stay = np.ones((1, 3, 1))
    first, second = np.array([[[1.0], [0.0], [0.0]]]), np.array([[[0.0], [1.0], [0.0]]])
    given = {"epic": epic(first, second, 0.7), "dard": dard(first, second, 0.7, stay)}
    given["starc"] = starc(first, second, 0.7, stay)
    assert given[name] == pytest.approx(np.sqrt(3) / 2, abs=EXACT)


def test_dards_form_is_its_definition() -> None:
    """Term by term, by four loops."""
    transitions, _, actions, _ = world(3)
    (reward,) = drawn(4, 1)
    wanted = np.zeros_like(reward)
    for s, a, t in itertools.product(range(3), range(2), range(3)):
        value = reward[s, a, t]
        for b, x in itertools.product(range(2), range(3)):
            value += GAMMA * actions[b] * transitions[t, b, x] * reward[t, b, x]
            value -= actions[b] * transitions[s, b, x] * reward[s, b, x]
            for c, y in itertools.product(range(2), range(3)):
                weight = actions[b] * transitions[s, b, x] * actions[c] * transitions[t, c, y]
                value -= GAMMA * weight * reward[x, c, y]
        wanted[s, a, t] = value
    assert canonical_dard(reward, GAMMA, transitions, actions) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("name", ["epic", "dard", "starc"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3))
def test_shaping_and_scale_do_not_count(name: str, seed: int, scale: float) -> None:
    measure = measures(seed)[name]
    first, second = drawn(seed + 1, 2)
    other = scale * first + shaping(seed + 2)
    assert measure(first, other) == pytest.approx(0.0, abs=EXACT)
    assert measure(other, second) == pytest.approx(measure(first, second), abs=EXACT)
    assert measure(first, -other) == pytest.approx(1.0, abs=EXACT)


@pytest.mark.parametrize("name", ["epic", "dard", "starc"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_they_are_metrics(name: str, seed: int) -> None:
    measure = measures(seed)[name]
    a, b, c = drawn(seed + 1, 3)
    nothing = np.zeros_like(a)
    assert measure(a, a) == 0.0
    assert measure(a, b) == pytest.approx(measure(b, a), abs=EXACT)
    for one, two, three in itertools.permutations([a, b, c, nothing], 3):
        assert 0.0 <= measure(one, three) <= measure(one, two) + measure(two, three) + EXACT <= 2.0 + EXACT


@pytest.mark.parametrize("name", ["epic", "dard", "starc"])
def test_a_reward_that_wants_nothing_is_half_way_from_all_others(name: str) -> None:
    measure = measures(0)[name]
    (reward,) = drawn(1, 1)
    for nothing in (np.zeros_like(reward), np.full_like(reward, 3.0), shaping(2)):
        assert measure(reward, nothing) == pytest.approx(0.5, abs=EXACT)
        assert measure(nothing, np.zeros_like(reward)) == 0.0


def test_starc_does_not_see_what_the_world_cannot_do() -> None:
    """Where a cannot lead, what it would pay there does not matter; EPIC minds."""
    transitions = np.zeros((3, 2, 3))
    transitions[:, 0, 0] = transitions[:, 1, 1] = 1.0
    (reward,) = drawn(5, 1)
    other = reward.copy()
    other[:, :, 2] += np.array([[5.0, -5.0]] * 3)
    assert starc(reward, other, GAMMA, transitions) == pytest.approx(0.0, abs=EXACT)
    assert epic(reward, other, GAMMA) > 0.1


def test_what_is_no_table_is_refused() -> None:
    reward = drawn(0, 1)[0]
    with pytest.raises(ValueError, match=r"two of \[S, A, S\]"):
        epic(reward, reward[:, :1], GAMMA)
    with pytest.raises(ValueError, match="shares that sum to one"):
        epic(reward, reward, GAMMA, states=np.array([0.5, 0.5, 0.5]))
    with pytest.raises(ValueError, match="distributions over the last axis"):
        dard(reward, reward, GAMMA, np.ones((3, 2, 3)))
    with pytest.raises(ValueError, match="a distribution over 2 actions in 3 states"):
        starc(reward, reward, GAMMA, world(0)[0], policy=np.ones((3, 2)))
