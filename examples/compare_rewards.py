"""Three reward designs compared by what they do for people, with intervals over seeds and people.

Learn here: policies trained on different rewards are compared by an outcome that none of them saw (relief), on the same
people, and the error counts that both seeds and people are samples. The world is without text (`kind: surface`), some
hundred times as fast; repeat the winner on words. Prints relief of each and its difference to the first.
"""

import numpy as np

import rlgen
from rlgen.envs import World, world_config
from rlgen.experiments.evaluation import evaluate
from rlgen.experiments.statistics import crossed_error
from rlgen.policies import PPOConfig, Trained, make_ppo

ENV, FAST = "rlgen/SupportDynamic-v0", {"kind": "surface"}


def main(steps: int = 50_000, people: int = 300, seeds: int = 3, num_envs: int = 64, batch_size: int = 512) -> None:
    """Train every design under every seed."""
    world = World(world_config(ENV, generator=FAST), num_envs)
    relief: dict[str, np.ndarray] = {}
    for reward in ("default", "engagement_only", "ratings"):
        found = []
        for seed in range(seeds):
            env = rlgen.make_sb3(ENV, num_envs, seed=seed, reward=reward, generator=FAST)
            model = make_ppo(env, PPOConfig(batch_size=batch_size), seed=seed)
            model.learn(steps)
            found.append(evaluate(world, Trained(model), people).values["relief"])
        relief[reward] = np.stack(found)  # [seeds, people]
    for reward, values in relief.items():
        apart = values - relief["default"]
        print(
            f"{reward:16} relief {values.mean():.3f} +- {1.96 * crossed_error(values):.3f}, "
            f"minus default {apart.mean():+.3f} +- {1.96 * crossed_error(apart):.3f}"
        )


if __name__ == "__main__":
    main()
