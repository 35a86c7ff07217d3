"""Turns as lines of JSON, made for all rows of a world at once.

A world without text makes tens of thousands of turns a second, more than `json.dumps` can write. So all
rows are laid out in one matrix of eight-byte words: what every line has in common, and between it the
numbers, looked up in a table of decimals. Words are padded with zero bytes, which are dropped at the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlgen.affect import AROUSAL, CATEGORIES, VALENCE
from rlgen.types import CONTROL_RANGES, I64, MODALITIES, Reading

_DECISIONS: Final = ("allow", "replace", "escalate")
_SCALE: Final = 10_000  # numbers have four digits
_SPAN: Final = 5 * _SCALE  # those from -5 to 5 are in the table
_NULL: Final = 2 * _SPAN + 1  # where the table has what stands for NaN
_LONG: Final = 3  # words of any other number
_TEXT: Final = "\1"  # holds the place of a string; JSON escapes it, so it cannot be anything else

U64 = NDArray[np.uint64]


@dataclass(frozen=True)
class _Number:
    """Floats `[N]`, to be rounded to four digits."""

    values: NDArray[np.float64]


@dataclass(frozen=True)
class _Cells:
    """Bytes `[N, w]`, eight to a word, padded with zeros."""

    words: U64


@dataclass(frozen=True)
class _Strings:
    """N texts."""

    values: list[str]


Tree = Mapping[str, Any] | tuple[Any, ...] | _Number | _Cells | _Strings


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
        tree["said"] = _Strings(record.utterance)
    tree["recognised"] = {
        **{name: _number(affect[:, i]) for i, name in enumerate(CATEGORIES)},
        "valence": _number(affect[:, VALENCE]),
        "arousal": _number(affect[:, AROUSAL]),
        "uncertainty": _array(record.estimate.uncertainty),
        "present": _present(record.estimate.present),
    }
    tree["controls"] = {name: _number(getattr(record.controls, name)) for name in CONTROL_RANGES}
    if words:
        tree["reply"] = _Strings(record.reply)
    tree["feedback"] = {
        "rating": _number(feedback.rating),
        "engagement": _number(feedback.engagement),
        "completed": _booleans(feedback.completed),
        "abandoned": _booleans(feedback.abandoned),
    }
    tree["reward"] = _number(record.reward)
    tree["terms"] = {name: _number(values) for name, values in record.terms.items()}
    if words:
        tree["then"] = _Strings(record.next_utterance)
    if record.reading is not None:
        tree["reading"] = {
            **{name: _number(getattr(record.reading, name)) for name in Reading.SCALARS},
            "empathy": _array(record.reading.empathy),
            "affect": _array(record.reading.affect),
        }
    if words and record.verdict is not None:
        decision = np.array([f'"{name}"' for name in _DECISIONS], dtype="S16")
        tree["guard"] = {
            "decision": _Cells(_words(decision[record.verdict.decision])),
            "reason": _Strings(record.verdict.reason),
        }
    return _lines(tree, len(affect))


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
    return _lines(tree, len(finished.rows))


def with_outcome(line: str, outcome: str) -> str:
    """A dialogue's last line with how it ended, itself an object of JSON."""
    return f'{line[:-1]}, "outcome": {outcome}}}'


def _number(values: ArrayLike) -> _Number:
    return _Number(np.asarray(values, dtype=np.float64))


def _array(values: Any) -> tuple[_Number, ...]:
    """The columns of `[N, k]`: an array in JSON."""
    return tuple(_number(column) for column in np.asarray(values).T)


def _integers(values: Any) -> _Cells:
    return _Cells(_words(np.asarray(values, dtype=np.int64).astype("S24")))


def _booleans(values: Any) -> _Cells:
    return _Cells(_words(np.array([b"false", b"true"], dtype="S8")[np.asarray(values).astype(np.int64)]))


def _present(present: Any) -> _Cells:
    """`[N, 3]` as arrays of the names of modalities."""
    sets = [[name for i, name in enumerate(MODALITIES) if number >> i & 1] for number in range(1 << len(MODALITIES))]
    names = np.array([json.dumps(chosen) for chosen in sets], dtype="S40")
    return _Cells(_words(names[np.asarray(present) @ (1 << np.arange(len(MODALITIES)))]))


def _words(texts: NDArray[np.bytes_]) -> U64:
    """Byte strings `[...]` of a multiple of eight bytes as `[..., w]`."""
    found: U64 = np.ascontiguousarray(texts)[..., None].view(np.uint64)
    return found


@cache
def _decimals() -> U64:
    """Every number of four digits from -5 to 5, then null, a word each."""
    shown = [repr(i / _SCALE) for i in range(-_SPAN, _SPAN + 1)]
    return _words(np.array([*shown, "null"], dtype="S8"))[:, 0]


def _number_words(numbers: Sequence[_Number]) -> U64:
    """`[k, N, w]`."""
    given = np.stack([number.values for number in numbers])
    scaled = np.rint(given * _SCALE)
    missing = np.isnan(given)
    if (missing | (np.abs(scaled) <= _SPAN)).all():
        return _decimals()[np.where(missing, _NULL, scaled + _SPAN).astype(np.int64)][..., None]
    shown = ["null" if value != value else repr(value) for value in (scaled / _SCALE + 0.0).ravel().tolist()]
    return _words(np.array(shown, dtype=f"S{8 * _LONG}").reshape(given.shape))


def _lines(tree: Tree, rows: int) -> list[str]:
    """The tree for every row."""
    parts: list[str | _Number | _Cells | _Strings] = []
    _flatten(tree, parts)
    numbers = [part for part in parts if isinstance(part, _Number)]
    decimals = iter(_number_words(numbers)) if numbers else iter(())
    texts = [part.values for part in parts if isinstance(part, _Strings)]
    blocks: list[U64] = []
    literal = ""
    for part in [*parts, "\n"]:
        if isinstance(part, str | _Strings):
            literal += part if isinstance(part, str) else _TEXT
            continue
        blocks += [_literal(literal), next(decimals) if isinstance(part, _Number) else part.words]
        literal = ""
    blocks.append(_literal(literal))
    laid = np.empty((rows, sum(block.shape[-1] for block in blocks)), dtype=np.uint64)
    at = 0
    for block in blocks:
        laid[:, at : at + block.shape[-1]] = block
        at += block.shape[-1]
    lines = laid.tobytes().translate(None, b"\0").decode().split("\n")[:-1]
    if not texts:
        return lines
    return [_filled(line, said) for line, said in zip(lines, zip(*texts, strict=True), strict=True)]


def _flatten(tree: Tree, parts: list[str | _Number | _Cells | _Strings]) -> None:
    """JSON's own signs and keys, and what stands between them, in order."""
    if isinstance(tree, Mapping):
        for i, (key, value) in enumerate(tree.items()):
            parts.append(f"{', ' if i else '{'}{json.dumps(key)}: ")
            _flatten(value, parts)
        parts.append("}" if tree else "{}")
    elif isinstance(tree, tuple):
        for i, value in enumerate(tree):
            parts.append(", " if i else "[")
            _flatten(value, parts)
        parts.append("]" if tree else "[]")
    else:
        parts.append(tree)


def _literal(text: str) -> U64:
    """`[1, w]`, the same in every row."""
    data = text.encode()
    padded = data + b"\0" * (-len(data) % 8)
    return np.frombuffer(padded, dtype=np.uint64)[None]


def _filled(line: str, texts: Sequence[str]) -> str:
    pieces = line.split(_TEXT)
    said = [json.dumps(text, ensure_ascii=False) for text in texts]
    return "".join(piece + text for piece, text in zip(pieces, [*said, ""], strict=True))
