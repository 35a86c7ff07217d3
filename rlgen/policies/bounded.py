"""An actor whose actions lie inside the box by construction, and the normaliser that is saved with it."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from torch.nn import functional as F

EDGE = 1e-6
"""Samples stay this far inside the unit interval: float32 draws can hit its ends, where log-densities may diverge."""


class RunningNormaliser(BaseFeaturesExtractor):
    """Standardises observations with running moments, which are buffers and so part of the weights.

    The moments change only in `update`, which the learner calls between iterations: within a
    rollout and the updates made from it they stand still, so that probability ratios are exact;
    in evaluation they are frozen.

    Args:
        observation_space: a flat Box.
        clip: bound on the standardised values, in standard deviations.
    """

    mean: Tensor
    var: Tensor
    count: Tensor

    def __init__(self, observation_space: gym.Space[Any], clip: float = 10.0) -> None:
        size = int(np.prod(observation_space.shape or ()))
        super().__init__(observation_space, size)
        self.clip = clip
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("var", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def forward(self, observations: Tensor) -> Tensor:
        """`[N, D]` to standardised `[N, D]`."""
        scale = torch.rsqrt(self.var + 1e-8)
        return ((observations - self.mean) * scale).clamp(-self.clip, self.clip).float()

    @torch.no_grad()
    def update(self, observations: Tensor) -> None:
        """Merge a batch `[N, D]` into the moments (Chan, Golub and LeVeque's parallel variance)."""
        batch = observations.to(self.mean)
        size = batch.shape[0]
        mean, var = batch.mean(0), batch.var(0, unbiased=False)
        total = self.count + size
        delta = mean - self.mean
        merged = self.var * self.count + var * size + delta.square() * self.count * size / total
        self.mean += delta * size / total
        self.var.copy_(merged / total)
        self.count.copy_(total)


class BetaDistribution(Distribution):
    """Independent Beta distributions stretched over a box (Chou, Maturana and Scherer, ICML 2017).

    With u ~ Beta(alpha, beta), the action is low + (high - low) u, so its log-density is that of
    u minus log(high - low), summed over the dimensions. Both parameters are above 1, hence every
    density has one peak and vanishes at the ends.

    Args:
        low: `[A]`, finite.
        high: `[A]`, finite, above `low`.
    """

    def __init__(self, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.low = torch.as_tensor(low, dtype=torch.float32)
        self.width = torch.as_tensor(high, dtype=torch.float32) - self.low
        self._made: torch.distributions.Beta | None = None

    @property
    def beta(self) -> Any:
        """The distribution over the unit cube, a `torch.distributions.Beta` (untyped in torch)."""
        if self._made is None:
            raise RuntimeError("the distribution has no parameters yet; call proba_distribution first")
        return self._made

    def proba_distribution_net(self, latent_dim: int) -> nn.Module:
        """The layer that gives both parameters of every dimension."""
        return nn.Linear(latent_dim, 2 * len(self.low))

    def proba_distribution(self, raw: Tensor) -> Self:
        """Take parameters from `raw` `[N, 2A]`: first alphas, then betas, each 1 + softplus."""
        alpha, beta = (1.0 + F.softplus(part) for part in raw.chunk(2, dim=-1))
        self.low, self.width = self.low.to(raw.device), self.width.to(raw.device)
        self._made = torch.distributions.Beta(alpha, beta, validate_args=False)
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-density `[N]` of actions `[N, A]` in the box."""
        unit = ((actions - self.low) / self.width).clamp(EDGE, 1.0 - EDGE)
        density: Tensor = self.beta.log_prob(unit) - self.width.log()
        return density.sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy `[N]` over the box."""
        entropy: Tensor = self.beta.entropy() + self.width.log()
        return entropy.sum(-1)

    def sample(self) -> Tensor:
        """Draws `[N, A]`, strictly inside the box."""
        unit: Tensor = self.beta.rsample().clamp(EDGE, 1.0 - EDGE)
        return self.low + self.width * unit

    def mode(self) -> Tensor:
        """The deterministic action `[N, A]`: the mean, which is steadier than the mode at flat densities."""
        mean: Tensor = self.beta.mean
        return self.low + self.width * mean

    def actions_from_params(self, raw: Tensor, deterministic: bool = False) -> Tensor:
        """Actions from the layer's output."""
        return self.proba_distribution(raw).get_actions(deterministic=deterministic)

    def log_prob_from_params(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Drawn actions and their log-densities from the layer's output."""
        actions = self.actions_from_params(raw)
        return actions, self.log_prob(actions)


class BoundedPolicy(ActorCriticPolicy):
    """Actor and critic with a Beta actor on a Box and a running observation normaliser.

    On other action spaces (`MultiDiscrete`) it is SB3's policy with the normaliser. Takes the
    arguments of SB3's `ActorCriticPolicy`.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        lr_schedule: Any,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("features_extractor_class", RunningNormaliser)
        super().__init__(observation_space, action_space, lr_schedule, *args, **kwargs)

    @property
    def normaliser(self) -> RunningNormaliser | None:
        """The normaliser, None where another features extractor was asked for."""
        found = self.features_extractor
        return found if isinstance(found, RunningNormaliser) else None

    def _build(self, lr_schedule: Any) -> None:
        if not isinstance(self.action_space, spaces.Box):
            super()._build(lr_schedule)
            return
        self._build_mlp_extractor()
        beta = BetaDistribution(self.action_space.low, self.action_space.high)
        self.action_dist = beta
        self.action_net = beta.proba_distribution_net(self.mlp_extractor.latent_dim_pi)
        self.value_net = nn.Linear(self.mlp_extractor.latent_dim_vf, 1)
        # SB3's gains: a small last actor layer starts every policy near the centre of the box.
        gains = {self.mlp_extractor: np.sqrt(2), self.action_net: 0.01, self.value_net: 1.0}
        for module, gain in gains.items():
            module.apply(partial(self.init_weights, gain=float(gain)))
        optimizer: Any = self.optimizer_class
        self.optimizer = optimizer(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        if isinstance(self.action_dist, BetaDistribution):
            return self.action_dist.proba_distribution(self.action_net(latent_pi))
        return super()._get_action_dist_from_latent(latent_pi)
