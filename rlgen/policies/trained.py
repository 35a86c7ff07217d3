"""Learned policies behind the baselines' protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from rlgen.policies.baselines import from_space
from rlgen.policies.checkpoint import load_checkpoint
from rlgen.policies.ppo import PPOConfig, make_ppo
from rlgen.policies.protocols import Floats, Ints, Layout, WorldLike
from rlgen.policies.vec_env import WorldVecEnv


class Trained:
    """An SB3 model as an actor, its normaliser frozen.

    Args:
        model: e.g. a `BoundedPPO`.
        deterministic: act at the mean of the distribution; else draw from it with torch's
            global generator.
    """

    def __init__(self, model: BaseAlgorithm, deterministic: bool = True) -> None:
        self.model = model
        self.deterministic = deterministic
        model.policy.set_training_mode(False)

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu", deterministic: bool = True) -> Trained:
        """From a zip file that training wrote."""
        return cls(load_checkpoint(path, device), deterministic)

    def act(self, obs: Floats, layout: Layout, rng: np.random.Generator, turn: Ints) -> NDArray[np.float32]:
        """See `rlgen.policies.baselines.Actor`."""
        del layout, turn
        if not self.deterministic:
            torch.manual_seed(int(rng.integers(2**31)))
        with torch.no_grad():
            actions, _ = self.model.predict(np.asarray(obs, dtype=np.float32), deterministic=self.deterministic)
        return from_space(actions, self.model.action_space)


def untrained(world: WorldLike, config: PPOConfig, seed: int, deterministic: bool = True) -> Trained:
    """The policy that training from this seed starts with."""
    return Trained(make_ppo(WorldVecEnv(world), config, seed=seed), deterministic)
