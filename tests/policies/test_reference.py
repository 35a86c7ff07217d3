import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy

from rlgen.policies.bounded import BoundedPolicy
from rlgen.policies.reference import Reference

SEEN = spaces.Box(-np.inf, np.inf, (5,), np.float32)
ACTIONS: dict[str, tuple[type[ActorCriticPolicy], gym.Space]] = {
    "bounded": (BoundedPolicy, spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([2.0, 0.5], np.float32))),
    "gaussian": (ActorCriticPolicy, spaces.Box(-1.0, 1.0, (3,), np.float32)),
    "hybrid": (BoundedPolicy, spaces.MultiDiscrete([3, 4])),
    "discrete": (ActorCriticPolicy, spaces.Discrete(5)),
}


def policy_of(kind, seed):
    torch.manual_seed(seed)
    made, actions = ACTIONS[kind]
    policy = made(SEEN, actions, lambda left: 1e-3)
    with torch.no_grad():
        for weight in policy.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return policy.eval()


@pytest.mark.parametrize("kind", ACTIONS)
def test_divergence_is_the_mean_of_log_ratios_under_the_policy_as_it_is_now(kind):
    then, now = policy_of(kind, 0), policy_of(kind, 1)
    seen = torch.randn(6, 5)
    many = seen.repeat_interleave(20_000, 0)
    with torch.no_grad():
        distribution = now.get_distribution(many)
        actions = distribution.get_actions()
        ratio = distribution.log_prob(actions)
        ratio = ratio - then.get_distribution(many).log_prob(actions)
    error = 5 * float(ratio.std()) / len(many) ** 0.5
    assert Reference(then).kl(now, seen) == pytest.approx(float(ratio.mean()), abs=error)
    assert float(ratio.mean()) > 4 * error  # the two differ enough for this to tell


def test_two_gaussians_diverge_by_the_formula():
    then, now = policy_of("gaussian", 0), policy_of("gaussian", 1)
    seen = torch.randn(40, 5)
    with torch.no_grad():
        p, q = (policy.get_distribution(seen).distribution for policy in (now, then))
        told = (q.scale / p.scale).log() + (p.scale**2 + (p.loc - q.loc) ** 2) / (2 * q.scale**2) - 0.5
    assert Reference(then).kl(now, seen.numpy()) == pytest.approx(float(told.sum(-1).mean()), rel=1e-5)


def test_it_starts_at_nothing_leaves_the_policy_as_it_was_and_draws_nothing():
    policy = policy_of("bounded", 0)
    reference = Reference(policy)
    seen = torch.randn(9000, 5)  # more than are looked at at once
    policy.normaliser.update(torch.randn(50, 5) * 3 + 1)
    before, drawn = {name: value.clone() for name, value in policy.state_dict().items()}, torch.get_rng_state()
    moved = reference.kl(policy, seen)
    assert moved > 0  # the normaliser is part of what the policy does
    assert torch.equal(drawn, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in policy.state_dict().items())
    assert Reference(policy).kl(policy, seen) == 0.0
    assert Reference(policy, reference.weights).kl(policy, seen) == moved
