"""Infos of a step: of one dialogue as Gymnasium's environments give them, of N as its vector environments do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.envs.records import Finished, StepResult
from rlgen.types import I64, Bools

Column = NDArray[Any] | Sequence[Any]


def step_columns(result: StepResult) -> dict[str, Column]:
    """What every step tells: the weighted reward terms, the cost and what it is made of, `[N]` each."""
    columns: dict[str, Column] = {f"term_{name}": value for name, value in result.terms.items()}
    columns["cost"] = result.cost
    columns.update({f"cost_{name}": value for name, value in result.costs.items()})
    return columns


def summary_columns(ended: Finished) -> dict[str, Column]:
    """How the dialogues went that ended in a step, `[K]` each."""
    return {
        "return": ended.episode_return,
        "length": ended.length,
        "relief": ended.relief,
        "relief_points": ended.relief_points,
        "completed": ended.completed,
        "abandoned": ended.abandoned,
        "limit": ended.limit,
        "ending": ended.ending,
        "mean_rating": ended.mean_rating,
        "cost": ended.cost,
    }


def row_info(columns: Mapping[str, Column], at: int) -> dict[str, Any]:
    """One entry of each column, as plain Python numbers, truths and texts."""
    taken = {name: column[at] for name, column in columns.items()}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in taken.items()}


def vector_infos(columns: Mapping[str, Column], rows: I64, num_envs: int) -> dict[str, Any]:
    """Columns over some of N rows, as `VectorEnv` writes them: each `[N]`, with a mask of its name after `_`.

    Args:
        columns: name -> K values.
        rows: `[K]` where they belong.
        num_envs: N.
    """
    infos: dict[str, Any] = {}
    if len(rows) == 0:
        return infos
    for name, column in columns.items():
        values = np.asarray(column)
        if values.dtype.kind in "fiu":  # as a Python number in a single environment's info becomes
            whole = np.zeros(num_envs, dtype=np.float64 if values.dtype.kind == "f" else np.int64)
        else:
            whole = np.zeros(num_envs, dtype=np.bool_) if values.dtype.kind == "b" else np.full(num_envs, None, object)
        whole[rows] = values
        infos |= {name: whole, f"_{name}": row_mask(rows, num_envs)}
    return infos


def row_mask(rows: I64, num_envs: int) -> Bools:
    """`[N]`, true in some rows."""
    mask = np.zeros(num_envs, dtype=np.bool_)
    mask[rows] = True
    return mask
