"""sb3-contrib: recurrent, quantile, trust-region and random-search algorithms."""

from __future__ import annotations

from sb3_contrib import ARS, QRDQN, TQC, TRPO, CrossQ, RecurrentPPO

from benchmarks.compat.clients.sb3 import learned_from
from benchmarks.compat.report import Report
from benchmarks.compat.world import DYNAMIC, FLAT


def check(report: Report) -> None:
    """Every algorithm of sb3-contrib that fits the spaces."""
    small = {"seed": 0, "device": "cpu"}
    layers = {"policy_kwargs": {"net_arch": [32]}}
    replay = {"learning_starts": 64, "buffer_size": 1000, **layers}
    for name, algorithm, env_id, policy, extra in (
        (
            "RecurrentPPO",
            RecurrentPPO,
            DYNAMIC,
            "MlpLstmPolicy",
            {"n_steps": 32, "batch_size": 64, "policy_kwargs": {"lstm_hidden_size": 16}},
        ),
        ("TRPO", TRPO, DYNAMIC, "MlpPolicy", {"n_steps": 32, "batch_size": 64, **layers}),
        ("TQC", TQC, DYNAMIC, "MlpPolicy", replay),
        ("CrossQ", CrossQ, DYNAMIC, "MlpPolicy", replay),
        ("QRDQN", QRDQN, FLAT, "MlpPolicy", replay),
        ("ARS", ARS, DYNAMIC, "LinearPolicy", {"n_delta": 2}),
    ):
        learned_from(report, name, algorithm, env_id, "WorldVecEnv", {**small, **extra}, policy)
