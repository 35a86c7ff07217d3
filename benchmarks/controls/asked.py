"""Asked against read: how much of the asked warmth and directiveness comes back from the words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.controls.parts import Bench, Read, affects, contexts, fixed, lasts, over
from benchmarks.readers.figures import spearman
from rlgen.experiments.display.tables import Row
from rlgen.text.topics import topics
from rlgen.types import Controls

TARGET: Final = 0.8
_AMONG: Final = 100  # contexts that the true one is looked for in
_FIRST: Final = 10


@dataclass(frozen=True)
class Asked:
    """Replies to all contexts of a bench under controls drawn at random, and what they are read as."""

    controls: Controls
    replies: list[str]
    read: Read
    own: Read

    @classmethod
    def of(cls, bench: Bench) -> Asked:
        """Ask."""
        controls = bench.drawn(len(bench.exchanges))
        turns = lasts(bench.exchanges)
        replies = bench.say(contexts(bench.exchanges), affects(turns), controls)
        return cls(controls, replies, bench.read(replies), bench.read([turn.reply for turn in turns]))


def obedience(bench: Bench, asked: Asked) -> list[Row]:
    """Rank correlation of asked and read, beside that of the corpus's own replies with their labels.

    The baseline is what a perfect model of this corpus would reach: what readers fail to hear in the
    corpus they fail to hear in a reply.
    """
    found = []
    turns = lasts(bench.exchanges)
    for dial in ("warmth", "directiveness"):
        wanted = getattr(asked.controls, dial)
        label = np.array([getattr(turn, dial) for turn in turns])
        for by in ("judge", "reader"):
            value = spearman(wanted, asked.read.dial(dial, by))
            ceiling = spearman(label, asked.own.dial(dial, by))
            name = f"asked against read: {dial}, {by}"
            found.append(Row(name, value, "Spearman", ceiling, over(value, ceiling), TARGET))
    return found


def leaks(asked: Asked) -> list[Row]:
    """How far each tone is read where the other was asked; 0 where the dials are apart."""
    pairs = (("warmth", "directiveness"), ("directiveness", "warmth"))
    return [
        Row(f"leak: {other} asked, {dial} read, judge",
            spearman(getattr(asked.controls, other), asked.read.dial(dial, "judge")), "Spearman", 0.0)
        for dial, other in pairs
    ]  # fmt: skip


def retrieval(bench: Bench, asked: Asked, most: int = 1000) -> list[Row]:
    """How often the utterance that a reply answers is among the ten likest of a hundred, by embedding."""
    turns = lasts(bench.exchanges)[:most]
    rows = len(turns) - len(turns) % _AMONG
    if not rows:
        return []
    said = bench.reader.encoder.encode([turn.said for turn in turns[:rows]])

    def hits(embedding: np.ndarray, shift: int = 0) -> float:
        found = []
        for start in range(0, rows, _AMONG):
            near = embedding[start : start + _AMONG] @ said[start : start + _AMONG].T
            true = np.roll(np.arange(_AMONG), shift)
            found.append((near > near[np.arange(_AMONG), true][:, None]).sum(axis=1) < _FIRST)
        return float(np.mean(found))

    name = f"true utterance in first {_FIRST} of {_AMONG}"
    shuffled = hits(asked.read.embedding[:rows], 1)
    value, own = hits(asked.read.embedding[:rows]), hits(asked.own.embedding[:rows])
    return [
        Row(name, value, "", shuffled, over(value, shuffled)),
        Row(f"{name}, corpus", own, "", shuffled, over(own, shuffled)),
    ]


def aptness(bench: Bench, most: int = 500) -> list[Row]:
    """Of the next steps that directive replies name, the share from the person's own topic, beside chance."""
    exchanges = bench.exchanges[:most]
    controls = fixed(bench.drawn(len(exchanges)), directiveness=1.0, temperature=0.8, emotional_weight=1.0)
    replies = bench.say(contexts(exchanges), affects(lasts(exchanges)), controls, purpose=1)
    named = [
        (exchange.topic, {i for i, topic in enumerate(topics()) if any(step in reply for step in topic.steps)})
        for exchange, reply in zip(exchanges, replies, strict=True)
    ]
    apt = [own in found for own, found in named if found]
    share = float(np.mean(apt)) if apt else float("nan")
    return [
        Row("named steps of the person's own topic", share, "", 1 / len(topics())),
        Row("replies at directiveness 1 that name a step", len(apt) / len(replies), ""),
    ]
