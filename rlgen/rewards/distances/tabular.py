"""EPIC, DARD and STARC for rewards that are tables: exact, for small worlds.

A reward is `[S, A, S]`: what action a pays that leads from state s to state s'. Each distance has a canonical form,
in which rewards that differ by potential-based shaping are the same, and half the distance of the two canonical forms
on the unit sphere of a weighted L2 norm: 0 for rewards that differ by shaping and positive scale, 1 for opposite ones.
A reward whose canonical form is zero wants nothing; it is .5 from all that want something, as in STARC.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]

_NOTHING: Final = 1e-9  # of a reward's size: what is left of pure shaping by rounding


def canonical_epic(reward: F64, gamma: float, states: F64, actions: F64) -> F64:
    """EPIC's form: the advantage where states follow each other at random (Gleave et al., definition 4.1).

    Args:
        reward: `[S, A, S]`.
        gamma: discount, in [0, 1].
        states: `[S]`, coverage of states, which sums to one.
        actions: `[A]`, coverage of actions.
    """
    mean = np.einsum("sat,a,t->s", reward, actions, states)
    return np.asarray(reward + gamma * mean - mean[:, None, None] - gamma * states @ mean)


def canonical_dard(reward: F64, gamma: float, transitions: F64, actions: F64) -> F64:
    """DARD's form: as EPIC's, with next states that the world's dynamics give (Wulfe et al., definition 4).

    The last of its four terms pays the way from one successor of s to a successor of s', which may not exist; it is
    what makes the form ignore shaping.

    Args:
        reward: `[S, A, S]`.
        gamma: discount.
        transitions: `[S, A, S]`, probability of s' after s and a.
        actions: `[A]`, coverage of actions.
    """
    mean = np.einsum("sat,sat,a->s", reward, transitions, actions)
    follows = np.einsum("sat,a->st", transitions, actions)
    # The same action leads on from s', so its successor is drawn together with it; that of s is another draw's.
    between = np.einsum("sb,bcd,tcd,c->st", follows, reward, transitions, actions)
    return np.asarray(reward + gamma * mean - mean[:, None, None] - gamma * between[:, None, :])


def canonical_starc(reward: F64, gamma: float, transitions: F64, policy: F64) -> F64:
    """STARC's form by value-adjusted levelling: the advantage of a fixed policy (Skalse et al., proposition 1).

    Args:
        reward: `[S, A, S]`.
        gamma: discount, below 1 unless every dialogue ends.
        transitions: `[S, A, S]`, probability of s' after s and a.
        policy: `[S, A]`, probability of a in s; any will do, the same for all rewards.

    Returns:
        `[S, A, S]`, the same for every s'.
    """
    expected = np.einsum("sat,sat->sa", reward, transitions)
    step = np.einsum("sat,sa->st", transitions, policy)
    value = np.linalg.solve(np.eye(len(step)) - gamma * step, (expected * policy).sum(axis=1))
    advantage = expected + gamma * transitions @ value - value[:, None]
    return np.broadcast_to(advantage[:, :, None], reward.shape).copy()


def apart(canonical: F64, weights: F64, sizes: F64, centred: bool) -> F64:
    """Distances of canonical forms from each other.

    Args:
        canonical: `[R, n]`, the forms of R rewards on n transitions.
        weights: `[n]`, how much each transition counts; not negative, not all zero.
        sizes: `[R]`, how large the rewards are before their shaping is taken off: below a billionth of that a form
            is nothing but rounding.
        centred: take off each form's mean, as EPIC and DARD do: their distance is that of Pearson's correlation,
            sqrt((1 - rho) / 2).

    Returns:
        `[R, R]` in [0, 1].
    """
    share = weights / weights.sum()
    forms = canonical - (canonical @ share)[:, None] if centred else canonical
    forms = forms * np.sqrt(share)
    norms = np.sqrt((forms**2).sum(axis=1))
    unit = np.where((norms > _NOTHING * sizes)[:, None], forms / np.where(norms > 0, norms, 1.0)[:, None], 0.0)
    # Of differences, not of products: near 0 a product of unit vectors has lost all its digits.
    between = [0.5 * np.sqrt(((unit - one) ** 2).sum(axis=1)) for one in unit]
    return np.asarray(np.minimum(np.stack(between), 1.0))


def epic(
    first: ArrayLike, second: ArrayLike, gamma: float, states: ArrayLike | None = None, actions: ArrayLike | None = None
) -> float:
    """EPIC distance of two rewards, in [0, 1].

    Args:
        first: `[S, A, S]`.
        second: `[S, A, S]`.
        gamma: discount, in [0, 1].
        states: `[S]`, coverage of states; None counts all alike.
        actions: `[A]`, coverage of actions; None counts all alike.

    Example:
        >>> reward = np.arange(8.0).reshape(2, 2, 2)
        >>> epic(reward, 3 * reward, 0.9), epic(reward, -reward, 0.9)
        (0.0, 1.0)

    Raises:
        ValueError: tables of other shapes, or a coverage that is no distribution.
    """
    rewards = _rewards(first, second)
    some, acts = _coverage(states, rewards.shape[1]), _coverage(actions, rewards.shape[2])
    forms = [canonical_epic(reward, gamma, some, acts) for reward in rewards]
    return _distance(rewards, forms, np.einsum("s,a,t->sat", some, acts, some), centred=True)


def dard(
    first: ArrayLike,
    second: ArrayLike,
    gamma: float,
    transitions: ArrayLike,
    states: ArrayLike | None = None,
    actions: ArrayLike | None = None,
) -> float:
    """DARD of two rewards, in [0, 1]; args as of `epic`, and `transitions` `[S, A, S]`.

    Raises:
        ValueError: as `epic`, or rows of `transitions` that are no distribution.
    """
    rewards = _rewards(first, second)
    some, acts = _coverage(states, rewards.shape[1]), _coverage(actions, rewards.shape[2])
    world = _dynamics(transitions, rewards.shape[1:])
    forms = [canonical_dard(reward, gamma, world, acts) for reward in rewards]
    return _distance(rewards, forms, np.einsum("s,a,sat->sat", some, acts, world), centred=True)


def starc(
    first: ArrayLike,
    second: ArrayLike,
    gamma: float,
    transitions: ArrayLike,
    policy: ArrayLike | None = None,
    states: ArrayLike | None = None,
) -> float:
    """STARC distance of two rewards, in [0, 1].

    Args:
        first: `[S, A, S]`.
        second: `[S, A, S]`.
        gamma: discount, below 1 unless the world ends.
        transitions: `[S, A, S]`.
        policy: `[S, A]` whose advantage is compared, and that says how much each action counts; every action of it
            is possible. None takes all alike.
        states: `[S]`, how much each state counts; None counts all alike.

    Raises:
        ValueError: as `dard`.
    """
    rewards = _rewards(first, second)
    count, acts = rewards.shape[1:3]
    some = _coverage(states, count)
    plan = np.full((count, acts), 1 / acts) if policy is None else np.asarray(policy, dtype=np.float64)
    if plan.shape != (count, acts) or not np.allclose(plan.sum(axis=1), 1.0) or (plan < 0).any():
        raise ValueError(f"policy was of shape {plan.shape}: a distribution over {acts} actions in {count} states fits")
    world = _dynamics(transitions, rewards.shape[1:])
    forms = [canonical_starc(reward, gamma, world, plan) for reward in rewards]
    return _distance(rewards, forms, some[:, None, None] * plan[:, :, None] * np.full(count, 1 / count), centred=False)


def _distance(rewards: F64, forms: list[F64], weights: F64, centred: bool) -> float:
    sizes = np.abs(rewards).reshape(len(rewards), -1).max(axis=1)
    flat = np.stack(forms).reshape(len(forms), -1)
    return float(apart(flat, weights.ravel(), sizes, centred)[0, 1])


def _rewards(first: ArrayLike, second: ArrayLike) -> F64:
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 3 or one.shape != other.shape or one.shape[0] != one.shape[2]:
        raise ValueError(f"rewards were of shapes {one.shape} and {other.shape}: two of [S, A, S] are needed")
    return np.stack([one, other])


def _coverage(given: ArrayLike | None, size: int) -> F64:
    if given is None:
        return np.full(size, 1 / size)
    found = np.asarray(given, dtype=np.float64)
    if found.shape != (size,) or not np.isclose(found.sum(), 1.0) or (found < 0).any():
        raise ValueError(f"a coverage was of shape {found.shape}: {size} shares that sum to one are needed")
    return found


def _dynamics(given: ArrayLike, shape: tuple[int, ...]) -> F64:
    found = np.asarray(given, dtype=np.float64)
    if found.shape != shape or not np.allclose(found.sum(axis=2), 1.0) or (found < 0).any():
        raise ValueError(f"transitions were of shape {found.shape}: distributions over the last axis of {shape} fit")
    return found
