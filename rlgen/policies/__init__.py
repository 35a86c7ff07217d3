"""Policies: the SB3 face of the world, a bounded PPO, exact checkpoints, and the ladder of baselines.

Names are imported when they are asked for, so that `import rlgen.policies` costs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.policies.baselines import Baseline as Baseline
    from rlgen.policies.baselines import EmotionTable as EmotionTable
    from rlgen.policies.baselines import Fixed as Fixed
    from rlgen.policies.baselines import PerPerson as PerPerson
    from rlgen.policies.baselines import Random as Random
    from rlgen.policies.baselines import Schedule as Schedule
    from rlgen.policies.baselines import shipped_baselines as shipped_baselines
    from rlgen.policies.bounded import BoundedPolicy as BoundedPolicy
    from rlgen.policies.checkpoint import load_checkpoint as load_checkpoint
    from rlgen.policies.checkpoint import resume as resume
    from rlgen.policies.checkpoint import save_checkpoint as save_checkpoint
    from rlgen.policies.ppo import BoundedPPO as BoundedPPO
    from rlgen.policies.ppo import PPOConfig as PPOConfig
    from rlgen.policies.ppo import make_ppo as make_ppo
    from rlgen.policies.trained import Trained as Trained
    from rlgen.policies.trained import untrained as untrained
    from rlgen.policies.vec_env import WorldVecEnv as WorldVecEnv

__getattr__, __all__ = lazy(__name__)
