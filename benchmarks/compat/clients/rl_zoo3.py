"""RL Zoo3's own training program, as a user calls it."""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from rl_zoo3.train import train

from benchmarks.compat.report import Report
from benchmarks.compat.witness import Witness
from benchmarks.compat.world import DYNAMIC, FLAT, QUICK

_PPO = "n_envs: 4\n  n_timesteps: !!float 400\n  policy: MlpPolicy\n  n_steps: 32\n  batch_size: 64"
_DQN = "n_timesteps: !!float 300\n  policy: MlpPolicy\n  learning_starts: 64\n  buffer_size: 1000"


def check(report: Report) -> None:
    """PPO on the Box id, with and without normalised observations, and DQN on the flat one."""
    for name, algorithm, env_id, settings in (
        ("PPO", "ppo", DYNAMIC, _PPO),
        ("PPO with normalize", "ppo", DYNAMIC, _PPO + "\n  normalize: true"),
        ("DQN", "dqn", FLAT, _DQN),
    ):
        with tempfile.TemporaryDirectory() as folder, Witness() as world:
            config = Path(folder) / "zoo.yml"
            config.write_text(f"{env_id}:\n  {settings}\n")
            sys.argv = [
                "train", "--algo", algorithm, "--env", env_id, "--gym-packages", "rlgen", "--conf-file", str(config),
                "--env-kwargs", *(f"{key}:{value!r}" for key, value in QUICK.items()),
                "--log-folder", folder, "--eval-freq", "-1", "--seed", "1", "--device", "cpu",
            ]  # fmt: skip
            train()
            monitors = list(Path(folder).rglob("*.monitor.csv"))
            saved = list(Path(folder).rglob("rlgen*.zip"))
            sums = [sum_ for file in monitors for sum_ in _monitored(file)]
        report.count(f"{name}: lengths and returns in monitor.csv are the world's", world.same_sums(sums))
        report.true(f"{name}: a policy was saved", saved)


def _monitored(file: Path) -> list[tuple[int, float]]:
    with file.open() as lines:
        lines.readline()
        return [(int(row["l"]), float(row["r"])) for row in csv.DictReader(lines)]
