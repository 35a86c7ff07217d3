"""SBX: Stable-Baselines3's algorithms in JAX."""

from __future__ import annotations

from sbx import DQN, PPO, SAC, TQC

from benchmarks.compat.clients.sb3 import learned_from
from benchmarks.compat.report import Report
from benchmarks.compat.world import DYNAMIC, FLAT


def check(report: Report) -> None:
    """PPO, SAC, TQC and DQN."""
    layers = {"seed": 0, "policy_kwargs": {"net_arch": [32]}}
    replay = {"learning_starts": 64, "buffer_size": 1000, **layers}
    for name, algorithm, env_id, options in (
        ("PPO", PPO, DYNAMIC, {"n_steps": 32, "batch_size": 64, **layers}),
        ("SAC", SAC, DYNAMIC, replay),
        ("TQC", TQC, DYNAMIC, replay),
        ("DQN", DQN, FLAT, replay),
    ):
        for way in ("make_vec_env", "WorldVecEnv"):
            learned_from(report, f"{name}, {way}", algorithm, env_id, way, options)
