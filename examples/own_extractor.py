"""A features extractor of your own: attention over the named blocks of the observation.

Learn here: `make_ppo` takes every argument of SB3's PPO and policies; what the extractor gets is already normalised,
and the layout says which columns are which block. In YAML: `policy_kwargs: {features_extractor_class: mine:Blocks}`.
Prints the mean return of the last dialogues of the training.
"""

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

import rlgen
from rlgen.policies import PPOConfig, make_ppo


class Blocks(BaseFeaturesExtractor):
    """Each block becomes a token; the tokens look at each other and are averaged."""

    def __init__(self, observation_space: spaces.Box, lengths: list[int], width: int = 32) -> None:
        super().__init__(observation_space, width)
        self.lengths = lengths
        self.tokens = nn.ModuleList(nn.Linear(length, width) for length in lengths)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)

    def forward(self, observations: Tensor) -> Tensor:
        """`[N, D]` to `[N, width]`."""
        blocks = zip(self.tokens, observations.split(self.lengths, dim=1), strict=True)
        tokens = torch.stack([token(block) for token, block in blocks], dim=1)
        return (tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]).mean(dim=1)


def main(steps: int = 50_000, num_envs: int = 64, batch_size: int = 512) -> None:
    """Train with it."""
    env = rlgen.make_sb3("rlgen/SupportDynamic-v0", num_envs, seed=0)
    lengths = [block.stop - block.start for block in env.world.layout.slices.values()]
    extractor = {"features_extractor_class": Blocks, "features_extractor_kwargs": {"lengths": lengths}}
    model = make_ppo(env, PPOConfig(batch_size=batch_size), seed=0, policy_kwargs=extractor)
    model.learn(steps)
    print(
        f"return of the last {len(model.ep_info_buffer)}: {np.mean([each['r'] for each in model.ep_info_buffer]):.2f}"
    )


if __name__ == "__main__":
    main()
