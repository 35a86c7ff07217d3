"""PPO with the bounded policy: SB3's algorithm, and nothing between it and its user but defaults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from stable_baselines3 import PPO
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from rlgen.envs.observation import ObservationLayout
from rlgen.errors import ConfigError, TrainingError
from rlgen.policies.bounded import BoundedPolicy


class PPOConfig(BaseModel):
    """Hyperparameters of PPO (Schulman et al., 2017) with generalised advantage estimation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_steps: int = Field(default=32, ge=2, description="vector steps per rollout")
    batch_size: int = Field(default=512, ge=2, description="rows per gradient step")
    n_epochs: int = Field(default=10, ge=1, description="passes over a rollout")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's step size")
    anneal: bool = Field(default=True, description="let the step size fall linearly to a tenth")
    gamma: float = Field(default=0.99, ge=0, le=1, description="discount per turn")
    gae_lambda: float = Field(default=0.8, ge=0, le=1, description="lambda of the advantage estimate")
    clip_range: float = Field(default=0.2, gt=0, description="clip of the probability ratio")
    ent_coef: float = Field(default=0.0, ge=0, description="weight of the entropy bonus")
    vf_coef: float = Field(default=0.5, ge=0, description="weight of the value loss")
    max_grad_norm: float = Field(default=0.5, gt=0, description="clip of the gradient norm")
    concentration: float = Field(default=2.0, gt=0, description="of the actions at the start; larger explores less")
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the actor's layers; () is linear")
    critic_hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the critic's hidden layers")


# Fields that are not arguments of SB3's PPO.
_OWN = {"anneal", "concentration", "hidden", "critic_hidden", "learning_rate"}


class _Annealed:
    """A step size that falls linearly to a tenth; a class, so that it can be pickled."""

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, remaining: float) -> float:
        return self.start * (0.1 + 0.9 * remaining)


class BoundedPPO(PPO):
    """SB3's PPO that knows `"bounded"` and moves the normaliser between iterations."""

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {**PPO.policy_aliases, "bounded": BoundedPolicy}

    def train(self) -> None:
        """One iteration of updates, then the rollout's observations enter the normaliser.

        Raises:
            TrainingError: the updates left a weight that is not finite.
        """
        super().train()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.policy.parameters()):
            raise TrainingError(
                f"training diverged by step {self.num_timesteps}: the policy's weights are not finite; "
                "lower learning_rate, or check the reward design"
            )
        normaliser = self.policy.normaliser if isinstance(self.policy, BoundedPolicy) else None
        if normaliser is not None:
            # After `train` the buffer is flat: [n_steps * N, ...].
            normaliser.update(torch.as_tensor(self.rollout_buffer.observations, device=self.device))


def _blocks(env: VecEnv) -> list[int]:
    """Lengths of the observation's named blocks, in order, once for each of stacked observations.

    None where the env names none, or where a wrapper makes something else of them: then each column is a block.
    """
    try:
        layout: ObservationLayout = env.get_attr("layout")[0]
    except AttributeError:
        return []
    lengths = [block.stop - block.start for block in layout.slices.values()]
    times, rest = divmod(int(np.prod(env.observation_space.shape or ())), layout.size)
    return [] if rest else lengths * times


def make_ppo(env: VecEnv, config: PPOConfig, *, seed: int = 0, device: str = "cpu") -> BoundedPPO:
    """A fresh learner.

    Args:
        env: e.g. a `WorldVecEnv`.
        config: hyperparameters.
        seed: of the weights, the action noise and the minibatches. The env keeps its own seed.
        device: of the learner, `"cpu"`, `"cuda"` or `"auto"`.

    Raises:
        ConfigError: the observations are not one Box, or the actions neither a Box nor discrete.
    """
    if not isinstance(env.observation_space, spaces.Box):
        raise ConfigError(f"the env observes {env.observation_space}, and this learner takes a Box; flatten it")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3 shuffles its minibatches with NumPy's global generator
    torch.manual_seed(seed)
    rate: float | Callable[[float], float] = config.learning_rate
    if config.anneal:
        rate = _Annealed(config.learning_rate)
    layers = {"pi": list(config.hidden), "vf": list(config.critic_hidden)}
    settings: dict[str, Any] = config.model_dump(exclude=_OWN)
    shape = {
        "net_arch": layers,
        "concentration": config.concentration,
        "blocks": _blocks(env),
    }
    return BoundedPPO("bounded", env, learning_rate=rate, policy_kwargs=shape, device=device, verbose=0, **settings)
