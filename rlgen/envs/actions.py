"""From actions to controls, and the three action spaces."""

from __future__ import annotations

from math import prod
from typing import Any, Final, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlgen.errors import ActionError, ConfigError
from rlgen.types import CONTROL_RANGES, F32, Controls

ActionKind = Literal["box", "discrete", "flat"]

CONTROL_NAMES: Final = tuple(CONTROL_RANGES)
GRID: Final = (5, 5, 3, 4)  # even points per control of the discrete variants
EDGE: Final = 1e-5  # how far beyond the box a number may lie by rounding: rescaling in float32 is off by a few 1e-7


def action_space(kind: ActionKind) -> spaces.Box | spaces.MultiDiscrete | spaces.Discrete:
    """The space of a kind of actions.

    Args:
        kind: `"box"` is `Box(-1, 1, (4,))`; `"discrete"` is `MultiDiscrete([5, 5, 3, 4])` at even grid points of
            that box; `"flat"` is `Discrete(300)`, the same points numbered in one row, warmth changing slowest and
            emotional weight fastest: `numpy.ravel_multi_index(point, GRID)`.
    """
    if kind == "box":
        return spaces.Box(-1.0, 1.0, (len(CONTROL_NAMES),), dtype=np.float32)
    if kind == "discrete":
        return spaces.MultiDiscrete(np.array(GRID))
    return spaces.Discrete(prod(GRID))


def check_space(space: spaces.Space[Any], where: str) -> None:
    """Check that a policy's action space is one that a world's actions can be taken from.

    Args:
        space: of the policy; a `MultiDiscrete` of any four numbers of even grid points.
        where: what it was loaded from, for messages.

    Raises:
        ConfigError: it is another one.
    """
    four = space.shape == (len(CONTROL_NAMES),)
    unit = isinstance(space, spaces.Box) and bool((space.low == -1).all() and (space.high == 1).all())
    flat = isinstance(space, spaces.Discrete) and space.start == 0 and space.n == prod(GRID)
    if not (flat or (four and (unit or isinstance(space, spaces.MultiDiscrete)))):
        raise ConfigError(
            f"{where}: the policy acts in {space}, which no world has; there are Box(-1, 1, (4,)), "
            f"MultiDiscrete({list(GRID)}) and Discrete({prod(GRID)}), that grid counted through"
        )


def to_box(actions: NDArray[Any], space: spaces.Space[Any], rows: int) -> F32:
    """Actions of any of the spaces as points of the box.

    Args:
        actions: `[rows, 4]`, floats in [-1, 1] or grid indices; `[rows]` of the flat space. Floats that lie
            outside by a rounding error (`EDGE`) are taken as the edge.
        space: which they are from, see `check_space`.
        rows: how many dialogues there are.

    Returns:
        `[rows, 4]` float32 in [-1, 1].

    Raises:
        ActionError: wrong shape, not finite, or outside the space.
    """
    given = np.asarray(actions)
    if isinstance(space, spaces.Discrete):
        if given.shape != (rows,):
            raise ActionError(f"the action has shape {given.shape}, but {(rows,)} is needed: one number per dialogue")
        if not np.issubdtype(given.dtype, np.integer) or (given < 0).any() or (given >= space.n).any():
            raise ActionError(f"a flat action is a whole number from 0 and below {space.n}; got {given.tolist()[0]!r}")
        return _grid_point(np.stack(np.unravel_index(given.astype(np.int64), GRID), axis=1), np.array(GRID))
    if given.shape != (rows, len(CONTROL_NAMES)):
        raise ActionError(
            f"the action has shape {given.shape}, but {(rows, len(CONTROL_NAMES))} is needed: "
            f"one row per dialogue, columns {', '.join(CONTROL_NAMES)}"
        )
    if isinstance(space, spaces.MultiDiscrete):
        grid = np.asarray(space.nvec)
        if not np.issubdtype(given.dtype, np.integer) or (given < 0).any() or (given >= grid).any():
            raise ActionError(f"a discrete action holds whole numbers from 0 and below {grid.tolist()}; got {given[0]}")
        return _grid_point(given, grid)
    if given.dtype.kind not in "fiu":
        raise ActionError(f"the action has type {given.dtype}; give real numbers in [-1, 1]")
    if not np.isfinite(given).all():
        raise ActionError("the action is not finite (NaN or infinite); check the policy's output")
    if (outside := np.abs(given) > 1 + EDGE).any():
        row, column = (int(i) for i in np.argwhere(outside)[0])
        raise ActionError(
            f"the action of row {row} has {CONTROL_NAMES[column]} = {given[row, column]:.9g}, outside [-1, 1]; "
            "use a policy with a bounded distribution, or clip before the step"
        )
    inside: F32 = np.clip(given, -1, 1).astype(np.float32)
    return inside


def from_box(box: NDArray[Any], space: spaces.Space[Any]) -> NDArray[Any]:
    """Points of the box `[N, 4]` as actions of any of the spaces: the nearest grid points of a discrete one."""
    if isinstance(space, spaces.Box):
        return np.asarray(box, dtype=np.float32)
    sizes = np.asarray(space.nvec) if isinstance(space, spaces.MultiDiscrete) else np.array(GRID)
    index = np.asarray(np.rint((np.asarray(box) + 1) / 2 * (sizes - 1)), dtype=np.int64)
    return index if isinstance(space, spaces.MultiDiscrete) else np.ravel_multi_index(tuple(index.T), GRID)


def _grid_point(index: NDArray[Any], sizes: NDArray[Any]) -> F32:
    """Grid indices `[rows, 4]` as points of the box: even steps, both ends included."""
    return np.asarray(index / (sizes - 1) * 2 - 1, dtype=np.float32)


def to_controls(box: F32) -> Controls:
    """Points of the box as controls: temperature geometric in .3-1.3, emotional weight linear in 0-2."""
    cold, hot = CONTROL_RANGES["temperature"]
    least, most = CONTROL_RANGES["emotional_weight"]
    unit = (box + 1) / 2
    return Controls(
        warmth=box[:, 0],
        directiveness=box[:, 1],
        temperature=(cold * (hot / cold) ** unit[:, 2]).astype(np.float32),
        emotional_weight=(least + (most - least) * unit[:, 3]).astype(np.float32),
    )


def from_controls(controls: Controls) -> F32:
    """The inverse of `to_controls`: points of the box `[N, 4]`."""
    cold, hot = CONTROL_RANGES["temperature"]
    least, most = CONTROL_RANGES["emotional_weight"]
    columns = [
        controls.warmth,
        controls.directiveness,
        2 * np.log(controls.temperature / cold) / np.log(hot / cold) - 1,
        2 * (controls.emotional_weight - least) / (most - least) - 1,
    ]
    return np.stack(columns, axis=1).astype(np.float32)
