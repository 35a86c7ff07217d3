"""Plain statistics of texts: distinctness, shared phrases, and n-gram models as independent yardsticks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_TOKENS: Final = re.compile(r"[\w'’-]+|[^\w\s]")
_START, _END, _UNKNOWN = "<s>", "</s>", "<unk>"
_DISCOUNT: Final = 0.75  # the usual one for Kneser-Ney where counts are not fitted


def tokens(text: str) -> list[str]:
    """Words and marks of a text, in lower case."""
    return _TOKENS.findall(text.lower())


def distinct(texts: Iterable[str], n: int) -> float:
    """Distinct runs of n tokens over all of them (Li et al., NAACL 2016); it falls with the number of texts."""
    runs = [run for text in texts for run in _runs(tokens(text), n)]
    return len(set(runs)) / max(len(runs), 1)


def expectation_adjusted_distinct(texts: Iterable[str], vocabulary: int) -> float:
    """Distinct tokens over how many a uniform draw of as many from the vocabulary would have (Liu et al., ACL 2022).

    Unlike `distinct` it does not fall merely because there is more text.

    Args:
        texts: N texts.
        vocabulary: tokens that could have been said.
    """
    said = [token for text in texts for token in tokens(text)]
    expected = vocabulary * (1.0 - ((vocabulary - 1.0) / vocabulary) ** len(said))
    return len(set(said)) / expected if said else 0.0


def unique(texts: Sequence[str]) -> float:
    """Share of different texts."""
    return len(set(texts)) / len(texts)


def top_phrase(texts: Sequence[str], words: int = 4) -> tuple[str, float]:
    """The run of words that most texts hold, and the share of texts that hold it."""
    held: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        held.update(set(_runs(text.lower().split(), words)))
    if not held:
        return "", 0.0
    phrase, count = held.most_common(1)[0]
    return " ".join(phrase), count / len(texts)


def _runs(items: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(items[i:] for i in range(n)), strict=False)


@dataclass(frozen=True)
class Trigrams:
    """An interpolated Kneser-Ney model of three tokens (Kneser and Ney, ICASSP 1995; Chen and Goodman, 1999).

    It knows what a text looks like from place to place and nothing else: a yardstick of fluency that
    shares no weight with a generator. A token that it never met is an unknown one.
    """

    counts: tuple[dict[tuple[str, ...], Counter[str]], ...]
    vocabulary: frozenset[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Trigrams:
        """Count."""
        seen: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for text in texts:
            padded = [_START, _START, *tokens(text), _END]
            for i in range(2, len(padded)):
                seen[padded[i - 2], padded[i - 1]][padded[i]] += 1
        # Lower orders count in how many contexts a token stands, not how often.
        pairs: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for (_, previous), after in seen.items():
            pairs[previous,].update(after.keys())
        singles: dict[tuple[str, ...], Counter[str]] = {(): Counter()}
        for after in pairs.values():
            singles[()].update(after.keys())
        return cls((singles, dict(pairs), dict(seen)), frozenset(singles[()]))

    def probability(self, context: tuple[str, ...], token: str) -> float:
        """Of a token after at most two others; over the vocabulary and the unknown token they sum to 1."""
        chance = 1.0 / (len(self.vocabulary) + 1)
        for order, table in enumerate(self.counts):
            after = table.get(context[len(context) - order :])
            if after is None:
                continue
            total = after.total()
            chance = (max(after[token] - _DISCOUNT, 0.0) + _DISCOUNT * len(after) * chance) / total
        return chance

    def nats(self, text: str) -> tuple[float, int]:
        """Negative log-likelihood of a text with its end, and its tokens."""
        said = [token if token in self.vocabulary else _UNKNOWN for token in (*tokens(text), _END)]
        padded = [_START, _START, *said]
        chances = [self.probability((padded[i], padded[i + 1]), token) for i, token in enumerate(said)]
        return -float(np.log(chances).sum()), len(said)

    def perplexity(self, texts: Sequence[str]) -> float:
        """Per token, over all texts."""
        nats, count = zip(*(self.nats(text) for text in texts), strict=True)
        return float(np.exp(sum(nats) / sum(count)))


def byte_entropy(texts: Sequence[str], context: int) -> float:
    """Bits per byte that a table of byte frequencies needs for the very texts that it was counted on.

    Args:
        texts: N texts, taken as UTF-8.
        context: 0 for single bytes, 1 for bytes given the one before.
    """
    data = np.frombuffer("\n".join(texts).encode(), dtype=np.uint8).astype(np.int64)
    before: NDArray[np.int64] = data[:-1] if context else np.zeros(len(data) - 1, dtype=np.int64)
    table = np.bincount(before * 256 + data[1:], minlength=256 * 256).reshape(256, 256).astype(np.float64)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return float(-(table[table > 0] * np.log2(share[table > 0])).sum() / table.sum())
