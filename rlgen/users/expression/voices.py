"""From felt to shown: which utterance a person says and which recorded segment goes with it.

Both banks are indexed once, into tables of candidates per cell, so that a turn of N people is a few
array look-ups. A person keeps one actor and one topic, says nothing twice in a dialogue, and repeats a
clause only for want of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import CATEGORY_VALENCE_AROUSAL, HAPPINESS, NEUTRAL, NUM_CATEGORIES
from rlgen.errors import PopulationError
from rlgen.text.reading.repetition import clauses
from rlgen.text.utterances import CLOSING, OPENING
from rlgen.types import F64, I64, MAX_TURNS, Expression, SegmentCatalogue, UtteranceCatalogue
from rlgen.users.expression.lengths import Lengths, index_lengths

PHASES: Final = 4
DISCLOSURES: Final = 3
_LONGEST: Final = 65  # turns of a person that are remembered: an opening and one after each of 64 replies
_LEVELS: Final = 3  # bins of intensity in the utterance table, as many as the project's bank has
_CELLS: Final = (NUM_CATEGORIES, PHASES, DISCLOSURES, _LEVELS)  # of one topic
_CHOICES: Final = 48  # candidates per cell; more than a dialogue is long, so that one is always unsaid
_BANKS: Final = 4  # last met, whose tables are kept
_SEGMENTS: Final = 64  # candidates per actor and category
_SEGMENT_WIDTH: Final = 0.1  # tolerance of intensity and arousal when a segment is chosen

# What it costs to say something that does not quite fit, in nats of choice probability. A topic is
# left, and a thing said again, only where nothing else remains; one opens and takes leave once.
_SAID, _TOPIC, _ENDS, _CATEGORY, _PHASE, _DISCLOSURE, _INTENSITY = 300.0, 100.0, 30.0, 8.0, 4.0, 2.0, 12.0
_CLAUSE = 8.0  # for every clause that was said before
_ASTRAY: Final = 4.0  # added for another category where so many words are wanted
_CLAUSE_AT_LENGTH: Final = 24.0  # the same of who wants to say so many words: long turns share more clauses
_BITS: Final = 64


@dataclass(frozen=True)
class Felt:
    """What people express at one turn, `[K]` each.

    Attributes:
        category: index into `rlgen.affect.CATEGORIES`: how voice and face sound.
        spoken: likewise, how the words sound; they may hide what the voice does not.
        intensity: in [0, 1].
        arousal: in [-1, 1].
        phase: 0 opening, 1 exploring, 2 working, 3 taking leave.
        disclosure: 0 guarded, 1 plain, 2 open.
        words: log(1 + number of words) that people want to say; None: any.
        valence: how positive they want to sound; None, or a bank whose valence is not known: any.
    """

    category: I64
    spoken: I64
    intensity: F64
    arousal: F64
    phase: I64
    disclosure: I64
    words: F64 | None = None
    valence: F64 | None = None


@dataclass(frozen=True)
class _Index:
    """Both banks as tables; never changes, so that copies of people share it.

    Attributes:
        utterances: `[cells, K]` the candidates of a cell.
        costs: `[cells, K]` how badly they fit.
        clauses: `[W, U]`, for each utterance a bit per clause that others on its topic have too.
        actors: `[A]` as the catalogue numbers them.
        of_actor: `[A, 6, K]` segments of an actor and category.
        count: `[A, 6]` how many of them are not padding.
        segments: the catalogue.
    """

    utterances: NDArray[np.int32]
    costs: NDArray[np.float32]
    clauses: NDArray[np.uint64]
    actors: I64
    of_actor: NDArray[np.int32]
    count: I64
    segments: SegmentCatalogue

    def __deepcopy__(self, memo: dict[int, object]) -> _Index:
        return self


class Voices:
    """The actors, topics and past utterances of N people, and how they choose from the banks.

    Args:
        rows: N.
        utterances: what can be said.
        segments: the signals that can go with it.
        topics: indices of the topics that people may bring; empty means all.
        lengths: whether people may want to say so many words (`Felt.words`).

    Raises:
        PopulationError: a bank is too small, or there is nothing to say on a topic.
    """

    def __init__(
        self,
        rows: int,
        utterances: UtteranceCatalogue,
        segments: SegmentCatalogue,
        topics: Sequence[int] = (),
        lengths: bool = False,
    ) -> None:
        self._topics = np.array(topics or np.unique(utterances.topic), dtype=np.int64)
        self._index = _indexed(utterances, segments)
        self._lengths = _indexed_lengths(utterances) if lengths else None
        self._said = np.full((rows, _LONGEST), -1, dtype=np.int32)
        self._clauses_said = np.zeros((len(self._index.clauses), rows), dtype=np.uint64)
        self._spoken = np.zeros(rows, dtype=np.int64)
        self._actor = np.zeros(rows, dtype=np.int64)
        self.topic = np.zeros(rows, dtype=np.int64)

    @property
    def actor(self) -> I64:
        """`[N]` actors, as the segment catalogue numbers them."""
        chosen: I64 = self._index.actors[self._actor]
        return chosen

    def enter(self, rows: I64, uniform: F64) -> None:
        """New people in some rows: `[K, 2]` uniforms choose actor and topic."""
        self._actor[rows] = (uniform[:, 0] * len(self._index.actors)).astype(np.int64)
        self.topic[rows] = self._topics[(uniform[:, 1] * len(self._topics)).astype(np.int64)]
        self._said[rows] = -1
        self._clauses_said[:, rows] = 0
        self._spoken[rows] = 0

    def speak(self, rows: I64, felt: Felt, uniform: F64) -> Expression:
        """What the people in some rows say: `[K, 2]` uniforms choose utterance and segment."""
        level = np.clip((felt.intensity * _LEVELS).astype(np.int64), 0, _LEVELS - 1)
        topic, cell = self.topic[rows], np.ravel_multi_index((felt.spoken, felt.phase, felt.disclosure, level), _CELLS)
        if felt.words is None or self._lengths is None:
            at = topic * prod(_CELLS) + cell
            candidates, cost = self._index.utterances[at], self._index.costs[at]
            known = candidates
        else:
            candidates, cost = self._lengths.candidates(topic, cell, felt.words, felt.valence)
            known = self._lengths.same[candidates]
        spoken = np.minimum(self._spoken[rows], _LONGEST - 1)
        said = np.zeros(candidates.shape, dtype=np.bool_)
        for past in self._said[rows, : spoken.max(initial=0)].T:
            said |= known == past[:, None]
        cost = cost + _SAID * said
        again = np.zeros(candidates.shape, dtype=np.uint8)
        for own, before in zip(self._index.clauses, self._clauses_said, strict=True):
            again += np.bitwise_count(own.take(candidates) & before[rows, None])
        cost = cost + (_CLAUSE if felt.words is None else _CLAUSE_AT_LENGTH) * again
        weight = np.exp(cost.min(axis=1, keepdims=True) - cost)
        chosen = _choose(weight, uniform[:, 0])[:, None]
        utterance = np.take_along_axis(candidates, chosen, axis=1)[:, 0]
        self._said[rows, spoken] = np.take_along_axis(known, chosen, axis=1)[:, 0]
        self._clauses_said[:, rows] |= self._index.clauses[:, utterance]
        self._spoken[rows] += 1
        return Expression(utterance.astype(np.int64), self._segment(rows, felt, uniform[:, 1]))

    def _segment(self, rows: I64, felt: Felt, uniform: F64) -> I64:
        index, actor = self._index, self._actor[rows]
        candidates = index.of_actor[actor, felt.category]
        distance = (index.segments.intensity[candidates] - felt.intensity[:, None]) ** 2
        distance = distance + (index.segments.arousal[candidates] - felt.arousal[:, None]) ** 2
        cost = distance / (2 * _SEGMENT_WIDTH**2)
        cost[np.arange(candidates.shape[1]) >= index.count[actor, felt.category][:, None]] = np.inf
        weight = np.exp(cost.min(axis=1, keepdims=True) - cost)
        chosen = np.take_along_axis(candidates, _choose(weight, uniform)[:, None], axis=1)[:, 0]
        return chosen.astype(np.int64)


def _choose(weight: F64, uniform: F64) -> I64:
    """Index per row by inverse CDF; the last positive weight is never overrun."""
    cumulative = np.cumsum(weight, axis=1)
    chosen: I64 = (cumulative <= uniform[:, None] * cumulative[:, -1:]).sum(axis=1)
    return chosen


@lru_cache(maxsize=_BANKS)
def _indexed(utterances: UtteranceCatalogue, segments: SegmentCatalogue) -> _Index:
    """The tables of two banks, made once for all worlds that share them: it is most of what a world takes to make."""
    candidates, costs = _index_utterances(utterances)
    actors, of_actor, count = _index_segments(segments)
    return _Index(candidates, costs, _index_clauses(utterances), actors, of_actor, count, segments)


@lru_cache(maxsize=_BANKS)
def _indexed_lengths(utterances: UtteranceCatalogue) -> Lengths:
    return index_lengths(utterances, (_misfit(utterances) + _astray(utterances)).astype(np.float32))


def _index_utterances(bank: UtteranceCatalogue) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The cheapest utterances of every cell and their costs, `[cells, K]`."""
    _, first = np.unique(np.array(bank.text, dtype=object), return_index=True)
    known = np.sort(first)  # the same words in two rows would sound like a repetition
    if len(known) <= MAX_TURNS:
        raise PopulationError(
            f"users: the utterance bank holds {len(known)} different utterances; "
            f"a dialogue without repetition needs at least {MAX_TURNS + 1}"
        )
    choices = min(_CHOICES, len(known))
    misfit = _misfit(bank)[:, known]
    # Ties are broken differently in every cell, so that no utterance is left out of all of them.
    misfit += np.random.default_rng(0).random(misfit.shape) * 1e-3
    tables, costs = [], []
    for topic in range(len(bank.topics)):
        cost = misfit + _TOPIC * (bank.topic[known] != topic)
        nearest = np.argpartition(cost, choices - 1, axis=1)[:, :choices]
        nearest.sort(axis=1)
        tables.append(known[nearest].astype(np.int32))
        costs.append(np.take_along_axis(cost, nearest, axis=1))
    return np.concatenate(tables), np.concatenate(costs).astype(np.float32)


def _misfit(bank: UtteranceCatalogue) -> F64:
    """What it costs to say each utterance in each cell of its own topic, `[cells, U]`."""
    category, phase, disclosure, level = (
        grid.ravel()[:, None] for grid in np.meshgrid(*map(np.arange, _CELLS), indexing="ij")
    )
    apart = np.linalg.norm(CATEGORY_VALENCE_AROUSAL[:, None] - CATEGORY_VALENCE_AROUSAL[None], axis=2)
    misfit = _CATEGORY * (apart + (apart > 0))[category, bank.category]
    misfit = misfit + _PHASE * np.abs(phase - bank.phase)
    for end in (OPENING, CLOSING):
        misfit = misfit + _ENDS * ((phase == end) != (bank.phase == end))
    misfit = misfit + _DISCLOSURE * np.abs(disclosure - bank.disclosure)
    misfit = misfit + _INTENSITY * np.abs((level + 0.5) / _LEVELS - bank.intensity)
    return np.asarray(misfit, dtype=np.float64)


def _astray(bank: UtteranceCatalogue) -> F64:
    """Further cost, `[cells, U]`, of words of another category, for people whose wish for a length could outbid it.

    Nobody takes leave content in disappointed words, or the other way, whatever length is wanted.
    """
    calm = np.isin(np.arange(NUM_CATEGORIES), (NEUTRAL, HAPPINESS))
    category, phase, _, _ = (grid.ravel()[:, None] for grid in np.meshgrid(*map(np.arange, _CELLS), indexing="ij"))
    wrong_leave = (phase == CLOSING) & (calm[category] != calm[bank.category])
    return np.asarray(_ASTRAY * (category != bank.category) + _ENDS * wrong_leave, dtype=np.float64)


def _index_clauses(bank: UtteranceCatalogue) -> NDArray[np.uint64]:
    """A bit for every clause that several utterances of a topic share, `[W, U]`."""
    own = [sorted(clauses(text)) for text in bank.text]  # a clause has the same bit in every process
    number = np.zeros(len(bank.topics), dtype=np.int64)
    bit: dict[tuple[int, tuple[str, ...]], int] = {}
    counts = Counter((int(topic), clause) for topic, found in zip(bank.topic, own, strict=True) for clause in found)
    for key, count in counts.items():
        if count > 1:
            bit[key] = int(number[key[0]])
            number[key[0]] += 1
    bits = np.zeros((-(-int(number.max()) // _BITS), len(bank.text)), dtype=np.uint64)
    for row, (topic, found) in enumerate(zip(bank.topic, own, strict=True)):
        for clause in found:
            if (at := bit.get((int(topic), clause))) is not None:
                bits[at // _BITS, row] |= np.uint64(1 << at % _BITS)
    return bits


def _index_segments(bank: SegmentCatalogue) -> tuple[I64, NDArray[np.int32], I64]:
    """Actors, their segments per category `[A, 6, K]` (padded with the last), and how many `[A, 6]`.

    A category that an actor never performed is voiced by the nearest one, by valence and arousal.
    """
    if len(bank) == 0:
        raise PopulationError("users: the signal bank holds no segments; build one with `rlgen bank build`")
    actors, of = np.unique(bank.actor, return_inverse=True)
    apart = np.linalg.norm(CATEGORY_VALENCE_AROUSAL[:, None] - CATEGORY_VALENCE_AROUSAL[None], axis=2)
    lists: list[I64] = []
    for actor in range(len(actors)):
        own = np.flatnonzero(of == actor)
        performed = np.unique(bank.category[own])
        for category in range(NUM_CATEGORIES):
            nearest = performed[np.argmin(apart[category, performed])]
            found = own[bank.category[own] == nearest]
            lists.append(found[np.linspace(0, len(found) - 1, min(len(found), _SEGMENTS)).astype(np.int64)])
    width = max(map(len, lists))
    table = np.stack([np.pad(found, (0, width - len(found)), mode="edge") for found in lists])
    count = np.array([len(found) for found in lists], dtype=np.int64)
    return (
        actors.astype(np.int64),
        table.reshape(len(actors), NUM_CATEGORIES, width).astype(np.int32),
        count.reshape(len(actors), NUM_CATEGORIES),
    )
