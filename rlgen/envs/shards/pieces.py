"""The state of a world in pieces, each of some rows, and a state of any of these rows put together from them.

What is a row's is known of dialogues and of rewards: their structs say so (`rlgen.types.Rows`). People are anybody's
classes. Two are built anew, for one row and for two: what differs in length between them is the rows', whatever it is
called, and all else must be the same in all pieces.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from types import FunctionType
from typing import Any, Final, TypeVar

import numpy as np
from pydantic import BaseModel

from rlgen.errors import ConfigError
from rlgen.types import I64, Rows

T = TypeVar("T")

Piece = tuple[bytes, I64]
"""A world's state, pickled, and which of its rows are meant."""

_NONE: Final = object()  # where people built anew have nothing of a name


def joined(parts: Sequence[T]) -> T:
    """Arrays, lists, mappings or structs over some rows each, as one over all; what is no row's is the first's."""
    first: Any = parts[0]
    each: Any = parts
    made: Any = first
    if isinstance(first, np.ndarray):
        made = np.concatenate(each)
    elif isinstance(first, list):
        made = [value for part in each for value in part]
    elif isinstance(first, dict):
        made = {name: joined([part[name] for part in each]) for name in first}
    elif is_dataclass(first):
        values = {field.name: joined([getattr(part, field.name) for part in each]) for field in fields(first)}
        made = replace(each[0], **values)
    result: T = made
    return result


def pieces_of(pieces: Sequence[Piece], first: int, end: int) -> list[Piece]:
    """The pieces that hold the rows from `first` to `end - 1` of all that these hold, in order."""
    found, at = [], 0
    for data, rows in pieces:
        inside = rows[max(first - at, 0) : max(end - at, 0)]
        at += len(rows)
        if len(inside):
            found.append((data, inside))
    return found


def state_of(pieces: Sequence[Piece], opened: Callable[[bytes], Any], anew: Callable[[int], Any]) -> dict[str, Any]:
    """A world's state whose rows are those of some pieces, in order.

    Args:
        pieces: see `Piece`.
        opened: unpickles one.
        anew: people of some number of rows.

    Raises:
        ConfigError: the people keep something over all of their rows that differs between pieces.
    """
    states: list[dict[str, Any]] = [opened(data) for data, _ in pieces]
    rows = [rows for _, rows in pieces]
    if len(states) == 1 and len(rows[0]) == len(states[0]["dialogues"].turn):
        return states[0]
    cut = _Cut(rows, [len(state["dialogues"].turn) for state in states])
    return {
        **states[0],
        "dialogues": cut([state["dialogues"] for state in states], _NONE, _NONE, "dialogues"),
        "users": cut([state["users"] for state in states], anew(1), anew(2), "people"),
        "scoring": cut([state["scoring"] for state in states], _NONE, _NONE, "reward"),
    }


class _Cut:
    """Some rows of things that hold rows, put together.

    Args:
        rows: of each piece, which.
        sizes: of each piece, how many it has.
    """

    def __init__(self, rows: Sequence[I64], sizes: list[int]) -> None:
        self._rows, self._sizes = rows, sizes
        self._done: dict[int, Any] = {}  # of what is met twice

    def __call__(self, old: Sequence[Any], one: Any, two: Any, name: str) -> Any:
        """A thing as it will be.

        Args:
            old: as it is in each piece.
            one: as it is in people of one row built anew.
            two: as it is in people of two.
            name: what it is called, for messages.
        """
        first, same = old[0], all(type(each) is type(old[0]) for each in old)
        if isinstance(first, Rows) and same:
            return joined([each.rows(rows) for each, rows in zip(old, self._rows, strict=True)])
        if isinstance(first, np.ndarray) and (axis := _axis(one, two)) is not None:
            return np.concatenate([each.take(rows, axis) for each, rows in zip(old, self._rows, strict=True)], axis)
        if isinstance(first, list | tuple) and type(first) in (list, tuple) and same:
            if isinstance(one, list) and isinstance(two, list) and (len(one), len(two)) == (1, 2):
                return [each[row] for each, rows in zip(old, self._rows, strict=True) for row in rows.tolist()]
            if len({len(each) for each in old}) == 1:
                parts = [
                    self([each[i] for each in old], _at(one, i), _at(two, i), f"{name}[{i}]") for i in range(len(first))
                ]
                return type(first)(parts)
        if type(first) is dict and all(each.keys() == first.keys() for each in old):
            return {
                key: self([each[key] for each in old], _at(one, key), _at(two, key), f"{name}.{key}") for key in first
            }
        if type(first) is type(one) is type(two) is int and (one, two) == (1, 2) and list(old) == self._sizes:
            return sum(len(rows) for rows in self._rows)
        if _always_the_same(first):
            return first
        if same and hasattr(first, "__dict__") and not isinstance(first, BaseModel | type | FunctionType):
            if id(first) not in self._done:
                made = self._done[id(first)] = object.__new__(type(first))
                few, more = (getattr(thing, "__dict__", {}) for thing in (one, two))
                made.__dict__.update(self([each.__dict__ for each in old], few, more, name))
            return self._done[id(first)]
        known = one is not _NONE or not isinstance(first, np.ndarray | list)
        if known and all(_same(each, first) for each in old[1:]):
            return first
        raise ConfigError(
            f"{name}: what these people keep there cannot be told apart by rows, so the state goes on only in as many "
            "shards as it was saved in; give that number"
        )


def _axis(one: Any, two: Any) -> int | None:
    """Where arrays of people have their rows; None where they have none."""
    if not isinstance(one, np.ndarray) or not isinstance(two, np.ndarray) or one.ndim != two.ndim:
        return None
    return next((axis for axis, sizes in enumerate(zip(one.shape, two.shape, strict=True)) if sizes == (1, 2)), None)


def _same(one: Any, other: Any) -> bool:
    equal = one == other
    return (isinstance(equal, bool) and equal) or pickle.dumps(one) == pickle.dumps(other)


def _at(thing: Any, key: Any) -> Any:
    try:
        return thing[key]
    except (KeyError, IndexError, TypeError):
        return _NONE


def _always_the_same(thing: Any) -> bool:
    """Whether something is its own deep copy: by the project's convention it never changes."""
    copies = getattr(type(thing), "__deepcopy__", None)
    return isinstance(copies, FunctionType) and not isinstance(thing, type) and copies(thing, {}) is thing
