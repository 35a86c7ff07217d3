"""A bias towards positive or negative, strong or mild words, for any decoder whose ids come from a vocabulary.

The lexicon is a short list of the project's own (`polarity.yaml`). What it knows of a token is
decided once, from the vocabulary alone; a decoder adds

    lean = strength * (p * polarity + i * intensity)

to its logits, p and i in [-1, 1] being the valence and the arousal that the reply should have.
It moves which words are chosen, not what is said with them: "not happy" counts as happy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from torch import Tensor

from rlgen.affect import AROUSAL, VALENCE, regulating_target
from rlgen.config import read_yaml
from rlgen.errors import ConfigError
from rlgen.types import F32

LEXICON: Final = Path(__file__).with_name("polarity.yaml")
_SIDES: Final = ("positive", "negative", "strong", "mild")

# Words are tokenized behind this one, so that they begin with the space that they have inside a sentence.
_BEFORE: Final = "so"
# A first piece counts if it is at least this share of its word: " un" promises nothing, " wonder" does.
_LEAST_SHARE: Final = 0.5


@dataclass(frozen=True)
class Polarity:
    """What a lexicon says of the tokens of a vocabulary.

    Attributes:
        polarity: `[V]` in [-1, 1]: 1 for the tokens of positive words, -1 for those of negative ones.
        intensity: `[V]` in [-1, 1]: 1 for strong words, -1 for mild ones.
    """

    polarity: F32
    intensity: F32

    def array(self) -> F32:
        """Both, `[2, V]`."""
        return np.stack([self.polarity, self.intensity])


@lru_cache(maxsize=1)
def lexicon() -> dict[str, tuple[str, ...]]:
    """The words: side, of `positive`, `negative`, `strong` and `mild`, -> lower-case words."""
    lists = read_yaml(LEXICON)
    return {side: tuple(str(lists[side]).split()) for side in _SIDES}


def of_vocabulary(
    encode: Callable[[list[str]], Sequence[Sequence[int]]],
    decode: Callable[[list[list[int]]], Sequence[str]],
    size: int,
) -> Polarity:
    """Find the words of the lexicon in a vocabulary.

    A word counts, small or with a capital, by its token behind a space: 1 or -1. Where it has
    several, its first counts by the share of the word's letters in it, from a half on; a token that
    begins several words so, and is none itself, has the mean of what they say.

    Args:
        encode: texts to ids, without special tokens; e.g. `Tokenizer.encode` of the embedded model.
        decode: lists of ids to texts.
        size: number of logits V, at least that of ids.

    Returns:
        Zeros for every other token; wholly zero for a vocabulary without English words.

    Raises:
        ConfigError: the vocabulary has more ids than there are logits.
    """
    words = [(word, side) for side, some in lexicon().items() for word in some]
    forms = [(form, side) for word, side in words for form in (word, word.capitalize())]
    alone, *ids = encode([_BEFORE, *(f"{_BEFORE} {form}" for form, _ in forms)])
    firsts = [row[len(alone)] if _follows(row, alone) else -1 for row in ids]
    if max(firsts) >= size:
        raise ConfigError(
            f"the vocabulary has the id {max(firsts)}, but there are {size} logits; they are not of one model"
        )
    pieces = decode([[max(i, 0)] for i in firsts])
    said: dict[tuple[int, int], list[float]] = {}
    for (form, side), i, piece in sorted(zip(forms, firsts, pieces, strict=True), key=lambda known: len(known[0][0])):
        begun = piece.strip()
        share = len(begun) / len(form) if i >= 0 and form.startswith(begun) else 0.0
        axis, sign = int(side in ("strong", "mild")), 1.0 if side in ("positive", "strong") else -1.0
        others = said.setdefault((axis, i), [])
        if share >= _LEAST_SHARE and 1.0 not in map(abs, others):  # shorter words come first, whole ones before all
            others.append(sign * share)
    found = np.zeros((2, size), dtype=np.float32)
    for (axis, i), values in said.items():
        if values:
            found[axis, i] = np.mean(values)
    return Polarity(found[0], found[1])


def leaning(strength: float, weight: F32, affect: F32) -> F32:
    """How far rows lean, `[N, 2]`: towards valence and arousal of the regulating target.

    Args:
        strength: logits that wholly positive (strong) words gain at emotional weight 1 where the reply
            should be wholly positive (strong).
        weight: `[N]`, emotional weight.
        affect: `[N, 8]`, as recognised.
    """
    target = regulating_target(np.asarray(affect, dtype=np.float32))[:, [VALENCE, AROUSAL]]
    return np.asarray(strength * weight[:, None] * target, dtype=np.float32)


def lean(logits: Tensor, leaning: Tensor, words: Tensor) -> Tensor:
    """Logits with the bias added.

    A row whose leaning is zero keeps its logits; a row's bits do not depend on the others'.

    Args:
        logits: `[N, V]`.
        leaning: `[N, 2]`, strength times p and i; see `leaning`.
        words: `[2, V]`, from `Polarity.array`.
    """
    # Not a matrix product, whose bits can depend on the number of rows.
    return logits + (leaning[:, :1] * words[0] + leaning[:, 1:] * words[1])


def _follows(row: Sequence[int], before: Sequence[int]) -> bool:
    return len(row) > len(before) and list(row[: len(before)]) == list(before)
