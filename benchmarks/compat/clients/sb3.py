"""Stable-Baselines3: PPO, A2C, SAC, TD3 and DQN, through `make_vec_env` and through rlgen's own `WorldVecEnv`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecFrameStack, VecMonitor, VecNormalize

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Witness
from benchmarks.compat.world import DYNAMIC, FLAT, QUICK
from rlgen.envs import World, world_config
from rlgen.policies.vec_env import WorldVecEnv


def check(report: Report) -> None:
    """Every algorithm of Stable-Baselines3 that fits the spaces."""
    small: dict[str, Any] = {"policy_kwargs": {"net_arch": [32]}, "seed": 0, "device": "cpu"}
    for name, algorithm, env_id, extra in (
        ("PPO", PPO, DYNAMIC, {"n_steps": 32, "batch_size": 64}),
        ("A2C", A2C, DYNAMIC, {}),
        ("SAC", SAC, DYNAMIC, {"learning_starts": 64, "buffer_size": 1000}),
        ("TD3", TD3, DYNAMIC, {"learning_starts": 64, "buffer_size": 1000}),
        ("DQN", DQN, FLAT, {"learning_starts": 64, "buffer_size": 1000}),
    ):
        for way in ("make_vec_env", "WorldVecEnv"):
            learned_from(report, f"{name}, {way}", algorithm, env_id, way, {**small, **extra})

    for name, wrap in (
        ("VecNormalize", VecNormalize),
        ("VecFrameStack(3)", lambda e: VecFrameStack(e, 3)),
        ("VecMonitor", VecMonitor),
    ):
        with Witness() as world:
            model = PPO("MlpPolicy", wrap(envs(DYNAMIC, "WorldVecEnv")), n_steps=32, batch_size=64, **small)
            model.learn(256)
        sums = [(e["l"], e["r"]) for e in model.ep_info_buffer]
        report.count(f"PPO over {name}: the world's lengths and returns", world.same_sums(sums))

    with Witness() as world:
        model = PPO("MlpPolicy", envs(DYNAMIC, "WorldVecEnv", words=True), n_steps=24, batch_size=48, **small)
        model.learn(96)
    report.count(
        "PPO with words: the world's lengths and returns",
        world.same_sums((e["l"], e["r"]) for e in model.ep_info_buffer),
    )


def envs(env_id: str, way: str, words: bool = False, rows: int = 4) -> Any:
    """`rows` dialogues behind Stable-Baselines3's interface."""
    fields = {} if words else QUICK
    if way == "make_vec_env":
        return make_vec_env(env_id, rows, seed=0, env_kwargs=fields)
    return WorldVecEnv(World(world_config(env_id, **fields), rows))


def learned_from(
    report: Report, name: str, algorithm: Any, env_id: str, way: str, options: dict[str, Any], policy: str = "MlpPolicy"
) -> Any:
    """Train for a few hundred steps; hold statistics, and the replay buffer where there is one, to the world."""
    with Witness() as world:
        model = algorithm(policy, envs(env_id, way), **copy.deepcopy(options))  # they write into it
        before = _weights(model)
        model.learn(320)
    sums = [(episode["l"], episode["r"]) for episode in model.ep_info_buffer]
    report.count(f"{name}: the world's lengths and returns", world.same_sums(sums))
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        size = buffer.pos
        flat = (buffer.observations[:size], buffer.rewards[:size], buffer.next_observations[:size])
        report.count(
            f"{name}: transitions in the replay buffer",
            world.same_transitions(*(part.reshape(size * buffer.n_envs, -1) for part in flat)),
        )
    report.true(f"{name}: the policy was trained", not np.array_equal(before, _weights(model)))
    return model


def _weights(model: Any) -> Any:
    state = getattr(model.policy, "state_dict", dict)()
    if state:
        return np.concatenate([value.detach().cpu().numpy().ravel() for value in state.values()])
    import jax  # where SBX keeps its parameters

    trained = getattr(model.policy, "actor_state", None) or model.policy.qf_state
    return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(trained.params)])
