"""What a bench of controls asks, and what readers make of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recipes.writing.corpus import Exchange, Turn
from rlgen.affect import from_category
from rlgen.rng import Streams
from rlgen.text import Judge, Reader
from rlgen.text.reading.judge import Judgement
from rlgen.text.reading.relevance import Heard
from rlgen.types import CONTROL_RANGES, F32, Context, Controls, Estimate, Generator, Reading

BATCH: Final = 256
TEMPERATURES: Final = (0.5, 0.9)
"""Temperatures at which people are answered where temperature is not what is asked about."""
FADED: Final = 0.3
"""Emotional weight below which tone is meant to fade."""


@dataclass(frozen=True)
class Read:
    """What N texts are read as, by the people's reader, with its embedding, and by the judge."""

    embedding: F32
    reader: Reading
    judge: Judgement

    def dial(self, name: str, by: str) -> F32:
        """Warmth or directiveness `[N]`, by `"reader"` or `"judge"`."""
        values: F32 = getattr(getattr(self, by), name)
        return values


@dataclass(frozen=True)
class Bench:
    """The frozen parts and what they are tried on.

    Attributes:
        generator: what answers.
        reader: the people's.
        judge: fitted on other items than the reader; nothing in the world uses it.
        exchanges: dialogues whose replies are made of held-out phrases; their contexts are answered.
        trained: dialogues like those that the generator learned from, but not the same.
        seed: of all draws.
    """

    generator: Generator
    reader: Reader
    judge: Judge
    exchanges: Sequence[Exchange]
    trained: Sequence[Exchange]
    seed: int

    def say(
        self, contexts: Sequence[Sequence[str]], affect: F32, controls: Controls, purpose: int = 0, turn: int = 0
    ) -> list[str]:
        """Replies to N dialogues, in batches.

        Args:
            contexts: N dialogues, oldest text first.
            affect: `[N, 8]`, as estimated.
            controls: of N rows.
            purpose: another number, other draws.
            turn: of all of them, for the streams.
        """
        rows = len(contexts)
        streams = Streams.of(self.seed * 1_000_003 + purpose * 100_003, rows)
        estimate = Estimate(
            vector=np.zeros((rows, 1), dtype=np.float32),
            affect=affect,
            uncertainty=np.zeros((rows, 3), dtype=np.float32),
            present=np.ones((rows, 3), dtype=np.bool_),
        )
        said: list[str] = []
        for start in range(0, rows, BATCH):
            index = np.arange(start, min(start + BATCH, rows))
            context = Context([contexts[int(i)] for i in index], np.full(len(index), turn))
            said += self.generator.reply(context, estimate.rows(index), controls.rows(index), streams.rows(index)).text
        return said

    def read(self, texts: Sequence[str]) -> Read:
        """What the people's reader and the judge make of texts; they answer nothing and repeat nothing."""
        nothing = Heard.nothing(len(texts), self.reader.encoder.dim)
        reading, embedding = self.reader.read(texts, nothing, [()] * len(texts))
        return Read(embedding, reading, self.judge.read(texts))

    def drawn(self, rows: int, weights: tuple[float, float] = (FADED, 2.0)) -> Controls:
        """Controls drawn over their ranges: tone over all of it, temperature over `TEMPERATURES`."""
        low_high = (CONTROL_RANGES["warmth"], CONTROL_RANGES["directiveness"], TEMPERATURES, weights)
        u = Streams.of(self.seed, rows).uniform("bench.controls", size=len(low_high))
        return Controls(*((low + (high - low) * u[:, i]).astype(np.float32) for i, (low, high) in enumerate(low_high)))


def contexts(exchanges: Sequence[Exchange]) -> list[tuple[str, ...]]:
    """What the last reply of each dialogue answers."""
    return [exchange.context for exchange in exchanges]


def affects(turns: Sequence[Turn]) -> F32:
    """Of the people at these turns, `[N, 8]`."""
    return from_category(np.array([t.category for t in turns]), np.array([t.intensity for t in turns]))


def lasts(exchanges: Sequence[Exchange]) -> list[Turn]:
    """The last turn of each dialogue."""
    return [exchange.last for exchange in exchanges]


def every(exchanges: Sequence[Exchange]) -> list[Turn]:
    """All turns of all dialogues."""
    return [turn for exchange in exchanges for turn in exchange.turns]


def over(value: float, baseline: float) -> float | None:
    """`value / baseline`, None where the baseline is nothing."""
    return value / baseline if baseline else None


def fixed(controls: Controls, **values: float | NDArray[np.floating]) -> Controls:
    """Controls with some of them set, for all rows or each."""
    rows = len(controls.warmth)
    full = {name: np.broadcast_to(np.asarray(value, dtype=np.float32), rows).copy() for name, value in values.items()}
    return replace(controls, **full)
