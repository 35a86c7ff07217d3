"""Policies: the SB3 face of the world, a bounded PPO, exact checkpoints, and the ladder of baselines.

Names are imported when they are asked for, so that `import rlgen.policies` costs no torch.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Baseline": "baselines",
    "BoundedPPO": "ppo",
    "BoundedPolicy": "bounded",
    "EmotionTable": "baselines",
    "Fixed": "baselines",
    "PPOConfig": "ppo",
    "PerPerson": "baselines",
    "Random": "baselines",
    "Schedule": "baselines",
    "Trained": "trained",
    "WorldVecEnv": "vec_env",
    "load_checkpoint": "checkpoint",
    "make_ppo": "ppo",
    "resume": "checkpoint",
    "save_checkpoint": "checkpoint",
    "shipped_baselines": "baselines",
    "untrained": "trained",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
