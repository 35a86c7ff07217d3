"""skrl: PPO on one environment and on the native vector environment."""

from __future__ import annotations

import tempfile
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.trainers.torch import SequentialTrainer
from torch import nn

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Witness
from benchmarks.compat.world import DYNAMIC, QUICK


class Policy(GaussianMixin, Model):
    """A Gaussian; the box is the user's to keep: `clip_actions=True`."""

    def __init__(self, env: Any) -> None:
        Model.__init__(self, observation_space=env.observation_space, action_space=env.action_space, device=env.device)
        GaussianMixin.__init__(self, clip_actions=True)
        self.net = nn.Sequential(nn.Linear(self.num_observations, 32), nn.Tanh(), nn.Linear(32, self.num_actions))
        self.log_std = nn.Parameter(torch.full((self.num_actions,), -0.5))

    def compute(self, inputs: dict[str, Any], role: str = "") -> Any:
        """Mean and spread."""
        return self.net(inputs["observations"]), {"log_std": self.log_std}


class Value(DeterministicMixin, Model):
    """The critic."""

    def __init__(self, env: Any) -> None:
        Model.__init__(self, observation_space=env.observation_space, action_space=env.action_space, device=env.device)
        DeterministicMixin.__init__(self)
        self.net = nn.Sequential(nn.Linear(self.num_observations, 32), nn.Tanh(), nn.Linear(32, 1))

    def compute(self, inputs: dict[str, Any], role: str = "") -> Any:
        """The value."""
        return self.net(inputs["observations"]), {}


class Watched(PPO):
    """PPO that keeps what it was told."""

    told: list[tuple[np.ndarray, ...]]

    def record_transition(self, **told: Any) -> None:
        """As PPO does."""
        names = ("observations", "rewards", "next_observations", "terminated", "truncated")
        self.told.append(tuple(told[name].detach().cpu().numpy().copy() for name in names))
        super().record_transition(**told)


def check(report: Report) -> None:
    """One environment, and four."""
    for name, make in (
        ("one environment", lambda: gym.make(DYNAMIC, **QUICK)),
        ("native vector", lambda: gym.make_vec(DYNAMIC, num_envs=4, **QUICK)),
    ):
        with tempfile.TemporaryDirectory() as folder, Witness() as world:
            env = wrap_env(make(), verbose=False)
            models = {"policy": Policy(env), "value": Value(env)}
            cfg = PPO_CFG(rollouts=32, learning_epochs=2, mini_batches=2)
            cfg.experiment.directory, cfg.experiment.write_interval, cfg.experiment.checkpoint_interval = folder, 0, 0
            agent = Watched(
                models=models,
                memory=RandomMemory(memory_size=32, num_envs=env.num_envs, device=env.device),
                cfg=cfg,
                observation_space=env.observation_space,
                action_space=env.action_space,
                device=env.device,
            )
            agent.told = []
            before = [p.detach().clone() for p in models["policy"].parameters()]
            SequentialTrainer(
                env=env, agents=agent, cfg={"timesteps": 160, "disable_progressbar": True, "headless": True}
            ).train()
            moved = any(not torch.equal(a, b) for a, b in zip(before, models["policy"].parameters(), strict=True))
        obs, rewards, following, terminated, truncated = (np.stack(parts) for parts in zip(*agent.told, strict=True))
        ended = (terminated | truncated)[..., 0]
        on = ~ended
        report.count(
            f"{name}: transitions inside episodes are the world's",
            world.same_transitions(obs[on], rewards[on], following[on]),
        )
        report.count(f"{name}: the world's lengths and returns", world.same_sums(_sums(rewards[..., 0], ended)))
        # The next observation of an ended row may be the next dialogue's: an end must never be bootstrapped.
        report.count(
            f"{name}: ends are terminated, so that none is bootstrapped", (int(terminated.sum()), int(ended.sum()))
        )
        report.true(f"{name}: the policy was trained", moved)


def _sums(rewards: np.ndarray, ended: np.ndarray) -> list[tuple[int, float]]:
    found = []
    for row in range(rewards.shape[1]):
        since = 0
        for end in np.flatnonzero(ended[:, row]):
            found.append((int(end) + 1 - since, float(rewards[since : end + 1, row].sum())))
            since = int(end) + 1
    return found
