"""Policies: what acts in a world, and what learns to.

In come observations `[N, D]` with their layout, or a world; out go actions `[N, 4]` in [-1, 1], or a trained model.

- `baselines`: the protocol `Actor`, and simple rules that a policy has to beat;
- `vec_env`, `bounded`, `ppo`: the world for Stable-Baselines3, the policy network, the learner;
- `trained`, `drawing`: a model of any SB3 algorithm as an actor, at its mode or drawn row by row;
- `saved`, `checkpoint`: models in files; checkpoints that go on to the same bits;
- `callbacks`: what a training reports.

Names are imported when they are asked for, so that `import rlgen.policies` costs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.policies.baselines import Baseline as Baseline
    from rlgen.policies.baselines import EmotionTable as EmotionTable
    from rlgen.policies.baselines import Fixed as Fixed
    from rlgen.policies.baselines import Random as Random
    from rlgen.policies.baselines import Schedule as Schedule
    from rlgen.policies.baselines import shipped_baselines as shipped_baselines
    from rlgen.policies.bounded import BoundedPolicy as BoundedPolicy
    from rlgen.policies.checkpoint import resume as resume
    from rlgen.policies.checkpoint import save_checkpoint as save_checkpoint
    from rlgen.policies.ppo import BoundedPPO as BoundedPPO
    from rlgen.policies.ppo import PPOConfig as PPOConfig
    from rlgen.policies.ppo import make_ppo as make_ppo
    from rlgen.policies.saved import load_model as load_model
    from rlgen.policies.trained import Trained as Trained
    from rlgen.policies.trained import untrained as untrained
    from rlgen.policies.vec_env import WorldVecEnv as WorldVecEnv

__getattr__, __all__ = lazy(__name__)
