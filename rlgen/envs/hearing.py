"""What is heard of people: their words and what was read in them, and what the recognizer makes of their signals.

The one place where an `Expression` becomes what the world works with. Utterances of the bank are looked up
in tables; people's own words are read with one batched encoder call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rlgen.affect import AROUSAL, NUM_CATEGORIES, VALENCE, from_category
from rlgen.envs.parts import Parts, context_projection
from rlgen.types import F32, I64, Bools, Estimate, Expression, Rows


@dataclass(frozen=True)
class Heard(Rows):
    """What N people said, and what a reader makes of it.

    Attributes:
        text: N strings.
        topic: `[N]` index into the topics of the utterance bank, -1 where unknown.
        embedding: `[N, 384]` of the words.
        reading: `[N, 18]`, see `Reading.array`. As in the bank, what people say counts as answering nothing
            and repeating nothing: relevance is 1 and repetition 0.
        context: `[N, 32]`, the embeddings projected for the observation.
    """

    text: list[str]
    topic: I64
    embedding: F32
    reading: F32
    context: F32


class Hearing:
    """From expressions to words, readings and estimates.

    Args:
        parts: the tables of both banks, and the reader of own words.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._bank_readings = parts.utterance_reading.array()

    @cached_property
    def _projection(self) -> F32:
        return context_projection(self._parts.utterance_embedding.shape[1])

    @cached_property
    def words_sd(self) -> F32:
        """`[2]`, how far valence and arousal are known from words alone, as standard deviations.

        Root mean square distance of the reader's valence and arousal to the labels of the utterance bank: about
        .34 and .22 for the shipped readers, .32 and .21 with the bank of theory people. Nobody has rated real
        people's words on these scales here; with them it can only be more.
        """
        bank = self._parts.utterances
        label = from_category(bank.category, bank.intensity)[:, VALENCE:]
        apart = self._parts.utterance_reading.affect[:, VALENCE:] - label
        sd: F32 = np.sqrt((apart**2).mean(axis=0)).clip(0.0, 1.0).astype(np.float32)
        return sd

    def hear(self, expression: Expression) -> Heard:
        """The words of `[N]` expressions, read."""
        parts, index = self._parts, expression.utterance
        if expression.text is None:
            text = [parts.utterances.text[i] for i in index.tolist()]
            return Heard(
                text,
                parts.utterances.topic[index],
                parts.utterance_embedding[index],
                self._bank_readings[index],
                parts.utterance_context[index],
            )
        rows = len(expression.text)
        unasked = np.zeros((rows, parts.utterance_embedding.shape[1]), dtype=np.float32)
        reading, embedding = parts.reader.read(expression.text, unasked, [[]] * rows)
        reading = replace(reading, relevance=np.ones(rows, dtype=np.float32))
        # A plain sum, not a matrix product: the bits of a row must not depend on how many rows there are.
        context = (embedding[:, :, None] * self._projection).sum(axis=1)
        topic = np.where(index < 0, -1, parts.utterances.topic[index])
        return Heard(list(expression.text), topic, embedding, reading.array(), context)

    def reply(self, text: list[str], asked: Heard, earlier: Sequence[Sequence[str]]) -> F32:
        """Readings `[N, 18]` of logged replies to what was heard, after the supporter's earlier ones."""
        reading, _ = self._parts.reader.read(text, asked.embedding, earlier)
        array: F32 = reading.array()
        return array

    def estimate(self, expression: Expression, heard: Heard, present: Bools) -> Estimate:
        """What is recognised in `[N]` expressions.

        Args:
            expression: as people gave it.
            heard: what `hear` made of it.
            present: `[N, 3]` modalities that are not missing.

        Returns:
            The recognizer's estimates of the signals. Where none were given: affect as read in the words, with
            the entropy of its categories and `words_sd` as uncertainty, a zero vector, nothing present.
        """
        silent = expression.segment < 0
        if not silent.any():
            return self._parts.table.look_up(expression.segment, present)
        signalled = self._parts.table.look_up(np.where(silent, 0, expression.segment), present & ~silent[:, None])
        affect = heard.reading[silent, : AROUSAL + 1]
        share = affect[:, :NUM_CATEGORIES]
        entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1) / np.log(NUM_CATEGORIES)
        spread = np.broadcast_to(self.words_sd, (len(affect), 2))
        read = Estimate(
            vector=np.zeros_like(signalled.vector[silent]),
            affect=affect,
            uncertainty=np.concatenate([np.clip(entropy, 0.0, 1.0)[:, None], spread], axis=1).astype(np.float32),
            present=np.zeros((len(affect), 3), dtype=np.bool_),
        )
        signalled.put(np.flatnonzero(silent), read)
        return signalled
