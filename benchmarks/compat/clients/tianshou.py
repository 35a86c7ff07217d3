"""Tianshou: PPO's collector and SAC's replay buffer on Tianshou's own vector of environments, DQN on the flat id."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from tianshou.algorithm import DQN, PPO
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, CollectStats, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams, OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic
from torch.distributions import Distribution, Independent, Normal

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Witness
from benchmarks.compat.world import DYNAMIC, FLAT, QUICK

ROWS = 4


class NumbersOnly(gym.Wrapper):
    """Tianshou takes texts and NaN in `info`, which it stores, for missing observations: leave the summary out."""

    def step(self, action: Any) -> Any:
        """One turn, without `episode_summary`."""
        *step, info = self.env.step(action)
        info.pop("episode_summary", None)
        return *step, info


def check(report: Report) -> None:
    """PPO and DQN."""
    for name, env_id, make in (("PPO", DYNAMIC, _ppo), ("DQN", FLAT, _dqn)):
        torch.manual_seed(0)
        env = gym.make(env_id, **QUICK)
        algorithm = make(env)
        before = torch.nn.utils.parameters_to_vector(algorithm.policy.parameters()).detach().clone()
        buffer = VectorReplayBuffer(2000, ROWS)
        with Witness() as world:
            envs = DummyVectorEnv([lambda e=env_id: NumbersOnly(gym.make(e, **QUICK))] * ROWS)
            collector = Collector[CollectStats](algorithm, envs, buffer)
            collected, kept = [], []
            collect = collector.collect

            def watched(*args: Any, **kwargs: Any) -> CollectStats:
                stats = collect(*args, **kwargs)  # noqa: B023 - of this turn of the loop
                collected.append(stats)  # noqa: B023
                rows = collector.buffer[:]  # noqa: B023
                kept.append(tuple(np.array(part) for part in (rows.obs, rows.rew, rows.obs_next)))  # noqa: B023
                return stats

            collector.collect = watched  # type: ignore[method-assign]
            common = {"training_collector": collector, "max_epochs": 2, "epoch_num_steps": 160, "test_collector": None}
            if name == "PPO":
                algorithm.run_training(
                    OnPolicyTrainerParams(
                        **common,
                        batch_size=64,
                        collection_step_num_env_steps=None,
                        collection_step_num_episodes=8,
                        update_step_num_repetitions=2,
                    )
                )
            else:
                algorithm.run_training(
                    OffPolicyTrainerParams(
                        **common,
                        batch_size=32,
                        collection_step_num_env_steps=20,
                        update_step_num_gradient_steps_per_sample=0.2,
                    )
                )
        sums = [(length, total) for stats in collected for length, total in zip(stats.lens, stats.returns, strict=True)]
        report.count(f"{name}: the collector's lengths and returns are the world's", world.same_sums(sums))
        parts = kept if name == "PPO" else kept[-1:]  # the on-policy buffer is emptied after each update
        held = [world.same_transitions(*part) for part in parts]
        report.count(f"{name}: transitions in the buffer", tuple(map(sum, zip(*held, strict=True))))  # type: ignore[arg-type]
        after = torch.nn.utils.parameters_to_vector(algorithm.policy.parameters())
        report.true(f"{name}: the policy was trained", not torch.equal(before, after))


def _normal(loc_scale: tuple[torch.Tensor, torch.Tensor]) -> Distribution:
    return Independent(Normal(*loc_scale), 1)


def _ppo(env: Any) -> PPO:
    shape, actions = env.observation_space.shape, env.action_space.shape
    actor = ContinuousActorProbabilistic(
        preprocess_net=Net(state_shape=shape, hidden_sizes=[32]), action_shape=actions, unbounded=True
    )
    critic = ContinuousCritic(preprocess_net=Net(state_shape=shape, hidden_sizes=[32]))
    policy = ProbabilisticActorPolicy(actor=actor, dist_fn=_normal, action_space=env.action_space)
    return PPO(policy=policy, critic=critic, optim=AdamOptimizerFactory(lr=1e-3))


def _dqn(env: Any) -> DQN:
    net = Net(state_shape=env.observation_space.shape, action_shape=int(env.action_space.n), hidden_sizes=[32])
    policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.2)
    return DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3))
