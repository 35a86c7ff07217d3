"""Ways in which a text goes wrong, with the words where it does: training data for fluency."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

Marked = tuple[list[str], list[bool], bool]
"""Words, whether each is wrong where it stands, and whether the end is wrong."""

KINDS: Final = ("replace", "follow", "swap", "drop", "insert", "cut", "glue", "garble", "mixed")


class Corruptor:
    """Corrupts texts with words and neighbours of words from the texts it was given.

    Args:
        texts: human texts.
        seed: of all draws.
    """

    def __init__(self, texts: Sequence[str], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._texts = [text.split() for text in texts]
        self._words = [word for text in self._texts for word in text]
        self._after: dict[str, list[str]] = defaultdict(list)
        for text in self._texts:
            for a, b in itertools.pairwise(text):
                self._after[a.lower()].append(b)

    def _below(self, high: int) -> int:
        return int(self._rng.integers(high))

    def _any_word(self) -> str:
        return self._words[self._below(len(self._words))]

    def _follower(self, word: str) -> str:
        """A word that somewhere follows this one: fits its left neighbour, seldom the rest."""
        known = self._after.get(word.lower())
        return known[self._below(len(known))] if known else self._any_word()

    def _garbled(self, word: str) -> str:
        other, at = self._any_word(), 1 + self._below(max(len(word) - 1, 1))
        way = self._below(3)
        if way == 0:
            return word[:at] + other[self._below(len(other)) :]
        if way == 1:
            return word[:at] + word[at + 1 :] if len(word) > 3 else word + other
        return word + other[-3:]

    def __call__(self, words: Sequence[str], kind: str, rate: float) -> Marked:
        """One corrupted text.

        Args:
            words: of a human text.
            kind: one of `KINDS`.
            rate: share of words to touch, in (0, 1].
        """
        rng = self._rng
        if kind == "mixed":
            marked: Marked = (list(words), [False] * len(words), False)
            for _ in range(2):
                again = self(marked[0], KINDS[self._below(len(KINDS) - 1)], rate / 2)
                if len(again[0]) == len(marked[0]):
                    marked = (
                        again[0],
                        [a or b for a, b in zip(again[1], marked[1], strict=True)],
                        again[2] or marked[2],
                    )
                elif not any(marked[1]):
                    marked = again
            return marked
        hit = rng.random(len(words)) < rate
        hit[self._below(len(words))] = True
        out: list[str] = []
        wrong: list[bool] = []
        if kind in ("replace", "follow", "garble"):
            for i, word in enumerate(words):
                if not hit[i]:
                    out.append(word)
                elif kind == "replace":
                    out.append(self._any_word())
                elif kind == "garble":
                    out.append(self._garbled(word))
                else:
                    out.append(self._follower(out[-1] if out else word))
                wrong.append(bool(hit[i]) and out[-1].lower() != word.lower())
            return out, wrong, False
        if kind == "swap":
            order = np.arange(len(words))
            touched = np.flatnonzero(hit)
            if len(touched) < 2:
                touched = np.array([touched[0], (touched[0] + 1) % len(words)])
            order[touched] = np.roll(touched, 1)
            out = [words[int(i)] for i in order]
            return out, [a.lower() != b.lower() for a, b in zip(out, words, strict=True)], False
        if kind == "drop":
            gap = False
            for word, gone in zip(words, hit, strict=True):
                if gone:
                    gap = True
                    continue
                out.append(word)
                wrong.append(gap)
                gap = False
            return (out, wrong, gap) if out else (list(words), [False] * len(words), False)
        if kind == "insert":
            for word, more in zip(words, hit, strict=True):
                if more:
                    out.append(self._any_word() if rng.random() < 0.7 else word)
                    wrong.append(True)
                out.append(word)
                wrong.append(False)
            return out, wrong, False
        if kind == "cut":
            at = 1 + self._below(max(len(words) - 1, 1))
            return list(words[:at]), [False] * at, at < len(words)
        other = self._texts[self._below(len(self._texts))]
        at, start = 1 + self._below(len(words)), self._below(len(other))
        out = [*words[:at], *other[start:]]
        return out, [i in (at, at + 1) and start > 0 for i in range(len(out))], False

    def shuffled(self, words: Sequence[str]) -> list[str]:
        """The same words in random order."""
        return [words[int(i)] for i in self._rng.permutation(len(words))]
