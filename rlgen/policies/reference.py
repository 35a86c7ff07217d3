"""How far a policy has gone from the one that it began as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

Weights = Mapping[str, Tensor]

_ROWS: Final = 8192  # at once


class Reference:
    """A policy as it was; the distance from it is what Gao, Schulman and Hilton (2023) draw reward and outcome over.

    Args:
        policy: with a distribution over actions; it is not kept.
        weights: of the policy as it was, its buffers among them; None: as it is now.

    Attributes:
        weights: for a checkpoint.
    """

    def __init__(self, policy: ActorCriticPolicy, weights: Weights | None = None) -> None:
        self.weights: dict[str, Tensor] = _copied(policy.state_dict() if weights is None else weights)

    @torch.no_grad()
    def kl(self, policy: ActorCriticPolicy, observations: Any) -> float:
        """Kullback-Leibler divergence of the policy from this one, in nats a turn.

        Exact for each observation, and the mean over them. The policy is left as it was.

        Args:
            policy: of the same shape.
            observations: `[M, ...]`.
        """
        rows = torch.split(torch.as_tensor(observations, device=policy.device), _ROWS)
        now = [_factors(policy, part) for part in rows]
        kept = _copied(policy.state_dict())
        try:
            policy.load_state_dict(self.weights)
            then = [_factors(policy, part) for part in rows]
        finally:
            policy.load_state_dict(kept)
        total = sum(
            float(kl_divergence(one, other).sum())
            for part, before in zip(now, then, strict=True)
            for one, other in zip(part, before, strict=True)
        )
        return total / sum(map(len, rows))


def _copied(weights: Weights) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}


def _factors(policy: ActorCriticPolicy, observations: Tensor) -> list[Distribution]:
    """Independent distributions whose product is that over actions; SB3 has one of them, or a list."""
    found = policy.get_distribution(observations).distribution
    return list(found) if isinstance(found, list) else [found]
