"""Gymnasium's vector environments: the native one in each autoreset mode beside N single ones, and vector wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as wrappers

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Episode, Witness
from benchmarks.compat.world import DYNAMIC, QUICK

ROWS, STEPS = 4, 60


def check(report: Report) -> None:
    """Vector environments."""
    single = _singles()
    for mode in AutoresetMode:
        for kind in ("native", "sync"):
            with Witness() as world:
                found = play(make(kind, mode), mode)
            report.count(f"{kind}, {mode.name}: episodes are the world's", world.same_episodes(found))
            same = {episode.key() for episode in found} <= {episode.key() for episode in single}
            report.true(f"{kind}, {mode.name}: and those of {ROWS} environments alone", same and found)

    for name, wrap in {
        "NormalizeObservation": wrappers.NormalizeObservation,
        "NormalizeReward": wrappers.NormalizeReward,
        "FlattenObservation": wrappers.FlattenObservation,
        "ClipAction": wrappers.ClipAction,
        "RescaleAction": lambda e: wrappers.RescaleAction(e, -2.0, 2.0),
        "TransformReward": lambda e: wrappers.TransformReward(e, lambda r: 2 * r),
        "DtypeObservation": lambda e: wrappers.DtypeObservation(e, np.float64),
        "DictInfoToList": lambda e: wrappers.DictInfoToList(e),
    }.items():
        with Witness() as world:
            inner = make("native", AutoresetMode.NEXT_STEP)
            envs = wrap(wrappers.RecordEpisodeStatistics(inner))
            envs.reset(seed=0)
            envs.action_space.seed(0)
            sums = []
            for _ in range(STEPS):
                *_, infos = envs.step(envs.action_space.sample())
                sums += _statistics(infos)
        report.count(f"{name} over RecordEpisodeStatistics: the world's sums", world.same_sums(sums))

    with Witness() as world:
        envs = wrappers.NormalizeObservation(make("native", AutoresetMode.NEXT_STEP))
        envs.reset(seed=0)
        envs.action_space.seed(0)
        for _ in range(STEPS):
            envs.step(envs.action_space.sample())
        seen = [obs for episode in [*world.ended, *world.running()] for obs in episode.obs]
    report.true(
        "NormalizeObservation's mean is that of the world's observations",
        np.allclose(envs.obs_rms.mean, np.mean(seen, axis=0), atol=0.02),
    )


def make(kind: str, mode: AutoresetMode) -> Any:
    """`ROWS` dialogues behind Gymnasium's vector interface."""
    if kind == "native":
        return gym.make_vec(DYNAMIC, num_envs=ROWS, autoreset_mode=mode, **QUICK)
    return gym.make_vec(
        DYNAMIC, num_envs=ROWS, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **QUICK
    )


def actions_at(step: int) -> np.ndarray:
    """`[ROWS, 4]`, the same whoever asks."""
    return np.random.default_rng([step]).uniform(-1, 1, (ROWS, 4)).astype(np.float32)


def play(envs: Any, mode: AutoresetMode, seeds: Any = tuple(range(ROWS))) -> list[Episode]:
    """Ended dialogues, put together from what the interface hands out in its mode; actions depend on row and turn."""
    obs, _ = envs.reset(seed=list(seeds))
    running = [Episode([row.copy()]) for row in obs]
    over = np.zeros(ROWS, dtype=bool)
    found: list[Episode] = []
    for _ in range(STEPS):
        if mode is AutoresetMode.DISABLED and over.any():
            obs, _ = envs.reset(options={"reset_mask": over})
            for row in np.flatnonzero(over):
                running[row] = Episode([obs[row].copy()])
            over[:] = False
        actions = np.stack([actions_at(episode.length)[row] for row, episode in enumerate(running)])
        obs, rewards, terminated, truncated, infos = envs.step(actions)
        ended = terminated | truncated
        for row in range(ROWS):
            if mode is AutoresetMode.NEXT_STEP and over[row]:  # this step only began the next dialogue
                running[row] = Episode([obs[row].copy()])
                continue
            last = mode is AutoresetMode.SAME_STEP and ended[row]
            running[row].obs.append((infos["final_obs"][row] if last else obs[row]).copy())
            running[row].rewards.append(float(rewards[row]))
            if ended[row]:
                found.append(running[row])
                if mode is AutoresetMode.SAME_STEP:
                    running[row] = Episode([obs[row].copy()])
        over = np.array(
            [bool(e) and not (mode is AutoresetMode.NEXT_STEP and o) for e, o in zip(ended, over, strict=True)]
        )
    return found


def _singles() -> list[Episode]:
    """The same dialogues, of environments that are alone."""
    found = []
    for row in range(ROWS):
        env = gym.make(DYNAMIC, **QUICK)
        obs, _ = env.reset(seed=row)
        for _ in range(STEPS // 3):
            episode = Episode([obs.copy()])
            ended = False
            while not ended:
                obs, reward, terminated, truncated, _ = env.step(actions_at(episode.length)[row])
                episode.obs.append(obs.copy())
                episode.rewards.append(float(reward))
                ended = terminated or truncated
            found.append(episode)
            obs, _ = env.reset()
    return found


def _statistics(infos: Any) -> list[tuple[int, float]]:
    if isinstance(infos, list):
        return [(int(i["episode"]["l"]), float(i["episode"]["r"])) for i in infos if "episode" in i]
    if "episode" not in infos:
        return []
    rows = np.flatnonzero(np.asarray(infos["_episode"]))
    return [(int(infos["episode"]["l"][row]), float(infos["episode"]["r"][row])) for row in rows]
