"""Gymnasium's own code on one environment: its checker, and its wrappers beside what they should do."""

from __future__ import annotations

import pickle

import gymnasium as gym
import numpy as np
from gymnasium import wrappers
from gymnasium.utils.env_checker import check_env

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Episode, Witness
from benchmarks.compat.world import DYNAMIC, QUICK


def check(report: Report) -> None:
    """Single environments."""
    env = gym.make(f"rlgen:{DYNAMIC}", **QUICK)
    check_env(env.unwrapped, skip_render_check=True)
    report.true("Gymnasium's check_env passes", True)
    report.true("spec.max_episode_steps is 16", env.spec is not None and env.spec.max_episode_steps == 16)

    statistics = []
    found = []
    with Witness() as world:
        env = wrappers.RecordEpisodeStatistics(gym.make(DYNAMIC, **QUICK))
        env.action_space.seed(0)
        for number in range(20):
            episode = Episode([env.reset(seed=0 if number == 0 else None)[0]])
            ended = False
            while not ended:
                obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
                episode.obs.append(obs)
                episode.rewards.append(float(reward))
                ended = terminated or truncated
            found.append(episode)
            statistics.append((info["episode"]["l"], info["episode"]["r"]))
    report.count("episodes of a plain loop are the world's", world.same_episodes(found))
    report.count("RecordEpisodeStatistics has the world's lengths and returns", world.same_sums(statistics))

    with Witness() as world:
        env = wrappers.FrameStackObservation(gym.make(DYNAMIC, **QUICK), 4)
        env.action_space.seed(1)
        stacked = [env.reset(seed=1)[0]]
        ended = False
        while not ended:
            obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
            stacked.append(obs)
            ended = terminated or truncated
    plain = world.ended[-1].obs
    right = [
        np.array_equal(now[-1], plain[t]) and np.array_equal(now[-2], plain[max(t - 1, 0)])
        for t, now in enumerate(stacked)
    ]
    report.count("FrameStackObservation's last two frames", (sum(right[1:]), len(right) - 1))

    with Witness() as world:
        env = wrappers.NormalizeObservation(gym.make(DYNAMIC, **QUICK))
        env.action_space.seed(2)
        env.reset(seed=2)
        for _ in range(60):
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
        seen = [obs for episode in [*world.ended, *world.running()] for obs in episode.obs]
    report.true(
        "NormalizeObservation's mean is that of the world's observations",
        np.allclose(env.obs_rms.mean, np.mean(seen, axis=0), atol=1e-3),
    )

    for wrapped, name in (
        (lambda e: wrappers.ClipAction(e), "ClipAction"),
        (lambda e: wrappers.RescaleAction(e, -2.0, 2.0), "RescaleAction"),
        (lambda e: wrappers.TimeAwareObservation(e), "TimeAwareObservation"),
        (lambda e: wrappers.NormalizeReward(e), "NormalizeReward"),
        (lambda e: wrappers.TransformReward(e, lambda r: 2 * r), "TransformReward"),
        (
            lambda e: wrappers.FilterObservation(
                wrappers.TransformObservation(e, lambda o: {"all": o}, gym.spaces.Dict({"all": e.observation_space})),
                ["all"],
            ),
            "FilterObservation",
        ),
        (lambda e: wrappers.Autoreset(e), "Autoreset"),
        (lambda e: wrappers.TimeLimit(e, 3), "TimeLimit(3)"),
    ):
        with Witness() as world:
            env = gym.make(DYNAMIC, **QUICK)
            if name == "Autoreset":  # it resets what is inside it, and the statistics have to see that
                env = wrapped(wrappers.RecordEpisodeStatistics(env))
            else:
                env = wrappers.RecordEpisodeStatistics(wrapped(env))
            env.action_space.seed(3)
            env.reset(seed=3)
            lengths = []
            for _ in range(40):
                action = env.action_space.sample()
                *_, terminated, truncated, info = env.step(action)
                if terminated or truncated:
                    lengths.append(int(info["episode"]["l"]))
                    if name != "Autoreset":
                        env.reset()
        if name == "TimeLimit(3)":
            report.true("TimeLimit(3) cuts at 3", lengths and max(lengths) == 3)
        else:
            truth = [episode.length for episode in world.ended][: len(lengths)]
            report.true(f"{name}: the world's episode lengths", lengths and lengths == truth)

    for mode in ("rgb_array_list", "ansi_list"):
        env = gym.make(DYNAMIC, render_mode=mode, **QUICK)
        env.reset(seed=4)
        env.step(env.action_space.sample())
        report.true(f'render_mode="{mode}" gives the opening and a turn', len(env.render()) == 2)

    env = gym.make(DYNAMIC, **QUICK).unwrapped
    env.reset(seed=5)
    stored = pickle.dumps(env)
    again = pickle.loads(stored)
    report.true("a pickled environment is below 5 MB", len(stored) < 5e6)
    action = np.zeros(4, dtype=np.float32)
    report.true("and goes on to the same bits", np.array_equal(env.step(action)[0], again.step(action)[0]))
    try:
        gym.make(DYNAMIC, frameskip=4)
    except TypeError:
        report.true("an unknown keyword is a TypeError", True)
    except Exception:  # noqa: BLE001 - whatever else it is, it is not what clients look for
        report.true("an unknown keyword is a TypeError", False)
