"""From labelled exchanges to training batches: the labels become controls, with noise on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AFFECT_DIM, NUM_CATEGORIES, VALENCE, from_category
from rlgen.generation.model import Shape
from rlgen.generation.tokenizer import END, PAD, SUPPORTER, Tokenizer, clean
from rlgen.generation.window import Prompter
from rlgen.types import F32, I64

# A reply labelled s (0 plain, .5 middle, 1 deep) is shown under weights around `_FLOOR + _SLOPE s`:
# tone is learned from a weight of about .2 on, and depth goes on rising up to 2.
_FLOOR, _SLOPE, _SPREAD = 0.4, 1.3, 0.3
# Share of plain replies that the unconditioned model (weight 0) is trained on.
_UNCONDITIONED = 0.08
_TONE_NOISE = 0.08
# How much of the true affect is left at least, and how often nothing is: recognizers are soft and err.
_LEAST_TRUTH, _WRONG = 0.35, 0.05


class Labelled(Protocol):
    """What training needs to know of an exchange; `rlgen.text.corpus.Exchange` is one."""

    @property
    def context(self) -> Sequence[str]: ...  # noqa: D102  texts, oldest first, the person last
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


@dataclass(frozen=True)
class Examples:
    """Encoded exchanges. Arrays over M examples.

    Attributes:
        ids: M lists: prompt, opening token, reply, end.
        start: `[M]` index of the opening token.
        reply_bytes: `[M]` length of the reply in bytes.
        category: `[M]`, the person's.
        intensity: `[M]`, the person's.
        tone: `[M, 2]`, of the reply.
        depth: `[M]`, emotional depth of the reply, in [0, 1].
    """

    ids: list[list[int]]
    start: I64
    reply_bytes: I64
    category: I64
    intensity: F32
    tone: F32
    depth: F32

    def __len__(self) -> int:
        return len(self.ids)


def encode(exchanges: Sequence[Labelled], tokenizer: Tokenizer, shape: Shape) -> Examples:
    """Ids and labels; exchanges whose reply does not fit are left out."""
    prompts = Prompter(tokenizer, shape.prompt).prompts([e.context for e in exchanges])
    replies = tokenizer.encode([clean(e.reply) for e in exchanges])
    fits = [i for i, reply in enumerate(replies) if 0 < len(reply) < shape.reply]

    def label(name: str, kind: Any) -> NDArray[Any]:
        return np.array([getattr(exchanges[i], name) for i in fits], dtype=kind)

    return Examples(
        ids=[[*prompts[i], SUPPORTER, *replies[i], END] for i in fits],
        start=np.array([len(prompts[i]) for i in fits], dtype=np.int64),
        reply_bytes=np.array([len(clean(exchanges[i].reply).encode()) for i in fits], dtype=np.int64),
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
    """One training batch of B sequences, T ids long.

    Attributes:
        ids: `[B, T]`, padded on the right.
        target: `[B, T]`, the next id where it belongs to the reply, else -1.
        weight: `[B, T]`, emotional weight; 0 outside the reply.
        affect: `[B, 8]`.
        tone: `[B, 2]`.
    """

    ids: I64
    target: I64
    weight: F32
    affect: F32
    tone: F32


def weights(depth: F32, rng: np.random.Generator) -> F32:
    """Emotional weights under which replies of that depth are shown, `[M]` in [0, 2]."""
    count = len(depth)
    around = _FLOOR + _SLOPE * depth + rng.uniform(-_SPREAD, _SPREAD, count)
    around[(depth < 0.25) & (rng.random(count) < _UNCONDITIONED)] = 0.0
    return np.clip(around, 0.0, 2.0).astype(np.float32)


def batches(examples: Examples, size: int, rng: np.random.Generator, exact: bool = False) -> Iterator[Batch]:
    """All examples once, in batches of like length and in random order.

    Args:
        examples: what to learn from.
        size: ids in a batch at most, padding included.
        rng: decides noise and order.
        exact: without noise on the labels, for measuring.
    """
    count = len(examples)
    affect = (
        from_category(examples.category, examples.intensity)
        if exact
        else soft_affect(examples.category, examples.intensity, rng)
    )
    weight = (_FLOOR + _SLOPE * examples.depth).astype(np.float32) if exact else weights(examples.depth, rng)
    noise = 0.0 if exact else rng.normal(0, _TONE_NOISE, (count, 2))
    tone = np.clip(examples.tone + noise, -1, 1).astype(np.float32)
    lengths = np.array([len(ids) for ids in examples.ids])
    order = np.argsort(lengths + rng.random(count), kind="stable")
    groups: list[list[int]] = []
    for i in order.tolist():
        if not groups or (len(groups[-1]) + 1) * int(lengths[i]) > size:
            groups.append([])
        groups[-1].append(i)
    for g in rng.permutation(len(groups)).tolist():
        yield _batch(examples, np.array(groups[g]), affect, tone, weight)


def _batch(examples: Examples, rows: I64, affect: F32, tone: F32, weight: F32) -> Batch:
    lists = [examples.ids[i] for i in rows.tolist()]
    lengths = np.array([len(ids) for ids in lists])
    column = np.arange(lengths.max())
    held = column < lengths[:, None]
    ids = np.full(held.shape, PAD, dtype=np.int64)
    ids[held] = np.concatenate([np.array(x, dtype=np.int64) for x in lists])
    opened = held & (column >= examples.start[rows][:, None])
    target = np.full(held.shape, -1, dtype=np.int64)
    target[:, :-1] = np.where(opened[:, :-1] & held[:, 1:], ids[:, 1:], -1)
    return Batch(ids, target, np.where(opened, weight[rows][:, None], 0).astype(np.float32), affect[rows], tone[rows])
