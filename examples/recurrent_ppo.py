"""A policy with a memory: RecurrentPPO of sb3-contrib, which sees less and has to remember.

Learn here: `drop` leaves blocks of the observation out (here what tells of earlier turns), and `Trained` keeps a
recurrent policy's states from a dialogue's first turn to its last. Prints return and relief of fresh people.
"""

from sb3_contrib import RecurrentPPO

import rlgen
from rlgen.envs import World, world_config
from rlgen.experiments.evaluation import evaluate
from rlgen.policies import Trained

ENV = "rlgen/SupportDynamic-v0"
FORGOTTEN = ("turn", "reply_reading", "earlier_reply_reading", "previous_controls", "rating", "engagement")


def main(steps: int = 50_000, people: int = 300, num_envs: int = 64) -> None:
    """Train and measure."""
    env = rlgen.make_sb3(ENV, num_envs, seed=0, drop=FORGOTTEN)
    model = RecurrentPPO("MlpLstmPolicy", env, n_steps=32, batch_size=512, learning_rate=1e-3, seed=0)
    model.learn(steps)
    outcome = evaluate(World(world_config(ENV, drop=FORGOTTEN), num_envs), Trained(model), people)
    print(f"return {outcome.values['return'].mean():.2f}, relief {outcome.values['relief'].mean():.2f}")


if __name__ == "__main__":
    main()
