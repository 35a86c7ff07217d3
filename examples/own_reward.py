"""A reward of your own: a function of what one turn showed, [N] for N dialogues.

Learn here: a reward sees words, readings and feedback of both sides (`rlgen.rewards.Trace`), never the action. It goes
in as it is, or by its name: `rlgen train --reward examples/own_reward.py:curious --out runs/curious`.
Prints the mean reward a turn of a warm and of a cold rule under it.
"""

import numpy as np

import rlgen
from rlgen.rewards import Trace


def curious(trace: Trace) -> np.ndarray:
    """Pays for replies that ask something new, and for people who leave content; `[N]`."""
    asks = np.array([reply.rstrip().endswith("?") for reply in trace.reply])
    asks = asks * (1 - trace.reading.repetition)
    return 0.05 * asks + trace.feedback.completed - trace.feedback.abandoned


def main(turns: int = 50, num_envs: int = 64) -> None:
    """Compare two fixed actions."""
    env = rlgen.make_sb3("rlgen/SupportDynamic-v0", num_envs, seed=0, reward=curious)
    for name, warmth in (("warm", 0.8), ("cold", -0.8)):
        env.seed(0)
        env.reset()
        action = np.tile(np.float32([warmth, 0, 0, 0]), (num_envs, 1))
        print(f"{name}: {np.mean([env.step(action)[1] for _ in range(turns)]):.3f} a turn")


if __name__ == "__main__":
    main()
