"""PPO in one file, as CleanRL writes it, on Gymnasium's sync vector environment and on the native one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import nn
from torch.distributions import Normal

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Episode, Witness
from benchmarks.compat.world import DYNAMIC, QUICK

GAMMA, LAMBDA, CLIP = 0.99, 0.95, 0.2


def check(report: Report) -> None:
    """Both vector environments in both modes that reset by themselves, and once with words."""
    for kind in ("sync", "native"):
        for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            envs = _make(kind, mode)
            with Witness() as world:
                episodes, transitions, moved = train(envs, mode, steps=32, iterations=4)
            report.count(f"{kind}, {mode.name}: episodes learned from are the world's", world.same_episodes(episodes))
            report.count(f"{kind}, {mode.name}: transitions learned from", world.same_transitions(*transitions))
            report.true(f"{kind}, {mode.name}: the policy was trained", moved)
    envs = gym.make_vec(DYNAMIC, num_envs=4)
    with Witness() as world:
        episodes, _, _ = train(envs, envs.metadata["autoreset_mode"], steps=24, iterations=1)
    report.count("native with words: episodes learned from are the world's", world.same_episodes(episodes))


def _make(kind: str, mode: AutoresetMode) -> Any:
    if kind == "native":
        return gym.make_vec(DYNAMIC, num_envs=4, autoreset_mode=mode, **QUICK)
    return gym.vector.SyncVectorEnv([lambda: gym.make(DYNAMIC, **QUICK)] * 4, autoreset_mode=mode)


class Agent(nn.Module):
    """Actor and critic."""

    def __init__(self, envs: Any) -> None:
        super().__init__()
        inputs, outputs = (int(np.prod(s.shape)) for s in (envs.single_observation_space, envs.single_action_space))
        self.critic = nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 1))
        self.actor = nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, outputs))
        self.logstd = nn.Parameter(torch.full((1, outputs), -0.5))

    def act(self, x: torch.Tensor, action: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """Action, its log-probability, entropy and value."""
        mean = self.actor(x)
        spread = Normal(mean, self.logstd.expand_as(mean).exp())
        action = spread.sample() if action is None else action
        return action, spread.log_prob(action).sum(1), spread.entropy().sum(1), self.critic(x).flatten()


def train(envs: Any, mode: AutoresetMode, steps: int, iterations: int) -> tuple[list[Episode], Any, bool]:
    """Train; what was learned from, as episodes and as transitions, and whether the weights moved."""
    torch.manual_seed(0)
    agent = Agent(envs)
    before = nn.utils.parameters_to_vector(agent.parameters()).detach().clone()
    optimizer = torch.optim.Adam(agent.parameters(), lr=3e-4, eps=1e-5)
    rows = envs.num_envs
    obs, _ = envs.reset(seed=1)
    running = [Episode([row.copy()]) for row in obs]
    found: list[Episode] = []
    taken: list[tuple[Any, Any, Any]] = []
    over = np.zeros(rows, dtype=bool)
    for _ in range(iterations):
        store: dict[str, list[Any]] = {k: [] for k in ("x", "action", "logp", "reward", "value", "next", "end", "real")}
        for _ in range(steps):
            x = torch.as_tensor(obs)
            with torch.no_grad():
                action, logp, _, value = agent.act(x)
            following, reward, terminated, truncated, infos = envs.step(action.clamp(-1, 1).numpy())
            ended = terminated | truncated
            last = following.copy()
            if mode is AutoresetMode.SAME_STEP:
                for row in np.flatnonzero(ended):
                    last[row] = infos["final_obs"][row]
            # In NEXT_STEP the step after an end only begins the next dialogue: nothing is learned from it.
            real = ~over if mode is AutoresetMode.NEXT_STEP else np.ones(rows, dtype=bool)
            for row in range(rows):
                if not real[row]:
                    running[row] = Episode([following[row].copy()])
                    continue
                running[row].obs.append(last[row].copy())
                running[row].rewards.append(float(reward[row]))
                taken.append((obs[row].copy(), reward[row], last[row].copy()))
                if ended[row]:
                    found.append(running[row])
                    running[row] = Episode([following[row].copy()])
            with torch.no_grad():
                after = agent.critic(torch.as_tensor(last)).flatten() * torch.as_tensor(~terminated)
            reward_t = torch.as_tensor(np.asarray(reward, dtype=np.float32))
            made = (x, action, logp, reward_t, value, after, torch.as_tensor(ended), torch.as_tensor(real))
            for name, part in zip(store, made, strict=True):
                store[name].append(part)
            over = ended & real
            obs = following
        _learn(agent, optimizer, {name: torch.stack(parts) for name, parts in store.items()})
    moved = not torch.equal(before, nn.utils.parameters_to_vector(agent.parameters()))
    return found, tuple(np.asarray(part) for part in zip(*taken, strict=True)), moved


def _learn(agent: Agent, optimizer: torch.optim.Optimizer, b: dict[str, torch.Tensor]) -> None:
    delta = b["reward"] + GAMMA * b["next"] - b["value"]
    advantage, running = torch.zeros_like(delta), torch.zeros(delta.shape[1])
    for t in reversed(range(len(delta))):
        running = delta[t] + GAMMA * LAMBDA * running * ~b["end"][t]
        running = torch.where(b["real"][t], running, torch.zeros_like(running))
        advantage[t] = running
    keep = b["real"].flatten()
    x, action = b["x"].flatten(0, 1)[keep], b["action"].flatten(0, 1)[keep]
    old, target = b["logp"].flatten()[keep], (advantage + b["value"]).flatten()[keep]
    gain = advantage.flatten()[keep]
    gain = (gain - gain.mean()) / (gain.std() + 1e-8)
    for _ in range(4):
        _, logp, entropy, value = agent.act(x, action)
        ratio = (logp - old).exp()
        loss = -torch.min(gain * ratio, gain * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
        loss = loss + 0.5 * (value - target).pow(2).mean() - 0.001 * entropy.mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
        optimizer.step()
