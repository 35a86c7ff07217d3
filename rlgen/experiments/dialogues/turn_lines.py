"""Turns as lines of JSON, made for all rows of a world at once.

A world without text makes tens of thousands of turns a second, more than `json.dumps` can write. What every line has in
common is laid out once; the numbers of all rows are looked up in a table of decimals and put into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlgen.affect import AROUSAL, CATEGORIES, VALENCE
from rlgen.types import CONTROL_RANGES, I64, MODALITIES, Reading

_DECISIONS: Final = ("allow", "replace", "escalate")
_SCALE: Final = 10_000  # numbers have four digits
_SPAN: Final = 5 * _SCALE  # those from -5 to 5 are in the table

Tree = Mapping[str, Any] | tuple[Any, ...] | NDArray[np.float64] | list[str]
"""An object, an array, numbers `[N]` to be rounded, or N pieces of JSON."""


def turn_lines(record: Any, person: I64, words: bool = True) -> list[str]:
    """A JSON object per row, without line end; floats rounded to four digits, NaN as null.

    Args:
        record: `World.last`.
        person: `[N]` number of each row's person.
        words: False leaves out what was said and answered, for a world that has none.
    """
    affect, feedback = np.asarray(record.estimate.affect), record.feedback
    tree: dict[str, Tree] = {"person": _integers(person), "turn": _integers(record.turn)}
    if words:
        tree["said"] = _strings(record.utterance)
    tree["recognised"] = {
        **{name: _number(affect[:, i]) for i, name in enumerate(CATEGORIES)},
        "valence": _number(affect[:, VALENCE]),
        "arousal": _number(affect[:, AROUSAL]),
        "uncertainty": _array(record.estimate.uncertainty),
        "present": _present(record.estimate.present),
    }
    tree["controls"] = {name: _number(getattr(record.controls, name)) for name in CONTROL_RANGES}
    if words:
        tree["reply"] = _strings(record.reply)
    tree["feedback"] = {
        "rating": _number(feedback.rating),
        "engagement": _number(feedback.engagement),
        "completed": _booleans(feedback.completed),
        "abandoned": _booleans(feedback.abandoned),
    }
    tree["reward"] = _number(record.reward)
    tree["terms"] = {name: _number(values) for name, values in record.terms.items()}
    if words:
        tree["then"] = _strings(record.next_utterance)
    if record.reading is not None:
        tree["reading"] = {
            **{name: _number(getattr(record.reading, name)) for name in Reading.SCALARS},
            "empathy": _array(record.reading.empathy),
            "affect": _array(record.reading.affect),
        }
    if words and record.verdict is not None:
        tree["guard"] = {
            "decision": [f'"{_DECISIONS[i]}"' for i in record.verdict.decision],
            "reason": _strings(record.verdict.reason),
        }
    return _lines(tree)


def outcome_lines(finished: Any) -> list[str]:
    """A JSON object for each of the K dialogues of a `rlgen.envs.records.Finished`."""
    tree: dict[str, Tree] = {
        "return": _number(finished.episode_return),
        "relief": _number(finished.relief),
        "relief_points": _number(finished.relief_points),
        "length": _integers(finished.length),
        "completed": _booleans(finished.completed),
        "abandoned": _booleans(finished.abandoned),
        "limit": _booleans(finished.limit),
        "mean_rating": _number(finished.mean_rating),
        "cost": _number(finished.cost),
    }
    return _lines(tree)


def with_outcome(line: str, outcome: str) -> str:
    """A dialogue's last line with how it ended, itself an object of JSON."""
    return f'{line[:-1]}, "outcome": {outcome}}}'


def _number(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _array(values: Any) -> tuple[NDArray[np.float64], ...]:
    """The columns of `[N, k]`: an array in JSON."""
    return tuple(_number(column) for column in np.asarray(values).T)


def _integers(values: Any) -> list[str]:
    return [str(value) for value in np.asarray(values).tolist()]


def _booleans(values: Any) -> list[str]:
    return ["true" if value else "false" for value in np.asarray(values).tolist()]


def _strings(values: Iterable[str]) -> list[str]:
    return [json.dumps(text, ensure_ascii=False) for text in values]


def _present(present: Any) -> list[str]:
    """`[N, 3]` as arrays of the names of modalities."""
    sets = [[name for i, name in enumerate(MODALITIES) if number >> i & 1] for number in range(1 << len(MODALITIES))]
    names = [json.dumps(chosen) for chosen in sets]
    return [names[i] for i in (np.asarray(present) @ (1 << np.arange(len(MODALITIES)))).tolist()]


@cache
def _decimals() -> NDArray[np.object_]:
    """Every number of four digits from -5 to 5, then null."""
    return np.array([*(repr(i / _SCALE) for i in range(-_SPAN, _SPAN + 1)), "null"], dtype=object)


def _shown(numbers: list[NDArray[np.float64]]) -> list[list[str]]:
    """`[k, N]`."""
    given = np.stack(numbers)
    scaled, missing = np.rint(given * _SCALE), np.isnan(given)
    if (missing | (np.abs(scaled) <= _SPAN)).all():
        found: list[list[str]] = _decimals()[np.where(missing, 2 * _SPAN + 1, scaled + _SPAN).astype(np.int64)].tolist()
        return found
    rounded = (scaled / _SCALE + 0.0).tolist()
    return [["null" if value != value else repr(value) for value in row] for row in rounded]


def _lines(tree: Tree) -> list[str]:
    """The tree for every row."""
    columns: list[NDArray[np.float64] | list[str]] = []
    laid = _laid(tree, columns)
    numbers = [column for column in columns if isinstance(column, np.ndarray)]
    shown = iter(_shown(numbers) if numbers else ())
    filled = [next(shown) if isinstance(column, np.ndarray) else column for column in columns]
    return [laid % row for row in zip(*filled, strict=True)]


def _laid(tree: Tree, columns: list[NDArray[np.float64] | list[str]]) -> str:
    """JSON's own signs and keys, with `%s` for each column, which are collected."""
    if isinstance(tree, Mapping):
        keys = {json.dumps(key).replace("%", "%%"): value for key, value in tree.items()}
        return "{" + ", ".join(f"{key}: {_laid(value, columns)}" for key, value in keys.items()) + "}"
    if isinstance(tree, tuple):
        return "[" + ", ".join(_laid(value, columns) for value in tree) + "]"
    columns.append(tree)
    return "%s"
