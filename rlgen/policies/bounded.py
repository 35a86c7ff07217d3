"""An actor whose actions lie inside the box by construction, and the normaliser that is saved with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from rlgen.errors import ConfigError

EDGE = 1e-6
"""Samples stay this far inside the unit interval: float32 draws can hit its ends, where log-densities may diverge."""


class RunningNormaliser(nn.Module):
    """Standardises observations with running moments, which are buffers and so part of the weights.

    Each named block of the observation is then divided by the root of its length, so that every block
    has the same say at the start, whether it holds one number or thirty-two. The moments change only in
    `update`, which the learner calls between iterations: within a rollout and the updates made from it
    they stand still, so that probability ratios are exact; in evaluation they are frozen.

    Args:
        shape: of one observation; it keeps its axes.
        blocks: lengths of the observation's blocks, in order; none: every column is its own block.
        clip: bound on the standardised values, in standard deviations.
    """

    share: Tensor
    mean: Tensor
    var: Tensor
    count: Tensor

    def __init__(self, shape: Sequence[int], blocks: Sequence[int] = (), clip: float = 10.0) -> None:
        super().__init__()
        size = int(np.prod(shape))
        lengths = torch.tensor(list(blocks) or [1] * size)
        if int(lengths.sum()) != size:
            raise ValueError(f"the blocks have {int(lengths.sum())} columns, the observation has {size}")
        self.clip = clip
        self.register_buffer("share", lengths.repeat_interleave(lengths).float().rsqrt().reshape(*shape))
        self.register_buffer("mean", torch.zeros(*shape, dtype=torch.float64))
        self.register_buffer("var", torch.ones(*shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def forward(self, observations: Tensor) -> Tensor:
        """`[N, ...]` to standardised `[N, ...]`."""
        scale = torch.rsqrt(self.var + 1e-8)
        return ((observations - self.mean) * scale).clamp(-self.clip, self.clip).float() * self.share

    @torch.no_grad()
    def update(self, observations: Tensor) -> None:
        """Merge a batch `[M, ...]` into the moments (Chan, Golub and LeVeque's parallel variance)."""
        batch = observations.to(self.mean)
        size = batch.shape[0]
        mean, var = batch.mean(0), batch.var(0, unbiased=False)
        total = self.count + size
        delta = mean - self.mean
        merged = self.var * self.count + var * size + delta.square() * self.count * size / total
        self.mean += delta * size / total
        self.var.copy_(merged / total)
        self.count.copy_(total)


class BetaDistribution(DiagGaussianDistribution):
    """Independent Beta distributions stretched over a box (Chou, Maturana and Scherer, ICML 2017).

    With u ~ Beta(alpha, beta), the action is low + (high - low) u, so its log-density is that of
    u minus log(high - low), summed over the dimensions. The parameters are the mode m and the
    concentration k: alpha = 1 + k m, beta = 1 + k (1 - m). Both are then above 1, so every density
    has one peak and vanishes at the ends, and where the peak is can be learned apart from its
    width: with alpha and beta learned directly, moving the peak near an end takes large weights,
    and learning was several times slower.

    It stands in the place of SB3's Gaussian, and has the same two inputs: a layer's output for each row, and a
    vector of free parameters.

    Args:
        low: `[A]`, finite.
        high: `[A]`, finite, above `low`.
    """

    distribution: torch.distributions.Beta  # type: ignore[assignment]

    def __init__(self, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> None:
        super().__init__(len(low))
        self.low = torch.as_tensor(low, dtype=torch.float32)
        self.width = torch.as_tensor(high, dtype=torch.float32) - self.low

    def proba_distribution(self, mean_actions: Tensor, log_std: Tensor) -> Self:
        """Take parameters.

        Args:
            mean_actions: `[N, A]`, logits of the modes.
            log_std: `[A]`, logarithms of the concentrations.
        """
        peak, concentration = torch.sigmoid(mean_actions), log_std.exp()
        self.low, self.width = self.low.to(peak.device), self.width.to(peak.device)
        alpha, beta = 1.0 + concentration * peak, 1.0 + concentration * (1.0 - peak)
        self.peak = peak
        self.distribution = torch.distributions.Beta(alpha, beta, validate_args=False)
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-density `[N]` of actions `[N, A]` in the box."""
        unit = ((actions - self.low) / self.width).clamp(EDGE, 1.0 - EDGE)
        density: Tensor = self.distribution.log_prob(unit) - self.width.log()  # type: ignore[no-untyped-call]
        return density.sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropy `[N]` over the box."""
        entropy: Tensor = self.distribution.entropy() + self.width.log()  # type: ignore[no-untyped-call]
        return entropy.sum(-1)

    def sample(self) -> Tensor:
        """Draws `[N, A]`, strictly inside the box."""
        return self.low + self.width * self.distribution.rsample().clamp(EDGE, 1.0 - EDGE)

    def mode(self) -> Tensor:
        """The deterministic action `[N, A]`: the mode, strictly inside the box."""
        return self.low + self.width * self.peak.clamp(EDGE, 1.0 - EDGE)


class _Normalising(BasePolicy):
    """Where every features extractor gets its input: `ActorCriticPolicy` asks its base for all of them."""

    normaliser: RunningNormaliser

    def extract_features(self, obs: Any, features_extractor: BaseFeaturesExtractor) -> Tensor:
        return super().extract_features(self.normaliser(obs), features_extractor)


class BoundedPolicy(ActorCriticPolicy, _Normalising):  # type: ignore[misc]
    """Actor and critic with a Beta actor on a Box, and a running normaliser before their features extractors.

    On other action spaces (`MultiDiscrete`) it is SB3's policy with the normaliser. Takes the
    arguments of SB3's `ActorCriticPolicy`, a features extractor of one's own among them, and two more.

    Args:
        observation_space: a Box.
        action_space: of the world.
        lr_schedule: remaining share of training -> step size.
        *args: of `ActorCriticPolicy`.
        concentration: of the Beta distributions at the start; larger explores less.
        blocks: lengths of the observation's blocks, see `RunningNormaliser`.
        **kwargs: of `ActorCriticPolicy`.

    Attributes:
        normaliser: one for actor and critic, whether or not they share their features extractor.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        lr_schedule: Any,
        *args: Any,
        concentration: float = 2.0,
        blocks: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        self.concentration, self.blocks = concentration, blocks
        super().__init__(observation_space, action_space, lr_schedule, *args, **kwargs)
        self.normaliser = RunningNormaliser(observation_space.shape or (), blocks)

    def _build(self, lr_schedule: Any) -> None:
        if not isinstance(self.action_space, spaces.Box):
            super()._build(lr_schedule)
            return
        if self.use_sde:
            raise ConfigError("use_sde was true: bounded actions have no state-dependent noise; leave it out")
        self.action_dist = BetaDistribution(self.action_space.low, self.action_space.high)
        self.log_std_init = math.log(self.concentration)
        super()._build(lr_schedule)
        self.log_concentration = self.log_std  # its name in SB3 would have a concentration logged as a deviation
        del self.log_std

    def _get_constructor_parameters(self) -> dict[str, Any]:
        own = {"concentration": self.concentration, "blocks": self.blocks}
        return {**super()._get_constructor_parameters(), **own}

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        if isinstance(self.action_dist, BetaDistribution):
            return self.action_dist.proba_distribution(self.action_net(latent_pi), self.log_concentration)
        return super()._get_action_dist_from_latent(latent_pi)
