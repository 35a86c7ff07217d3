"""Checkpoints from which a killed run goes on to the same bits.

A checkpoint is one SB3 zip file, so `PPO.load` reads it as a policy, with one more entry: the
random states and the state of the world, which SB3 leaves out.
"""

from __future__ import annotations

import pickle
import random
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from rlgen.errors import ArtifactError
from rlgen.files import whole
from rlgen.policies.ppo import BoundedPPO
from rlgen.policies.saved import load_model
from rlgen.policies.vec_env import WorldVecEnv

_ENTRY = "rlgen_state.pkl"


def _random_states() -> dict[str, Any]:
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 - the generator that SB3 uses
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_random_states(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])


def save_checkpoint(path: str | Path, model: BoundedPPO, extra: dict[str, Any] | None = None) -> None:
    """Write a checkpoint whole or not at all.

    Call it between iterations (from a callback's `_on_rollout_start`): the rollout buffer is not
    part of it.

    Args:
        path: the zip file to create or replace.
        model: its env must be a `WorldVecEnv`.
        extra: anything else to be handed back by `resume`.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(path)
    state = {"random": _random_states(), "env": _world_env(model).state(), "extra": extra or {}}
    with whole(path) as place:
        model.save(str(place))
        with zipfile.ZipFile(place, "a") as archive:
            archive.writestr(_ENTRY, pickle.dumps(state))


def _world_env(model: BoundedPPO) -> WorldVecEnv:
    env = model.get_env()
    if not isinstance(env, WorldVecEnv):
        raise TypeError(f"checkpoints need a WorldVecEnv, not {type(env).__name__}")
    return env


def resume(path: str | Path, env: WorldVecEnv, device: str = "cpu") -> tuple[BoundedPPO, dict[str, Any]]:
    """Take up a checkpoint: model, world and random states.

    Continue with `model.learn(total - model.num_timesteps, reset_num_timesteps=False)`.

    Args:
        path: what `save_checkpoint` wrote.
        env: a world of the same config and size; it is set to the checkpoint's state.
        device: of the learner.

    Returns:
        The model and the checkpoint's `extra`.

    Raises:
        ArtifactError: missing, damaged, or without the state that an exact resume needs.
    """
    model = cast(BoundedPPO, load_model(path, device, BoundedPPO, env))
    with zipfile.ZipFile(path) as archive:
        if _ENTRY not in archive.namelist():
            raise ArtifactError(f"{path}: holds a policy but not the state to go on from; train into a new folder")
        state = pickle.loads(archive.read(_ENTRY))
    env.load_state(state["env"])
    _set_random_states(state["random"])
    return model, state["extra"]
