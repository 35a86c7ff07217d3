"""Learned policies behind the baselines' protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import betaincinv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.distributions import Distribution, MultiCategoricalDistribution

from rlgen.errors import ActionError
from rlgen.policies.baselines import ACTION_DIM, PURPOSE, from_space
from rlgen.policies.bounded import EDGE, BetaDistribution
from rlgen.policies.checkpoint import load_checkpoint
from rlgen.policies.ppo import PPOConfig, make_ppo
from rlgen.policies.protocols import Floats, Ints, Layout, WorldLike
from rlgen.policies.vec_env import WorldVecEnv
from rlgen.rng import Streams


class Trained:
    """An SB3 model as an actor, its normaliser frozen.

    Args:
        model: e.g. a `BoundedPPO`.
        deterministic: act at the mode of the distribution; else draw from it.
    """

    def __init__(self, model: BaseAlgorithm, deterministic: bool = True) -> None:
        self.model = model
        self.deterministic = deterministic
        model.policy.set_training_mode(False)

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu", deterministic: bool = True) -> Trained:
        """From a zip file that training wrote."""
        return cls(load_checkpoint(path, device), deterministic)

    def act(self, obs: Floats, layout: Layout, streams: Streams, turn: Ints) -> NDArray[np.float32]:
        """See `rlgen.policies.baselines.Actor`."""
        del layout
        given = np.asarray(obs, dtype=np.float32)
        with torch.no_grad():
            if self.deterministic:
                actions, _ = self.model.predict(given, deterministic=True)
            else:
                policy: Any = self.model.policy
                found = policy.get_distribution(policy.obs_to_tensor(given)[0])
                actions = drawn(found, streams.uniform(PURPOSE, turn, ACTION_DIM))
        return from_space(actions, self.model.action_space)


def drawn(distribution: Distribution, uniform: NDArray[np.float64]) -> NDArray[Any]:
    """Actions by inverse CDF, so that a row's draw is its own.

    Args:
        distribution: of N rows, Beta over a box or categorical over a grid.
        uniform: `[N, A]` in (0, 1).
    """
    if isinstance(distribution, BetaDistribution):
        alpha, beta = (
            p.cpu().double().numpy() for p in (distribution.beta.concentration1, distribution.beta.concentration0)
        )
        unit = np.clip(betaincinv(alpha, beta, uniform), EDGE, 1.0 - EDGE)
        low, width = (t.cpu().numpy() for t in (distribution.low, distribution.width))
        return np.asarray(low + width * unit, dtype=np.float32)
    if isinstance(distribution, MultiCategoricalDistribution):
        cumulative = [np.cumsum(part.probs.cpu().double().numpy(), axis=1) for part in distribution.distribution]
        chosen = [(c < u[:, None] * c[:, -1:]).sum(axis=1) for c, u in zip(cumulative, uniform.T, strict=True)]
        return np.stack(chosen, axis=1)
    raise ActionError(f"cannot draw from {type(distribution).__name__}; evaluate this policy without --stochastic")


def untrained(world: WorldLike, config: PPOConfig, seed: int, deterministic: bool = True) -> Trained:
    """The policy that training from this seed starts with."""
    return Trained(make_ppo(WorldVecEnv(world), config, seed=seed), deterministic)
