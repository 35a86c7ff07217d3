"""SAC of Stable-Baselines3, and its policy measured beside a fixed rule on the same people.

Learn here: any algorithm for continuous actions takes `rlgen.make_sb3`; any model is an actor as `Trained(model)`.
Prints both mean returns with 95 % bootstrap intervals, and their difference on the same people.
"""

from stable_baselines3 import SAC

import rlgen
from rlgen.envs import World, world_config
from rlgen.experiments.evaluation import evaluate
from rlgen.experiments.statistics import bootstrap_mean, paired_difference
from rlgen.policies import Fixed, Trained

ENV = "rlgen/SupportDynamic-v0"


def main(steps: int = 20_000, people: int = 300, num_envs: int = 32) -> None:
    """Train and measure."""
    env = rlgen.make_sb3(ENV, num_envs, seed=0)
    model = SAC("MlpPolicy", env, gradient_steps=num_envs // 2, learning_starts=10 * num_envs, seed=0)
    model.learn(steps)
    world = World(world_config(ENV), num_envs)
    found = {name: evaluate(world, actor, people) for name, actor in (("SAC", Trained(model)), ("centre", Fixed()))}
    for name, outcome in found.items():
        mean = bootstrap_mean(outcome.values["return"])
        print(f"{name}: {mean.mean:.2f} [{mean.low:.2f}, {mean.high:.2f}]")
    apart = paired_difference(found["SAC"].values["return"], found["centre"].values["return"])
    print(f"SAC minus centre: {apart.mean:.2f} [{apart.low:.2f}, {apart.high:.2f}]")


if __name__ == "__main__":
    main()
