"""PPO on one page, in CleanRL's manner: nothing between the loop and the environment but torch.

Learn here: what a batch of dialogues gives to an algorithm of your own. All 64 people answer in one call, a row that
ends already shows its next person (SAME_STEP), and every end is `terminated`. Prints the mean return as it learns.
"""

import gymnasium
import numpy as np
import torch
from torch import nn
from torch.distributions import Normal

import rlgen  # noqa: F401 - registers the ids


def main(steps: int = 50_000, num_envs: int = 64, rollout: int = 32, seed: int = 0) -> None:
    """Train."""
    torch.manual_seed(seed)
    envs = gymnasium.make_vec("rlgen/SupportDynamic-v0", num_envs)
    size = envs.single_observation_space.shape[0]
    actor = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, 4), nn.Tanh())
    critic = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, 1), nn.Flatten(0))
    log_std = nn.Parameter(torch.full((4,), -0.7))
    adam = torch.optim.Adam([*actor.parameters(), *critic.parameters(), log_std], lr=1e-3)
    returns, running = [0.0], np.zeros(num_envs)
    obs = torch.as_tensor(envs.reset(seed=seed)[0])
    for iteration in range(1, 1 + max(1, steps // (num_envs * rollout))):
        turns = []  # observation, action, its log-probability, value, reward, whether the dialogue goes on
        for _ in range(rollout):
            with torch.no_grad():
                policy, value = Normal(actor(obs), log_std.exp()), critic(obs)
                action = policy.sample()
            new, reward, ended, _, _ = envs.step(action.clamp(-1, 1).numpy())
            goes_on = torch.as_tensor(~ended).float()
            turns.append((obs, action, policy.log_prob(action).sum(1), value, torch.as_tensor(reward), goes_on))
            obs, running = torch.as_tensor(new), running + reward
            returns, running = returns + running[ended].tolist(), running * ~ended
        with torch.no_grad():
            following, advantage, advantages = critic(obs), torch.zeros(num_envs), []
        for _, _, _, value, reward, goes_on in reversed(turns):  # generalised advantage estimation
            advantage = reward + goes_on * 0.99 * (following + 0.8 * advantage) - value
            advantages, following = [advantage, *advantages], value
        seen, acted, old, values, _, _ = (torch.cat(each) for each in zip(*turns, strict=True))
        gained = torch.cat(advantages)
        target, gained = gained + values, (gained - gained.mean()) / (gained.std() + 1e-8)
        for batch in (rows for _ in range(10) for rows in torch.randperm(len(seen)).split(512)):
            ratio = (Normal(actor(seen[batch]), log_std.exp()).log_prob(acted[batch]).sum(1) - old[batch]).exp()
            better = torch.min(ratio * gained[batch], ratio.clamp(0.8, 1.2) * gained[batch]).mean()
            loss = 0.5 * (critic(seen[batch]) - target[batch]).square().mean() - better
            adam.zero_grad()
            loss.backward()
            adam.step()
        print(f"turn {iteration * num_envs * rollout}: return {np.mean(returns[-200:]):.2f}")


if __name__ == "__main__":
    main()
