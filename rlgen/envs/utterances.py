"""What people said: their words and what was read in them, and what the recognizer makes of their signals.

The one place where an `Expression` becomes what the world works with. Utterances of the bank are looked up
in tables; people's own words are read with one batched encoder call.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlgen.affect import AROUSAL, NUM_CATEGORIES
from rlgen.envs.parts import Parts
from rlgen.envs.pipeline import read_texts
from rlgen.envs.records import Utterances
from rlgen.text.reading.relevance import Heard
from rlgen.types import Bools, Estimate, Expression


def read_utterances(parts: Parts, expression: Expression) -> Utterances:
    """The words of `[N]` expressions, read."""
    index = expression.utterance
    if expression.text is None:
        return Utterances(
            [parts.utterances.text[i] for i in index.tolist()],
            parts.utterances.topic[index],
            parts.utterance_embedding[index],
            parts.utterance_array[index],
            parts.utterance_context[index],
        )
    rows = len(expression.text)
    nothing = Heard.nothing(rows, parts.utterance_embedding.shape[1])
    reading, embedding = read_texts(parts.reader, expression.text, nothing, [[]] * rows)
    reading = replace(reading, relevance=np.ones(rows, dtype=np.float32))
    # A plain sum, not a matrix product: the bits of a row must not depend on how many rows there are.
    context = (embedding[:, :, None] * parts.context_projection).sum(axis=1)
    topic = np.where(index < 0, -1, parts.utterances.topic[index])
    return Utterances(list(expression.text), topic, embedding, reading.array(), context)


def recognize(parts: Parts, expression: Expression, said: Utterances, present: Bools) -> Estimate:
    """What is recognised in `[N]` expressions.

    Args:
        parts: the recognizer's table over the signal bank.
        expression: as people gave it.
        said: what `read_utterances` made of it.
        present: `[N, 3]` modalities that are not missing.

    Returns:
        The recognizer's estimates of the signals. Where none were given: affect as read in the words, with
        the entropy of its categories and `Parts.words_sd` as uncertainty, a zero vector, nothing present.
    """
    silent = expression.segment < 0
    if not silent.any():
        return parts.table.look_up(expression.segment, present)
    signalled = parts.table.look_up(np.where(silent, 0, expression.segment), present & ~silent[:, None])
    affect = said.reading[silent, : AROUSAL + 1]
    share = affect[:, :NUM_CATEGORIES]
    entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1) / np.log(NUM_CATEGORIES)
    spread = np.broadcast_to(parts.words_sd, (len(affect), 2))
    read = Estimate(
        vector=np.zeros_like(signalled.vector[silent]),
        affect=affect,
        uncertainty=np.concatenate([np.clip(entropy, 0.0, 1.0)[:, None], spread], axis=1).astype(np.float32),
        present=np.zeros((len(affect), 3), dtype=np.bool_),
    )
    signalled.put(np.flatnonzero(silent), read)
    return signalled
