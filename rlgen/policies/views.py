"""What an actor is shown: everything, or only what a simple rule may depend on.

An actor that is shown one category, one turn, or nothing can only learn a table, a schedule or
constant controls. Its critic still sees everything, so the rule is learned by the same learner,
with the same budget and no worse a baseline, as the policy that it is compared with.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, MlpExtractor
from torch import Tensor, nn
from torch.nn import functional as F

from rlgen.affect import NUM_CATEGORIES
from rlgen.policies.protocols import Layout
from rlgen.types import MAX_TURNS

View = Literal["everything", "emotion", "turn", "nothing"]
SIZES: Final[dict[str, int]] = {"emotion": NUM_CATEGORIES, "turn": MAX_TURNS, "nothing": 1}
"""Cases that an actor of each narrow view can tell apart."""


def columns(view: View, layout: Layout, width: int) -> tuple[int, ...]:
    """Columns of the flat observation that a view needs.

    Args:
        view: not `"everything"`.
        layout: of the observation.
        width: of the observation.
    """
    named = layout.unflatten(np.arange(width)[None])
    if view == "emotion":
        return tuple(int(i) for i in named["affect"][0, :NUM_CATEGORIES])
    return tuple(int(i) for i in named["turn"][0]) if view == "turn" else ()


class Narrow(BaseFeaturesExtractor):
    """The case that a row is in, as a one-hot vector.

    Args:
        observation_space: a flat Box.
        view: `"emotion"`: the most probable recognised category; `"turn"`: the turn; `"nothing"`: one
            case for all.
        columns: where the view lies in the observation, see `columns`.
    """

    def __init__(self, observation_space: gym.Space[Any], view: View, columns: tuple[int, ...]) -> None:
        super().__init__(observation_space, SIZES[view])
        self.view, self.columns = view, list(columns)

    def forward(self, observations: Tensor) -> Tensor:
        """`[N, D]` to one-hot `[N, cases]`."""
        shown = observations[:, self.columns]
        if self.view == "emotion":
            case = shown.argmax(dim=1)
        elif self.view == "turn":
            case = torch.round(shown[:, 0] * MAX_TURNS).long().clamp(0, MAX_TURNS - 1)
        else:
            case = torch.zeros(len(observations), dtype=torch.long, device=observations.device)
        return F.one_hot(case, SIZES[self.view]).float()


class TwoInputs(nn.Module):
    """Actor's and critic's hidden layers over inputs of different widths, with SB3's names.

    Args:
        actor_dim: width of the actor's input.
        critic_dim: width of the critic's.
        net_arch: SB3's `{"pi": widths, "vf": widths}`.
        activation_fn: between layers.
        device: of the weights.
    """

    def __init__(
        self, actor_dim: int, critic_dim: int, net_arch: dict[str, list[int]], activation_fn: Any, device: Any
    ) -> None:
        super().__init__()
        actor = MlpExtractor(actor_dim, {"pi": net_arch["pi"], "vf": []}, activation_fn, device)
        critic = MlpExtractor(critic_dim, {"pi": [], "vf": net_arch["vf"]}, activation_fn, device)
        self.policy_net, self.latent_dim_pi = actor.policy_net, actor.latent_dim_pi
        self.value_net, self.latent_dim_vf = critic.value_net, critic.latent_dim_vf

    def forward_actor(self, features: Tensor) -> Tensor:
        """The actor's latent."""
        latent: Tensor = self.policy_net(features)
        return latent

    def forward_critic(self, features: Tensor) -> Tensor:
        """The critic's latent."""
        latent: Tensor = self.value_net(features)
        return latent
