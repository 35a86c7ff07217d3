"""How much of a text its speaker has said before, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.text.reading import lexical

_N: Final = 3
_CLAUSE: Final = re.compile(r"[.!?;:,]|\b(?:and|but|because|so|only|then)\b", re.IGNORECASE)
_CLAUSE_WORDS: Final = 4  # fewer are turns of phrase that anyone may use twice


@lru_cache(maxsize=16384)
def _trigrams(text: str) -> frozenset[tuple[str, ...]]:
    said = lexical.words(text)
    if not said:
        return frozenset()
    if len(said) < _N:
        return frozenset([said])
    return frozenset(zip(said, said[1:], said[2:], strict=False))


@lru_cache(maxsize=16384)
def _sentences(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(found for part in lexical.sentences(text) if (found := lexical.words(part)))


def _share(text: str, earlier: Sequence[str]) -> float:
    own = _trigrams(text)
    if not own or not earlier:
        return 0.0
    said: frozenset[tuple[str, ...]] = frozenset().union(*map(_trigrams, earlier))
    again = len(own & said) / len(own)
    whole = {sentence for past in earlier for sentence in _sentences(past)}
    parts = _sentences(text)
    verbatim = sum(len(part) for part in parts if part in whole) / sum(map(len, parts))
    return max(again, verbatim)


def clauses(text: str) -> frozenset[tuple[str, ...]]:
    """The clauses of a text that would sound like a repetition in another: their words, four or more."""
    found = (lexical.words(part) for part in _CLAUSE.split(text))
    return frozenset(said for said in found if len(said) >= _CLAUSE_WORDS)


def repetition(texts: Sequence[str], earlier: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Share of what is said that was said before.

    The larger of two shares: of the text's distinct word trigrams that occur in an earlier turn, and
    of its words that stand in a sentence which was said verbatim. Texts of one or two words count as
    one n-gram. Case and punctuation do not matter.

    Args:
        texts: N texts.
        earlier: for each, the same speaker's earlier turns.

    Returns:
        `[N]` in [0, 1]: 0 where nothing recurs or nothing came before, 1 for an exact repeat.
    """
    return np.array([_share(text, past) for text, past in zip(texts, earlier, strict=True)], dtype=np.float32)
