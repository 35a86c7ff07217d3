"""What trials are measured by in tests: no training, and a known optimum."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from rlgen.errors import TrainingError

PEOPLE = 64


def bowl(config, people, realms, prune):
    """Return is best, 1, at a learning rate of 1e-3 and a gamma of .9; seeds and people differ a little."""
    ppo = config.ppo
    config.out.mkdir(parents=True, exist_ok=True)
    with (config.out.parent / "met.txt").open("a") as met:
        met.write(f"{config.seed} {os.getpid()}\n")
    off = np.log10(ppo.learning_rate / 1e-3) ** 2 + 25 * (ppo.gamma - 0.9) ** 2
    if prune is not None and any(prune(step, {"return": 1 - off * step / config.steps}) for step in (100, 200)):
        return None
    found = {}
    for realm in realms:
        rng = np.random.default_rng([config.seed, len(realm)])
        noise = 0.02 * rng.standard_normal() + 0.1 * np.random.default_rng(len(realm)).standard_normal(people)
        cost = np.full(people, ppo.gamma / 10)
        unknown = np.full(people, np.nan)
        found[realm] = {"return": 1 - off + noise, "relief": -off + 0 * noise, "cost": cost, "completed": 0 * cost,
                        "abandoned": 0 * cost, "mean_rating": unknown}  # fmt: skip
    return found


def slowly(config, people, realms, prune):
    """The same, not at once."""
    time.sleep(0.2)
    return bowl(config, people, realms, prune)


def dying(config, people, realms, prune):
    """The same; the process is killed once in each folder of a trial."""
    scar = Path(config.out).parent / "scar"
    if not scar.exists():
        scar.parent.mkdir(parents=True, exist_ok=True)
        scar.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return bowl(config, people, realms, prune)


def diverging(config, people, realms, prune):
    """The same, but some cannot be trained."""
    if config.ppo.learning_rate > 2e-3:
        raise TrainingError("training diverged by step 3; lower learning_rate")
    return bowl(config, people, realms, prune)
