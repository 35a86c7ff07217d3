"""PPO with the bounded policy: SB3's algorithm, and nothing between it and its user but defaults."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, cast

import numpy as np
import torch
from gymnasium import spaces
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from stable_baselines3 import PPO
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from rlgen.envs.observation import ObservationLayout
from rlgen.errors import ConfigError, TrainingError
from rlgen.policies.bounded import BoundedPolicy
from rlgen.seams import UNNAMED, find, is_name, name_of, source_sha256


class PPOConfig(BaseModel):
    """Hyperparameters of PPO (Schulman et al., 2017) with generalised advantage estimation.

    Classes and functions are given by their names, `package.module:attribute`; within `policy_kwargs` also as they are.
    """

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
    clip_range_vf: float | None = Field(default=None, gt=0, description="clip of the value's change; null for none")
    normalize_advantage: bool = Field(default=True, description="standardise the advantages of a batch")
    target_kl: float | None = Field(default=None, gt=0, description="divergence that ends an iteration's updates")
    policy: str = Field(default="bounded", description='"bounded", a policy of SB3, or package.module:Class')
    policy_kwargs: dict[str, Any] = Field(
        default={}, description="arguments of the policy (SB3's ActorCriticPolicy), such as features_extractor_class"
    )
    rollout_buffer_class: str | None = Field(default=None, description="package.module:Class instead of SB3's")
    rollout_buffer_kwargs: dict[str, Any] = Field(default={}, description="arguments of the rollout buffer")

    @field_validator("policy", "rollout_buffer_class")
    @classmethod
    def _there(cls, value: str | None, info: ValidationInfo) -> str | None:
        known = tuple(BoundedPPO.policy_aliases) if info.field_name == "policy" else ()
        if value is None or value in known or is_name(value):
            return value
        raise ValueError(f"give {', '.join((*known, 'package.module:Class'))} or FILE.py:Class of one of your own")

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """With the names of what has one in place of it."""
        return cast(dict[str, Any], handler(self.model_copy(update=_each(dict(self), _named))))

    @property
    def sha256(self) -> dict[str, str]:
        """Name -> hash of the source, of every class and function that it names."""
        found: dict[str, str] = {}

        def note(value: Any) -> Any:
            if is_name(value) or isinstance(value, type) or callable(value):
                thing = find(value) if isinstance(value, str) else value
                found[str(_named(value))] = source_sha256(thing)
            return value

        _each(dict(self), note)
        return found


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same mappings and lists with every value in them changed."""
    if isinstance(value, Mapping):
        return {name: _each(inner, change) for name, inner in value.items()}
    return [_each(inner, change) for inner in value] if isinstance(value, list) else change(value)


def _named(value: Any) -> Any:
    if not isinstance(value, type) and not callable(value):
        return value
    return name_of(value) or {UNNAMED: getattr(value, "__qualname__", type(value).__name__)}


def _found(value: Any) -> Any:
    return find(value) if is_name(value) else value


# Fields that are not arguments of SB3's PPO, or that are made into them.
_OWN: Final = {"anneal", "concentration", "hidden", "critic_hidden", "policy", "policy_kwargs"}


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


def make_ppo(
    env: VecEnv, config: PPOConfig | None = None, *, seed: int = 0, device: str = "cpu", **over: Any
) -> BoundedPPO:
    """A fresh learner.

    Args:
        env: e.g. a `WorldVecEnv`.
        config: hyperparameters; None for the defaults.
        seed: of the weights, the action noise and the minibatches. The env keeps its own seed.
        device: of the learner, `"cpu"`, `"cuda"` or `"auto"`.
        **over: any keyword of SB3's `PPO`, which wins over the config. `policy` is another policy than the bounded one;
            `policy_kwargs` are added to those that the config gives.

    Raises:
        ConfigError: the observations are not one Box, or SB3 refuses an argument.
    """
    if not isinstance(env.observation_space, spaces.Box):
        raise ConfigError(f"the env observes {env.observation_space}, and this learner takes a Box; flatten it")
    config = config or PPOConfig()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3 shuffles its minibatches with NumPy's global generator
    torch.manual_seed(seed)
    given = _each({**dict(config), **over}, _found)
    if config.anneal and "learning_rate" not in over:
        given["learning_rate"] = _Annealed(config.learning_rate)
    policy = given["policy"]
    shape: dict[str, Any] = {"net_arch": {"pi": list(config.hidden), "vf": list(config.critic_hidden)}}
    if policy == "bounded" or (isinstance(policy, type) and issubclass(policy, BoundedPolicy)):
        shape |= {"concentration": config.concentration, "blocks": _blocks(env)}
    shape |= _each(config.policy_kwargs, _found) | given["policy_kwargs"]
    settings = {name: value for name, value in given.items() if name not in _OWN}
    try:
        return BoundedPPO(policy, env, policy_kwargs=shape, device=device, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"Stable-Baselines3 refused an argument of PPO or of its policy: {error}; mend it") from error
