"""The bank of things that people say: finite, labelled, the same for everybody.

Every topic has, for sadness, anger and fear at three levels of intensity, in each phase and at each
disclosure several utterances; neutral, happiness and surprise belong to people who recover and begin
after the opening. Openings may name a *situation* ("the statistics exam on Friday"); one dialogue
should keep to one situation of its topic.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlgen.affect import CATEGORIES, NUM_CATEGORIES
from rlgen.text.compose_parts import count_words
from rlgen.text.compose_person import DISCLOSURES, INTENSITY, LEVELS, OPENING, PHASES, Said, levels_of, phases_of, say
from rlgen.text.topics import DISTRESSED, SITUATIONS, topics
from rlgen.types import I64, UtteranceCatalogue

MAX_WORDS: Final = 34
CANDIDATES: Final = 40

# Utterances per cell that fit every situation; plain and open openings have one per situation besides.
_PER_PHASE: Final = (1, 2, 2, 2)
_PER_BRIGHT_CELL: Final = 1
_TRIES: Final = 60


@dataclass(frozen=True)
class _Bank:
    catalogue: UtteranceCatalogue
    situation: I64


@dataclass
class _Row:
    said: Said
    labels: tuple[int, int, int, int, int]
    situation: int


def _cell_rows(topic: int, category: int, level: int, phase: int, disclosure: int, seen: set[str]) -> list[_Row]:
    rng = random.Random(f"utterances/{topics()[topic].name}/{category}/{level}/{phase}/{disclosure}")
    labels = (topic, category, level, phase, disclosure)
    distressed = CATEGORIES[category] in DISTRESSED
    wanted = [-1] * (_PER_PHASE[phase] if distressed else _PER_BRIGHT_CELL)
    if phase == OPENING:
        wanted += range(SITUATIONS) if disclosure > 0 else [-1]
    rows = []
    for situation in wanted:
        slots = topics()[topic].situation(max(situation, 0))
        general = situation < 0
        for _ in range(_TRIES):
            said = say(rng, topic, category, level, phase, disclosure, slots, general)
            if said.text not in seen and count_words(said.text) <= MAX_WORDS and said.specific != general:
                seen.add(said.text)
                rows.append(_Row(said, labels, situation))
                break
    return rows


@lru_cache(maxsize=1)
def _bank() -> _Bank:
    seen: set[str] = set()
    rows: list[_Row] = []
    for topic in range(len(topics())):
        for category in range(NUM_CATEGORIES):
            for level in range(levels_of(category)):
                for phase in phases_of(category):
                    for disclosure in range(len(DISCLOSURES)):
                        rows += _cell_rows(topic, category, level, phase, disclosure, seen)
    labels = np.array([row.labels for row in rows], dtype=np.int64)
    catalogue = UtteranceCatalogue(
        text=[row.said.text for row in rows],
        topic=labels[:, 0],
        topics=tuple(topic.name for topic in topics()),
        category=labels[:, 1],
        intensity=np.asarray(INTENSITY, dtype=np.float32)[labels[:, 2]],
        phase=labels[:, 3],
        disclosure=labels[:, 4],
    )
    return _Bank(catalogue, np.array([row.situation for row in rows], dtype=np.int64))


def utterances() -> UtteranceCatalogue:
    """The bank, the same rows in the same order in every process."""
    return _bank().catalogue


@dataclass(frozen=True)
class Candidates:
    """Utterances that would do, nearest first.

    Attributes:
        rows: `[N, CANDIDATES]` indices into the bank, padded with -1.
        distance: `[N, CANDIDATES]`, 0 for the cell asked for; infinite where padded.
    """

    rows: I64
    distance: NDArray[np.float32]

    @property
    def count(self) -> I64:
        """`[N]`, how many there are."""
        counted: I64 = (self.rows >= 0).sum(axis=1)
        return counted


class UtteranceIndex:
    """Finds utterances by label, in arrays.

    Nearness: the topic never changes. Then, from dear to cheap: a good-bye for something else or the
    reverse (20), another category (4), another phase (1.2 per phase), another level of intensity
    (1 per level), another disclosure (.6 per step). The table over all cells is made once.

    Attributes:
        catalogue: the bank.
        situation: `[U]` -1 where it fits every situation, else the situation in `[0, situations)`.
        situations: how many situations a topic has.
    """

    situations: int = SITUATIONS

    def __init__(self) -> None:
        self.catalogue = utterances()
        self.situation = _bank().situation
        self._rows, self._distance = _table()

    def nearest(
        self, topic: ArrayLike, category: ArrayLike, intensity: ArrayLike, phase: ArrayLike, disclosure: ArrayLike
    ) -> Candidates:
        """Candidates for N people; every argument is a scalar or `[N]`.

        Args:
            topic: index into `catalogue.topics`.
            category: index into `rlgen.affect.CATEGORIES`.
            intensity: in [0, 1]; the nearest of the levels .25, .55, .85 is taken.
            phase: 0 to 3.
            disclosure: 0 to 2.
        """
        level = np.digitize(np.asarray(intensity, dtype=np.float64), [0.4, 0.7])
        cell = np.broadcast_arrays(topic, category, level, phase, disclosure)
        index = tuple(np.atleast_1d(np.asarray(part, dtype=np.int64)) for part in cell)
        return Candidates(self._rows[index], self._distance[index])

    def draw(
        self,
        uniform: NDArray[np.floating],
        candidates: Candidates,
        used: I64 | None = None,
        situation: ArrayLike | None = None,
    ) -> I64:
        """One utterance per person: by chance among the nearest that are not used up.

        Args:
            uniform: `[N]` in [0, 1).
            candidates: of the N people.
            used: `[N, K]` rows said before, padded with -1; they come again only when nothing else is left.
            situation: scalar or `[N]` in `[0, situations)`; keeps a person to one situation.

        Returns:
            `[N]` indices into the bank.
        """
        rows = candidates.rows
        cost = candidates.distance.astype(np.float64)
        if situation is not None:
            theirs = self.situation[rows]
            wanted = np.broadcast_to(np.asarray(situation), len(rows))[:, None]
            cost = np.where((theirs >= 0) & (theirs != wanted), np.inf, cost)
        if used is not None and used.size:
            said = (rows[:, :, None] == used[:, None, :]).any(axis=2)
            cost = np.where(said, cost + 1000.0, cost)
        best = cost == cost.min(axis=1, keepdims=True)
        wanted_rank = (np.asarray(uniform) * best.sum(axis=1)).astype(np.int64) + 1
        column = (best.cumsum(axis=1) >= wanted_rank[:, None]).argmax(axis=1)
        chosen: I64 = np.take_along_axis(rows, column[:, None], axis=1)[:, 0]
        return chosen


@lru_cache(maxsize=1)
def _table() -> tuple[I64, NDArray[np.float32]]:
    """Candidates and distances `[topics, categories, levels, phases, disclosures, CANDIDATES]`."""
    everything = utterances()
    level = np.digitize(everything.intensity, [0.4, 0.7])
    sizes = (len(everything.topics), NUM_CATEGORIES, len(LEVELS), len(PHASES), len(DISCLOSURES))
    rows = np.full((*sizes, CANDIDATES), -1, dtype=np.int64)
    distance = np.full((*sizes, CANDIDATES), np.inf, dtype=np.float32)
    cells = np.stack(np.meshgrid(*(np.arange(size) for size in sizes[1:]), indexing="ij"), axis=-1).reshape(-1, 4)
    closing = len(PHASES) - 1
    for topic in range(sizes[0]):
        own = np.flatnonzero(everything.topic == topic)
        labels = np.stack([everything.category, level, everything.phase, everything.disclosure], axis=1)[own]
        apart = np.abs(cells[:, None, :] - labels[None, :, :]).astype(np.float32)
        cost = 4.0 * (apart[..., 0] > 0) + apart[..., 1] + 1.2 * apart[..., 2] + 0.6 * apart[..., 3]
        cost += 20.0 * ((cells[:, None, 2] == closing) != (labels[None, :, 2] == closing))
        order = np.argsort(cost, axis=1, kind="stable")[:, :CANDIDATES]
        kept = order.shape[1]
        shape = (*sizes[1:], kept)
        rows[topic, ..., :kept] = own[order].reshape(shape)
        distance[topic, ..., :kept] = np.take_along_axis(cost, order, axis=1).reshape(shape)
    return rows, distance
