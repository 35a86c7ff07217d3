"""RLlib: PPO on sync vectors, its default, and on the native vector environment."""

from __future__ import annotations

import logging
import os
from typing import Any

import gymnasium as gym
import numpy as np

os.environ.setdefault("RAY_raylet_start_wait_time_s", "180")  # before its import: half a minute is short on two cores
import ray
from gymnasium.vector import AutoresetMode
from ray.rllib.algorithms.ppo import PPOConfig

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Episode, Witness
from benchmarks.compat.world import DYNAMIC, QUICK


def check(report: Report) -> None:
    """RLlib expects NEXT_STEP; in SAME_STEP it learns from wrong episodes without a word, which is noticed here."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        for name, vectorize, fields in (
            ("sync (its default)", gym.VectorizeMode.SYNC, {}),
            ("native, NEXT_STEP", gym.VectorizeMode.VECTOR_ENTRY_POINT, {"autoreset_mode": AutoresetMode.NEXT_STEP}),
        ):
            world, episodes, moved = train(vectorize, fields)
            report.count(f"{name}: episodes learned from are the world's", world.same_episodes(episodes))
            last = [episode.obs[-1][-1] * 16 == episode.length for episode in episodes]
            report.count(f"{name}: the last observation is of the last turn", (sum(last), len(last)))
            report.true(f"{name}: the policy was trained", moved)
        mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
        world, episodes, _ = train(gym.VectorizeMode.VECTOR_ENTRY_POINT, mode)
        right, of = world.same_episodes(episodes)
        report.true(f"native, SAME_STEP: the check notices wrong episodes ({of - right} of {of})", right < of)
    finally:
        ray.shutdown()


def train(vectorize: Any, fields: dict[str, Any]) -> tuple[Witness, list[Episode], bool]:
    """Train twice on 128 turns; the dialogues that the learner got, as RLlib's own episodes hold them."""
    chunks: list[tuple[str, np.ndarray, np.ndarray, bool]] = []

    def sampled(samples: Any, **_: Any) -> None:
        for piece in samples:  # copied: the learner adds a step to each for its own ends
            obs, rewards = np.array(piece.get_observations()), np.array(piece.get_rewards())
            chunks.append((piece.id_, obs, rewards, piece.is_done))

    config = (
        PPOConfig()
        .environment(DYNAMIC, env_config={**QUICK, **fields})
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=4,
            rollout_fragment_length=32,
            gym_env_vectorize_mode=vectorize,
        )
        .learners(num_learners=0)
        .training(train_batch_size_per_learner=128, minibatch_size=64, num_epochs=2)
        .callbacks(on_sample_end=sampled)
        .debugging(seed=0, log_level="ERROR")
    )
    with Witness() as world:
        algorithm = config.build_algo()
        before = _weights(algorithm)
        for _ in range(3):
            algorithm.train()
        moved = not np.array_equal(before, _weights(algorithm))
        algorithm.stop()
    return world, _ended(chunks), moved


def _weights(algorithm: Any) -> np.ndarray:
    state = algorithm.get_module().get_state()
    return np.concatenate([np.asarray(value).ravel() for value in state.values()])


def _ended(chunks: list[tuple[str, np.ndarray, np.ndarray, bool]]) -> list[Episode]:
    """Whole dialogues, of the pieces that RLlib cuts at the end of a batch."""
    pieces: dict[str, Episode] = {}
    found = []
    for name, obs, rewards, ended in chunks:
        episode = pieces.setdefault(name, Episode([obs[0]]))
        episode.obs.extend(obs[1:])
        episode.rewards.extend(float(reward) for reward in rewards)
        if ended:
            found.append(pieces.pop(name))
    return found
