"""Ng, Harada and Russell (1999) on tabular worlds: shaping leaves the best policy as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rlgen.affect import VALENCE
from rlgen.checks.reward import made_trace
from rlgen.rewards import TERMS

STATES, ACTIONS, GAMMA = 7, 3, 0.9  # the last state is the end
Floats = NDArray[np.float64]


def solved(transitions: Floats, reward: Floats, gamma: float) -> Floats:
    """`[S, A]`, values of actions by value iteration; rewards are `[S, A, S]`."""
    values = np.zeros((STATES, ACTIONS))
    for _ in range(2000):
        best = values.max(axis=1)
        best[-1] = 0.0
        values = (transitions * (reward + gamma * best)).sum(axis=2)
    return values


def shaping(potential: Floats, gamma: float) -> Floats:
    """`[S, S]`, what the term pays on the way from a state, whose valence is its potential, to another."""
    now, then = (index.ravel() for index in np.indices((STATES, STATES)))
    trace = made_trace(len(now))
    before, after = (replace(trace.estimate, affect=trace.estimate.affect.copy()) for _ in range(2))
    before.affect[:, VALENCE], after.affect[:, VALENCE] = potential[now], potential[then]
    ended = then == STATES - 1
    feedback = replace(trace.feedback, completed=ended, abandoned=np.zeros_like(ended))
    trace = replace(trace, estimate=before, next_estimate=after, feedback=feedback, turn=np.zeros_like(now))
    term = TERMS["shaping"]
    return np.asarray(term(trace, term.params(gamma=gamma)), dtype=np.float64).reshape(STATES, STATES)


def drawn(seed: int) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    potential = rng.uniform(-1, 1, STATES)
    return rng.dirichlet(np.full(STATES, 0.4), (STATES, ACTIONS)), rng.normal(size=(STATES, ACTIONS, STATES)), potential


@pytest.mark.parametrize("seed", range(12))
def test_the_best_policy_is_the_same_and_values_differ_by_the_potential(seed: int) -> None:
    transitions, reward, potential = drawn(seed)
    plain = solved(transitions, reward, GAMMA)[:-1]
    shaped = solved(transitions, reward + shaping(potential, GAMMA)[:, None], GAMMA)[:-1]
    assert (plain.argmax(axis=1) == shaped.argmax(axis=1)).all()
    np.testing.assert_allclose(shaped, plain - potential[:-1, None], atol=1e-5)


def test_under_another_discount_the_best_policy_may_be_another() -> None:
    changed = 0
    for seed in range(40):
        transitions, reward, potential = drawn(seed)
        plain = solved(transitions, 0.1 * reward, GAMMA)[:-1].argmax(axis=1)
        wrong = solved(transitions, 0.1 * reward + shaping(potential, 0.3)[:, None], GAMMA)[:-1].argmax(axis=1)
        changed += bool((plain != wrong).any())
    assert changed > 10
