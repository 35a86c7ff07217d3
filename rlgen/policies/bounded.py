"""An actor whose actions lie inside the box by construction, and the normaliser that is saved with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

EDGE = 1e-6
"""Samples stay this far inside the unit interval: float32 draws can hit its ends, where log-densities may diverge."""


class RunningNormaliser(BaseFeaturesExtractor):
    """Standardises observations with running moments, which are buffers and so part of the weights.

    Each named block of the observation is then divided by the root of its length, so that every block
    has the same say at the start, whether it holds one number or thirty-two. The moments change only in
    `update`, which the learner calls between iterations: within a rollout and the updates made from it
    they stand still, so that probability ratios are exact; in evaluation they are frozen.

    Args:
        observation_space: a Box; one of several axes, such as stacked observations, is flattened.
        clip: bound on the standardised values, in standard deviations.
        blocks: lengths of the observation's blocks, in order; none: every column is its own block.
    """

    share: Tensor
    mean: Tensor
    var: Tensor
    count: Tensor

    def __init__(self, observation_space: gym.Space[Any], clip: float = 10.0, blocks: Sequence[int] = ()) -> None:
        size = int(np.prod(observation_space.shape or ()))
        super().__init__(observation_space, size)
        lengths = torch.tensor(list(blocks) or [1] * size)
        if int(lengths.sum()) != size:
            raise ValueError(f"the blocks have {int(lengths.sum())} columns, the observation has {size}")
        self.clip = clip
        self.register_buffer("share", lengths.repeat_interleave(lengths).float().rsqrt())
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("var", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def forward(self, observations: Tensor) -> Tensor:
        """`[N, ...]` to standardised `[N, D]`."""
        observations = observations.flatten(1)
        scale = torch.rsqrt(self.var + 1e-8)
        return ((observations - self.mean) * scale).clamp(-self.clip, self.clip).float() * self.share

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
    u minus log(high - low), summed over the dimensions. The parameters are the mode m and the
    concentration k: alpha = 1 + k m, beta = 1 + k (1 - m). Both are then above 1, so every density
    has one peak and vanishes at the ends, and where the peak is can be learned apart from its
    width: with alpha and beta learned directly, moving the peak near an end takes large weights,
    and learning was several times slower.

    Args:
        low: `[A]`, finite.
        high: `[A]`, finite, above `low`.
    """

    def __init__(self, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.low = torch.as_tensor(low, dtype=torch.float32)
        self.width = torch.as_tensor(high, dtype=torch.float32) - self.low
        self._made: torch.distributions.Beta | None = None
        self._peak: Tensor | None = None

    @property
    def beta(self) -> Any:
        """The distribution over the unit cube, a `torch.distributions.Beta` (untyped in torch)."""
        if self._made is None:
            raise RuntimeError("the distribution has no parameters yet; call proba_distribution first")
        return self._made

    def proba_distribution_net(self, latent_dim: int, concentration: float) -> tuple[nn.Module, nn.Parameter]:
        """The layer that gives the logits of the modes, and the log-concentrations, which no state changes.

        Args:
            latent_dim: width of the layer's input.
            concentration: k at the start; 2 gives a standard deviation of .22 of the box's width.
        """
        size = len(self.low)
        return nn.Linear(latent_dim, size), nn.Parameter(torch.full((size,), math.log(concentration)))

    def proba_distribution(self, logits: Tensor, log_concentration: Tensor) -> Self:
        """Take parameters.

        Args:
            logits: `[N, A]` of the modes.
            log_concentration: `[A]`.
        """
        peak, concentration = torch.sigmoid(logits), log_concentration.exp()
        self.low, self.width = self.low.to(logits.device), self.width.to(logits.device)
        self._peak = peak
        alpha, beta = 1.0 + concentration * peak, 1.0 + concentration * (1.0 - peak)
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
        """The deterministic action `[N, A]`: the mode, strictly inside the box."""
        if self._peak is None:
            raise RuntimeError("the distribution has no parameters yet; call proba_distribution first")
        return self.low + self.width * self._peak.clamp(EDGE, 1.0 - EDGE)

    def actions_from_params(self, logits: Tensor, log_concentration: Tensor, deterministic: bool = False) -> Tensor:
        """Actions from the layer's output."""
        return self.proba_distribution(logits, log_concentration).get_actions(deterministic=deterministic)

    def log_prob_from_params(self, logits: Tensor, log_concentration: Tensor) -> tuple[Tensor, Tensor]:
        """Drawn actions and their log-densities from the layer's output."""
        actions = self.actions_from_params(logits, log_concentration)
        return actions, self.log_prob(actions)


class BoundedPolicy(ActorCriticPolicy):
    """Actor and critic with a Beta actor on a Box and a running observation normaliser.

    On other action spaces (`MultiDiscrete`) it is SB3's policy with the normaliser. Takes the
    arguments of SB3's `ActorCriticPolicy` and one more.

    Args:
        observation_space: a Box; one of several axes, such as stacked observations, is flattened.
        action_space: of the world.
        lr_schedule: remaining share of training -> step size.
        *args: of `ActorCriticPolicy`.
        concentration: of the Beta distributions at the start; larger explores less.
        **kwargs: of `ActorCriticPolicy`.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        lr_schedule: Any,
        *args: Any,
        concentration: float = 2.0,
        **kwargs: Any,
    ) -> None:
        self.concentration = concentration
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
        latent = self.mlp_extractor.latent_dim_pi
        self.action_net, self.log_concentration = beta.proba_distribution_net(latent, self.concentration)
        self.value_net = nn.Linear(self.mlp_extractor.latent_dim_vf, 1)
        # SB3's gains: a small last actor layer starts every policy near the centre of the box.
        gains = {self.mlp_extractor: np.sqrt(2), self.action_net: 0.01, self.value_net: 1.0}
        for module, gain in gains.items():
            module.apply(partial(self.init_weights, gain=float(gain)))
        optimizer: Any = self.optimizer_class
        self.optimizer = optimizer(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "concentration": self.concentration}

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        if isinstance(self.action_dist, BetaDistribution):
            return self.action_dist.proba_distribution(self.action_net(latent_pi), self.log_concentration)
        return super()._get_action_dist_from_latent(latent_pi)
