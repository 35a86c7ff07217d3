"""TorchRL: collector, GAE and the clipped PPO loss on one environment and on the native vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from tensordict.nn import TensorDictModule
from tensordict.nn.distributions import NormalParamExtractor
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import GymEnv, GymWrapper, check_env_specs
from torchrl.modules import ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Episode, Witness
from benchmarks.compat.world import DYNAMIC, FLAT, QUICK


def check(report: Report) -> None:
    """`GymEnv`, and `GymWrapper` on the native vector environment in both modes that TorchRL takes."""
    check_env_specs(GymEnv(DYNAMIC, **QUICK))
    check_env_specs(GymEnv(FLAT, **QUICK))
    report.true("check_env_specs passes for the Box id and the flat one", True)
    for name, make in (
        ("GymEnv", lambda: GymEnv(DYNAMIC, **QUICK)),
        ("native, DISABLED", lambda: _native(AutoresetMode.DISABLED)),
        ("native, SAME_STEP", lambda: _native(AutoresetMode.SAME_STEP)),
    ):
        with Witness() as world:
            transitions, episodes, moved = train(make())
        report.count(f"{name}: transitions learned from are the world's", world.same_transitions(*transitions))
        report.count(f"{name}: episodes learned from are the world's", world.same_episodes(episodes))
        report.true(f"{name}: the policy was trained", moved)


def _native(mode: AutoresetMode) -> Any:
    return GymWrapper(gym.make_vec(DYNAMIC, num_envs=4, autoreset_mode=mode, **QUICK))


def train(env: Any) -> tuple[Any, list[Episode], bool]:
    """Train; what was learned from, and whether the weights moved."""
    torch.manual_seed(0)
    inputs, outputs = env.observation_spec["observation"].shape[-1], env.action_spec.shape[-1]
    net = nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, 2 * outputs), NormalParamExtractor())
    module = TensorDictModule(net, in_keys=["observation"], out_keys=["loc", "scale"])
    actor = ProbabilisticActor(
        module, spec=env.action_spec, in_keys=["loc", "scale"], distribution_class=TanhNormal,
        distribution_kwargs={"low": -1.0, "high": 1.0}, return_log_prob=True,
    )  # fmt: skip
    critic = ValueOperator(nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, 1)), in_keys=["observation"])
    advantage = GAE(gamma=0.99, lmbda=0.95, value_network=critic)
    loss = ClipPPOLoss(actor, critic)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    before = nn.utils.parameters_to_vector(actor.parameters()).detach().clone()
    collector = Collector(env, actor, frames_per_batch=128, total_frames=384)
    taken: list[Any] = []
    for data in collector:
        taken.append(data.clone())
        for _ in range(2):
            advantage(data)
            terms = loss(data.reshape(-1))
            total = terms["loss_objective"] + terms["loss_critic"] + terms["loss_entropy"]
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    collector.shutdown()
    moved = not torch.equal(before, nn.utils.parameters_to_vector(actor.parameters()))
    data = torch.cat(taken, -1)
    obs, following = data["observation"], data["next", "observation"]
    rewards, ended = data["next", "reward"][..., 0], data["next", "done"][..., 0]
    if obs.ndim == 2:
        obs, following, rewards, ended = (part[None] for part in (obs, following, rewards, ended))
    flat = (obs.flatten(0, 1).numpy(), rewards.flatten().numpy(), following.flatten(0, 1).numpy())
    return flat, _episodes(obs.numpy(), rewards.numpy(), following.numpy(), ended.numpy()), moved


def _episodes(obs: np.ndarray, rewards: np.ndarray, following: np.ndarray, ended: np.ndarray) -> list[Episode]:
    found = []
    for row in range(len(obs)):
        episode = Episode([obs[row, 0]])
        for t in range(obs.shape[1]):
            episode.obs.append(following[row, t])
            episode.rewards.append(float(rewards[row, t]))
            if ended[row, t]:
                found.append(episode)
                episode = Episode([obs[row, t + 1]]) if t + 1 < obs.shape[1] else Episode()
    return found
