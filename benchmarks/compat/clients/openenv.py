"""OpenEnv's own client on `rlgen serve openenv`: many at once, each beside an environment that is alone."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from openenv.core import GenericEnvClient

from benchmarks.compat.report import Report
from benchmarks.compat.world import DYNAMIC, QUICK

CLIENTS, TURNS = 8, 24


def check(report: Report) -> None:
    """Eight clients at once, a policy trained through one, and replies in the client's own words."""
    with served("--generator", QUICK["generator"]) as address:
        heard: list[Any] = [None] * CLIENTS
        threads = [threading.Thread(target=_talk, args=(address, seed, heard)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        same = [np.array_equal(heard[seed], _alone(seed)) for seed in range(CLIENTS)]
        report.count(f"{CLIENTS} clients at once hear what an environment alone gives", (sum(same), CLIENTS))
        returns, sums, moved = _train(address)
        report.count(
            "returns of a policy trained through a client", (sum(np.isclose(returns, sums, atol=1e-4)), len(sums))
        )
        report.true("the policy was trained", moved)
        with GenericEnvClient(base_url=address).sync() as env:
            env.reset(seed=0)
            report.true("an action outside the space is an error that says so", "action" in _error(env))
            report.true("and the dialogue goes on", env.step({"controls": [0, 0, 0, 0]}).observation["turn"] == 1)
    with served("--env", "rlgen/Support-v0") as address:
        with urllib.request.urlopen(f"{address}/metadata") as answer:
            told = json.load(answer)
        report.true("the metadata holds the measured fidelity of the people", "joint AUC" in told["description"])
        with GenericEnvClient(base_url=address).sync() as env:
            env.reset(seed=0, split="test")
            text = "That sounds hard. What would help you most right now?"
            answers = [env.step({"text": text}) for _ in range(3)]
        report.count(
            "replies in words of one's own are what is answered",
            (sum(a.observation["reply"] == text for a in answers), len(answers)),
        )


@contextlib.contextmanager
def served(*options: str) -> Iterator[str]:
    """A server at a free port of this machine; its address."""
    command = [sys.executable, "-m", "rlgen.experiments.cli", "serve", "openenv", "--port", "0", *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if found := re.search(r"http://\S+:\d+", line):
                threading.Thread(target=server.stderr.read, daemon=True).start()
                yield found[0]
                break
        else:
            raise RuntimeError("".join(said[-3:]))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _actions(seed: int) -> list[list[float]]:
    return np.random.default_rng(seed).uniform(-1, 1, (TURNS, 4)).astype(np.float32).tolist()


def _talk(address: str, seed: int, heard: list[Any]) -> None:
    with GenericEnvClient(base_url=address).sync() as env:
        found = [env.reset(seed=seed).observation["vector"]]
        for action in _actions(seed):
            result = env.step({"controls": action})
            found.append(result.observation["vector"])
            if result.done:
                found.append(env.reset().observation["vector"])
    heard[seed] = np.array(found, dtype=np.float32)


def _alone(seed: int) -> Any:
    env = gym.make(DYNAMIC, **QUICK)
    found = [env.reset(seed=seed)[0]]
    for action in _actions(seed):
        obs, _, terminated, truncated, _ = env.step(np.array(action, dtype=np.float32))
        found.append(obs)
        if terminated or truncated:
            found.append(env.reset()[0])
    return np.array(found, dtype=np.float32)


def _train(address: str) -> tuple[list[float], list[float], bool]:
    """REINFORCE with a linear policy: the server's returns, the sums of what was paid, whether weights moved."""
    rng = np.random.default_rng(0)
    returns, sums = [], []
    with GenericEnvClient(base_url=address).sync() as env:
        weights = np.zeros((4, len(env.reset(seed=1).observation["vector"])))
        for episode in range(20):
            obs = np.array(env.reset(seed=episode).observation["vector"])
            gradient, paid, result = np.zeros_like(weights), [], None
            while result is None or not result.done:
                mean = np.tanh(weights @ obs)
                action = np.clip(mean + 0.3 * rng.normal(size=4), -1, 1)
                gradient += np.outer((action - mean) * (1 - mean**2), obs) / 0.09
                result = env.step({"controls": action.tolist()})
                obs = np.array(result.observation["vector"])
                paid.append(result.reward)
            weights += 1e-3 * sum(paid) * gradient
            returns.append(result.metadata["summary"]["return"])
            sums.append(sum(paid))
    return returns, sums, bool(np.any(weights))


def _error(env: Any) -> str:
    try:
        env.step({"controls": [9, 0, 0, 0]})
    except Exception as error:  # noqa: BLE001 - its client has no type of its own for this
        return str(error)
    return ""
