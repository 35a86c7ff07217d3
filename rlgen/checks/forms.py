"""What a batch hands out, held to its form: observations, rewards, truths, actions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence

from rlgen.errors import CheckError

MISSING: Final[Any] = object()
"""What stands for an attribute that is not there."""


def row_of(batched: Any, space: spaces.Space[Any], row: int) -> Any:
    """One row of what is batched."""
    if isinstance(space, spaces.Dict) and isinstance(batched, dict):
        return {name: row_of(batched[name], inner, row) for name, inner in space.items()}
    if isinstance(space, spaces.Tuple) and isinstance(batched, tuple) and len(batched) == len(space):
        return tuple(row_of(part, inner, row) for part, inner in zip(batched, space, strict=True))
    return batched[row]


def check_observations(obs: Any, space: spaces.Space[Any], rows: int, where: str) -> None:
    """Check batched observations.

    Raises:
        CheckError: says what is wrong with them.
    """
    if isinstance(space, spaces.Dict):
        if not isinstance(obs, dict) or obs.keys() != space.keys():
            raise CheckError(
                f"{where} gave observations as {described(obs)}; give a dict with the keys {', '.join(space)}"
            )
        for name, inner in space.items():
            check_observations(obs[name], inner, rows, f"{where} (at {name!r})")
        return
    if isinstance(space, spaces.Tuple):
        if not isinstance(obs, tuple) or len(obs) != len(space):
            raise CheckError(f"{where} gave observations as {described(obs)}; give a tuple of {len(space)}")
        for number, (part, inner) in enumerate(zip(obs, space, strict=True)):
            check_observations(part, inner, rows, f"{where} (at {number})")
        return
    if space.shape is None or space.dtype is None:  # texts, graphs, sequences
        if len(obs) != rows:
            raise CheckError(f"{where} gave {len(obs)} observations; give one for each of {rows} rows")
    else:
        wanted = (rows, *space.shape)
        if not isinstance(obs, np.ndarray) or obs.shape != wanted:
            raise CheckError(f"{where} gave observations as {described(obs)}; give an array of shape {wanted}")
        if obs.dtype != space.dtype:
            raise CheckError(f"{where} gave observations of {obs.dtype}; give {space.dtype}, as the space says")
        if obs.dtype.kind == "f" and np.isnan(obs).any():
            raise CheckError(
                f"{where} gave NaN in the observation of row {np.argwhere(np.isnan(obs))[0][0]}; mend what makes it"
            )
    for row in range(rows):
        check_observation(obs[row], space, f"{where} gave in row {row}")


def check_observation(obs: Any, space: spaces.Space[Any], where: str) -> None:
    """Check the observation of one row.

    Raises:
        CheckError: it is not in the space.
    """
    if space.contains(obs):
        return
    if isinstance(space, spaces.Box) and np.shape(obs) == space.shape:
        outside = np.argwhere((np.asarray(obs) < space.low) | (np.asarray(obs) > space.high))
        if len(outside):
            at = tuple(outside[0].tolist())
            raise CheckError(
                f"{where} an observation outside its space: {np.asarray(obs)[at]!s} at {list(at)}, where the bounds "
                f"are {space.low[at]!s} and {space.high[at]!s}; clip it, or widen the space"
            )
    raise CheckError(f"{where} an observation ({described(obs)}) that is not in {space}; mend one of them")


def num_envs_of(env: Any) -> int:
    """How many rows there are.

    Raises:
        CheckError: that cannot be told.
    """
    rows = getattr(env, "num_envs", None)
    if not isinstance(rows, int | np.integer) or rows < 1:
        raise CheckError(f"num_envs is {rows!r}; set it to the number of rows, at least 1")
    return int(rows)


def check_rewards(reward: Any, rows: int) -> None:
    """Check the rewards of a step.

    Raises:
        CheckError: says what is wrong with them.
    """
    if not isinstance(reward, np.ndarray) or reward.shape != (rows,):
        raise CheckError(f"rewards are {described(reward)}; give an array of shape ({rows},)")
    if reward.dtype.kind != "f":
        raise CheckError(f"rewards are of {reward.dtype}; give float32 or float64")
    if not np.isfinite(reward).all():
        raise CheckError(
            f"the reward of row {np.flatnonzero(~np.isfinite(reward))[0]} is not finite; mend what makes it"
        )


def check_flags(given: Any, rows: int, name: str) -> None:
    """Check a truth for each row.

    Raises:
        CheckError: says what is wrong with them.
    """
    if not isinstance(given, np.ndarray) or given.shape != (rows,) or given.dtype != np.bool_:
        raise CheckError(f"{name} is {described(given)}; give an array of {rows} booleans")


def check_actions_kept(before: Any, after: Any) -> None:
    """Check that actions are as they were given.

    Raises:
        CheckError: says what is wrong with them.
    """
    if not data_equivalence(before, after, exact=True):
        raise CheckError("step changed the actions that it was given, in place; copy them first")


def described(value: Any) -> str:
    """What something is, for messages."""
    if value is MISSING:
        return "not there"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} and shape {value.shape}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} {str(value)[:40]!r}"
