"""Utterances by how many words they have: candidates for people who want to say little or much.

A table of candidates per cell of the bank, as in `rlgen.users.expression.voices`, for each of several lengths. How far
a candidate is from what a person wants to say, in words and in how positive it reads, is then a cost beside the cell's
own: squared distances by `_WORDS` and `_VALENCE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.text.plain import count_words
from rlgen.types import F64, I64, UtteranceCatalogue

_STRATA: Final = 12  # parts of a topic by valence, from each of which come candidates
_CHOICES: Final = 48  # candidates per cell and length
_GRID: Final = np.arange(0.75, 4.51, 0.25)  # log(1 + words) that tables are made for: 1 to 90 words
_WORDS: Final = 0.1  # tolerance in log(1 + words)
_VALENCE: Final = 0.05  # tolerance in read valence
_TOPIC: Final = 100.0  # another topic, only where the own one has too little to choose from


@dataclass(frozen=True)
class Lengths:
    """Candidates by cell and length; never changes, so that copies of people share it.

    Attributes:
        utterances: `[topics, lengths, cells, K]` the candidates.
        costs: `[topics, lengths, cells, K]` how badly they fit the cell.
        words: `[U]` log(1 + words) of each utterance.
        valence: `[U]` as read; None where the catalogue does not say.
        same: `[U]` the first utterance with the same words.
    """

    utterances: NDArray[np.int32]
    costs: NDArray[np.float32]
    words: NDArray[np.float32]
    valence: NDArray[np.float32] | None
    same: NDArray[np.int32]

    def __deepcopy__(self, memo: dict[int, object]) -> Lengths:
        return self

    def candidates(
        self, topic: I64, cell: I64, words: F64, valence: F64 | None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """What can be said, and what it costs, `[N, K]` each.

        Args:
            topic: `[N]`.
            cell: `[N]` index of the cell within the topic.
            words: `[N]` wanted log(1 + words).
            valence: `[N]` wanted valence, None for any.
        """
        nearest = np.clip(np.rint((words - _GRID[0]) / (_GRID[1] - _GRID[0])), 0, len(_GRID) - 1).astype(np.int64)
        found = self.utterances[topic, nearest, cell]
        cost = self.costs[topic, nearest, cell]
        cost = cost + _apart(self.words[found], np.clip(words, _GRID[0], _GRID[-1]), _WORDS)
        if valence is not None and self.valence is not None:
            cost = cost + _apart(self.valence[found], np.clip(valence, -1.0, 1.0), _VALENCE)
        return found, cost


def index_lengths(bank: UtteranceCatalogue, misfit: NDArray[np.float32]) -> Lengths:
    """The table of a bank.

    Args:
        bank: the utterances.
        misfit: `[cells, U]` what it costs to say each in each cell of its own topic.
    """
    words = np.log1p([count_words(text) for text in bank.text]).astype(np.float32)
    choices = min(_CHOICES, len(bank))
    shape = (len(bank.topics), len(_GRID), len(misfit), choices)
    utterances, costs = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
    for topic in range(len(bank.topics)):
        own = np.flatnonzero(bank.topic == topic)
        rows = own if len(own) >= choices else np.arange(len(bank))
        cost = misfit[:, rows] + _TOPIC * (bank.topic[rows] != topic).astype(np.float32)
        parts = _strata(None if bank.valence is None else bank.valence[rows], len(rows))
        for k, wanted in enumerate(_GRID):
            total = cost + _apart(words[rows], wanted, _WORDS)
            nearest = _nearest(total, parts, choices)
            utterances[topic, k] = rows[nearest]
            costs[topic, k] = np.take_along_axis(cost, nearest, axis=1)
    first: dict[str, int] = {}
    same = np.array([first.setdefault(text, i) for i, text in enumerate(bank.text)], dtype=np.int32)
    return Lengths(utterances, costs, words, bank.valence, same)


def _strata(valence: NDArray[np.float32] | None, count: int) -> list[I64]:
    """Indices of `count` utterances in parts of like size, from the gloomiest to the brightest."""
    return np.array_split(np.arange(count) if valence is None else np.argsort(valence, kind="stable"), _STRATA)


def _nearest(cost: NDArray[np.float32], parts: list[I64], choices: int) -> I64:
    """The cheapest utterances of each cell, as many from every part, `[cells, choices]`; `cost` is `[cells, U]`."""
    found, missing = [], choices
    for left, part in zip(range(len(parts), 0, -1), parts, strict=True):
        some = min(-(-missing // left), len(part))
        missing -= some
        if some:
            found.append(part[np.argpartition(cost[:, part], some - 1, axis=1)[:, :some]])
    return np.concatenate(found, axis=1)


def _apart(values: NDArray[np.float32], wanted: F64 | float, tolerance: float) -> NDArray[np.float32]:
    """Cost of a distance; `wanted` is a number, or one for each row of `values`."""
    centre = np.asarray(wanted, dtype=np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return (values - centre) ** 2 * np.float32(0.5 / tolerance**2)
