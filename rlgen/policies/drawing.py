"""Actions drawn from what a policy gives, by inverse CDF: a row's draw is a function of its own uniforms."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.maskable.distributions import (
    MaskableCategoricalDistribution,
    MaskableMultiCategoricalDistribution,
)
from scipy.special import betaincinv, ndtri
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    DiagGaussianDistribution,
    Distribution,
    MultiCategoricalDistribution,
    SquashedDiagGaussianDistribution,
)
from torch import Tensor

from rlgen.errors import ActionError
from rlgen.policies.bounded import EDGE, BetaDistribution

Uniforms = NDArray[np.float64]
States = tuple[NDArray[np.float32], ...]
"""Hidden and cell states of a recurrent policy, each `[layers, N, width]`."""


class _Categorical(Protocol):
    probs: Tensor


def draw(
    model: BaseAlgorithm, obs: NDArray[np.float32], uniform: Uniforms, states: States | None, starts: NDArray[np.bool_]
) -> tuple[NDArray[Any], States | None]:
    """Actions of N rows in the model's own action space, drawn from its distribution.

    Args:
        model: any algorithm of SB3 or sb3-contrib whose policy is a distribution.
        obs: `[N, ...]` as the model takes them.
        uniform: `[N, A]` in (0, 1).
        states: of a recurrent policy; None at the start, and for others.
        starts: `[N]`, whose dialogue begins now.

    Returns:
        Actions `[N, A]`, or `[N]` for a flat discrete space, and the states after them.

    Raises:
        ActionError: the policy is no distribution, or its noise is not drawn anew at each turn.
    """
    policy: Any = model.policy
    name = type(model).__name__
    given, _ = policy.obs_to_tensor(obs)
    actor: Any = getattr(policy, "actor", None)
    if getattr(model, "use_sde", False):
        raise _refused(f"the noise of {name} with use_sde lasts from turn to turn and is nobody's own")
    if hasattr(policy, "lstm_actor"):
        if states is None:
            layers, _, width = policy.lstm_hidden_state_shape
            states = (np.zeros((layers, len(obs), width), np.float32),) * 2
        hidden: Any = tuple(torch.as_tensor(state, device=model.device) for state in states)
        begun = torch.as_tensor(starts, dtype=torch.float32, device=model.device)
        found, after = policy.get_distribution(given, hidden, begun)
        return _in_bounds(drawn(found, uniform), model), tuple(state.cpu().numpy() for state in after)
    if hasattr(actor, "get_action_dist_params"):
        mean, log_std, _ = actor.get_action_dist_params(given)
        squashed = SquashedDiagGaussianDistribution(mean.shape[1]).proba_distribution(mean, log_std)
        return np.asarray(policy.unscale_action(drawn(squashed, uniform))), None
    if not hasattr(policy, "get_distribution"):
        raise _refused(f"{name} has no distribution of actions")
    return _in_bounds(drawn(policy.get_distribution(given), uniform), model), None


def _refused(why: str) -> ActionError:
    return ActionError(f"cannot draw actions: {why}; leave --stochastic out")


def _in_bounds(actions: NDArray[Any], model: BaseAlgorithm) -> NDArray[Any]:
    """As `predict` clips what a Gaussian gives."""
    space: Any = model.action_space
    return np.clip(actions, space.low, space.high) if actions.dtype.kind == "f" else actions


def drawn(distribution: Distribution, uniform: Uniforms) -> NDArray[Any]:
    """Actions by inverse CDF.

    Args:
        distribution: of N rows.
        uniform: `[N, A]` in (0, 1).

    Raises:
        ActionError: a distribution of another kind.
    """
    if isinstance(distribution, BetaDistribution):
        made = distribution.distribution
        unit = betaincinv(_plain(made.concentration1), _plain(made.concentration0), uniform).clip(EDGE, 1.0 - EDGE)
        low, width = (t.cpu().numpy() for t in (distribution.low, distribution.width))
        return np.asarray(low + width * unit, dtype=np.float32)
    if isinstance(distribution, DiagGaussianDistribution):
        normal: Any = distribution.distribution
        actions = _plain(normal.mean) + _plain(normal.stddev) * ndtri(uniform)
        if isinstance(distribution, SquashedDiagGaussianDistribution):
            actions = np.tanh(actions)
        return np.asarray(actions, dtype=np.float32)
    if isinstance(distribution, CategoricalDistribution | MaskableCategoricalDistribution):
        return _index(distribution.distribution, uniform[:, 0])  # type: ignore[arg-type]
    if isinstance(distribution, MultiCategoricalDistribution):
        parts: Any = distribution.distribution
    elif isinstance(distribution, MaskableMultiCategoricalDistribution):
        parts = distribution.distributions
    else:
        raise _refused(f"{type(distribution).__name__} is of no kind that rlgen knows")
    return np.stack([_index(part, u) for part, u in zip(parts, uniform.T, strict=True)], axis=1)


def _plain(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.detach().cpu().double().numpy())


def _index(part: _Categorical, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """`[N]` indices into the categories."""
    cumulative = np.cumsum(_plain(part.probs), axis=1)
    return np.asarray((cumulative < uniform[:, None] * cumulative[:, -1:]).sum(axis=1), dtype=np.int64)
