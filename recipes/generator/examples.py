"""From labelled dialogues to training batches: the labels become controls, with noise on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AFFECT_DIM, NUM_CATEGORIES, VALENCE, from_category
from rlgen.generation.embedded.model import Shape
from rlgen.generation.embedded.tokenizer import END, PAD, PERSON, SUPPORTER, Tokenizer
from rlgen.generation.embedded.window import longest_utterance
from rlgen.text.plain import clean
from rlgen.types import F32, I64, Bools

# A reply labelled s (0 plain, .5 middle, 1 deep) is shown under weights around `_FLOOR + _SLOPE s`.
# The three depths overlap by this standard deviation, so that what is said deepens evenly along the
# weight; about a fifth of the plain replies fall to 0, where the unconditioned model is trained.
_FLOOR, _SLOPE, _SPREAD = 0.35, 1.2, 0.4
_TONE_NOISE = 0.08
# Share of a reply's own ids that are replaced by any others while the next is learned (word dropout: Bowman
# et al., CoNLL 2016): phrases are known less by heart, and speech goes on sensibly after an unlucky draw.
_MISHEARD = 0.05
# How much of the true affect is left at least, and how often nothing is: recognizers are soft and err.
_LEAST_TRUTH, _WRONG = 0.35, 0.05


class LabelledTurn(Protocol):
    """What training needs to know of a turn; `recipes.writing.corpus.Turn` is one."""

    @property
    def said(self) -> str: ...  # noqa: D102  the person's utterance
    @property
    def reply(self) -> str: ...  # noqa: D102
    @property
    def category(self) -> int: ...  # noqa: D102  the person's, index into `rlgen.affect.CATEGORIES`
    @property
    def intensity(self) -> float: ...  # noqa: D102  the person's, in [0, 1]
    @property
    def warmth(self) -> float: ...  # noqa: D102  of the reply, in [-1, 1]
    @property
    def directiveness(self) -> float: ...  # noqa: D102  of the reply, in [-1, 1]
    @property
    def weight(self) -> float: ...  # noqa: D102  emotional depth of the reply, in [0, 1]


class Labelled(Protocol):
    """A dialogue, oldest turn first; `recipes.writing.corpus.Exchange` is one."""

    @property
    def turns(self) -> Sequence[LabelledTurn]: ...  # noqa: D102


@dataclass(frozen=True)
class Examples:
    """Encoded dialogues. Lists over M dialogues, arrays over all their R turns.

    Attributes:
        said: M lists with the ids of each turn's utterance, the token that opens it included.
        replies: M lists with the ids of each turn's reply, without opening token and end.
        first: `[M + 1]`, where each dialogue's turns begin in the arrays.
        reply_bytes: `[R]` length of the replies in bytes.
        category: `[R]`, the person's.
        intensity: `[R]`, the person's.
        tone: `[R, 2]`, of the reply.
        depth: `[R]`, emotional depth of the reply, in [0, 1].
    """

    said: list[list[list[int]]]
    replies: list[list[list[int]]]
    first: I64
    reply_bytes: I64
    category: I64
    intensity: F32
    tone: F32
    depth: F32

    def __len__(self) -> int:
        return len(self.said)

    def lengths(self) -> I64:
        """Ids of each dialogue's sequence, `[M]`; see `rlgen.generation.embedded.model.Layout`."""
        return np.array(
            [
                sum(map(len, said)) + 2 * sum(map(len, replies)) - len(replies[-1]) + 2 * len(replies) - 1
                for said, replies in zip(self.said, self.replies, strict=True)
            ],
            dtype=np.int64,
        )


def encode(dialogues: Sequence[Labelled], tokenizer: Tokenizer, shape: Shape) -> Examples:
    """Ids and labels; a dialogue ends before the first turn whose reply does not fit."""
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    owner = [i for i, dialogue in enumerate(dialogues) for _ in dialogue.turns]
    utterances = tokenizer.encode([clean(t.said) for t in turns])
    answers = tokenizer.encode([clean(t.reply) for t in turns])
    longest = longest_utterance(shape)
    said: list[list[list[int]]] = [[] for _ in dialogues]
    replies: list[list[list[int]]] = [[] for _ in dialogues]
    over, kept = [False] * len(dialogues), []
    for i, (dialogue, utterance, answer) in enumerate(zip(owner, utterances, answers, strict=True)):
        over[dialogue] |= not 0 < len(answer) < shape.reply
        if not over[dialogue]:
            said[dialogue].append([PERSON, *utterance[-longest:]])
            replies[dialogue].append(answer)
            kept.append(i)

    def label(name: str, kind: Any) -> NDArray[Any]:
        return np.array([getattr(turns[i], name) for i in kept], dtype=kind)

    told = [i for i, turns_of in enumerate(said) if turns_of]
    return Examples(
        said=[said[i] for i in told],
        replies=[replies[i] for i in told],
        first=np.cumsum([0, *(len(said[i]) for i in told)]),
        reply_bytes=np.array([len(clean(turns[i].reply).encode()) for i in kept], dtype=np.int64),
        category=label("category", np.int64),
        intensity=label("intensity", np.float32),
        tone=np.stack([label("warmth", np.float32), label("directiveness", np.float32)], axis=1),
        depth=label("weight", np.float32),
    )


def soft_affect(category: I64, intensity: F32, rng: np.random.Generator) -> F32:
    """Affects as a recognizer might estimate them.

    The true affect is mixed with a random distribution; now and then nothing of it is left.

    Returns:
        `[M, 8]`.
    """
    count = len(category)
    true = from_category(category, np.clip(intensity + rng.normal(0, 0.1, count), 0, 1))
    truth = rng.uniform(_LEAST_TRUTH, 1.0, (count, 1)) * (rng.random((count, 1)) >= _WRONG)
    noise = np.empty((count, AFFECT_DIM))
    noise[:, :NUM_CATEGORIES] = rng.dirichlet(np.full(NUM_CATEGORIES, 0.7), count)
    noise[:, VALENCE:] = rng.normal(0, 0.4, (count, AFFECT_DIM - VALENCE))
    mixed = truth * true + (1 - truth) * noise
    return np.clip(mixed, -1, 1).astype(np.float32)


@dataclass(frozen=True)
class Batch:
    """One training batch of B sequences of T ids, with K exchanges at most.

    Attributes:
        ids: `[B, T]`, padded on the right.
        position, exchange, read, branch: `[B, T]`, see `rlgen.generation.embedded.model.Layout`.
        reply: `[B, T]`, the next id where it belongs to a reply, else -1.
        utterance: `[B, T]`, the next id where it belongs to an utterance, else -1.
        weight: `[B, T]`, emotional weight; 0 outside branches.
        affect: `[B, K, 8]`.
        tone: `[B, K, 2]`.
    """

    ids: I64
    position: I64
    exchange: I64
    read: Bools
    branch: Bools
    reply: I64
    utterance: I64
    weight: F32
    affect: F32
    tone: F32


def typical_weight(depth: F32) -> F32:
    """The middle of the emotional weights under which replies of that depth are shown, `[M]`."""
    return np.asarray(_FLOOR + _SLOPE * depth, dtype=np.float32)


def weights(depth: F32, rng: np.random.Generator) -> F32:
    """Emotional weights under which replies of that depth are shown, `[M]` in [0, 2]."""
    around = typical_weight(depth) + rng.normal(0, _SPREAD, len(depth))
    return np.clip(around, 0.0, 2.0).astype(np.float32)


def batches(examples: Examples, size: int, rng: np.random.Generator, exact: bool = False) -> Iterator[Batch]:
    """All examples once, in batches of like length and in random order.

    Args:
        examples: what to learn from.
        size: ids in a batch at most, padding included.
        rng: decides noise and order.
        exact: without noise on the labels, for measuring.
    """
    count = len(examples.category)
    affect = (
        from_category(examples.category, examples.intensity)
        if exact
        else soft_affect(examples.category, examples.intensity, rng)
    )
    weight = typical_weight(examples.depth) if exact else weights(examples.depth, rng)
    noise = 0.0 if exact else rng.normal(0, _TONE_NOISE, (count, 2))
    tone = np.clip(examples.tone + noise, -1, 1).astype(np.float32)
    lengths = examples.lengths()
    order = np.argsort(lengths + rng.random(len(examples)), kind="stable")
    groups: list[list[int]] = []
    for i in order.tolist():
        if not groups or (len(groups[-1]) + 1) * int(lengths[i]) > size:
            groups.append([])
        groups[-1].append(i)
    for g in rng.permutation(len(groups)).tolist():
        batch = _batch(examples, groups[g], int(lengths[groups[g]].max()), affect, tone, weight)
        if not exact:
            _mishear(batch, rng)
        yield batch


def _mishear(batch: Batch, rng: np.random.Generator) -> None:
    """Replace some ids of the replies as they are spoken, in place; what is to be said next stays."""
    own = batch.branch & (batch.ids != SUPPORTER)
    words = batch.ids[own]
    heard = rng.random(len(words)) >= _MISHEARD
    batch.ids[own] = np.where(heard, words, rng.permutation(words))


def _batch(examples: Examples, rows: Sequence[int], length: int, affect: F32, tone: F32, weight: F32) -> Batch:
    count = len(rows)
    ids = np.full((count, length), PAD, dtype=np.int64)
    position, exchange = np.zeros_like(ids), np.zeros_like(ids)
    reply, utterance = np.full_like(ids, -1), np.full_like(ids, -1)
    read, branch = np.zeros(ids.shape, dtype=bool), np.zeros(ids.shape, dtype=bool)
    depth = np.zeros(ids.shape, dtype=np.float32)
    most = max(len(examples.said[i]) for i in rows)
    turn_of = np.zeros((count, most), dtype=np.int64)
    for row, i in enumerate(rows):
        said, replies, first = examples.said[i], examples.replies[i], int(examples.first[i])
        turn_of[row] = np.minimum(first + np.arange(most), examples.first[i + 1] - 1)
        end, begins = 0, []
        for turn, text in enumerate(said):  # the dialogue as it is read
            before = [SUPPORTER, *replies[turn - 1]] if turn else []
            start, opened = end, end + len(before)
            end = opened + len(text)
            ids[row, start:end] = before + text
            exchange[row, start:end] = turn
            read[row, start:opened] = True
            utterance[row, opened : end - 1] = text[1:]
            begins.append(end)
        position[row, :end] = np.arange(end)
        for turn, text in enumerate(replies):  # every reply as it is spoken
            start, end = end, end + len(text) + 1
            ids[row, start:end] = [SUPPORTER, *text]
            position[row, start:end] = np.arange(begins[turn], begins[turn] + end - start)
            exchange[row, start:end] = turn
            branch[row, start:end] = True
            reply[row, start:end] = [*text, END]
            depth[row, start:end] = weight[first + turn]
    return Batch(ids, position, exchange, read, branch, reply, utterance, depth, affect[turn_of], tone[turn_of])
