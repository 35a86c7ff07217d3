"""Whether written texts are original: runs of words that two dialogues share, near-duplicates, texts of a data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from recipes.writing.written import Written
from rlgen.text.reading.lexical import words

RUN: Final = 6
"""Words of a run that two dialogues may share in one of a hundred cases."""
COPIED: Final = 8
"""Words in a row that no text may share with a data set."""
_NEAR: Final = 0.7  # share of the runs of three words at which two texts are the same one
_SHORT: Final = 5  # words up to which people say the same as others


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """All runs of so many words."""
    of = words(text)
    return {of[i : i + length] for i in range(len(of) - length + 1)}


@dataclass(frozen=True)
class Originality:
    """What was found.

    Attributes:
        shared: runs of `RUN` words -> names of the dialogues, two or more, that hold them.
        runs: how many different runs there are.
        near: pairs of texts of different dialogues that are all but the same.
    """

    shared: Mapping[tuple[str, ...], Sequence[str]]
    runs: int
    near: Sequence[tuple[str, str]]

    @property
    def share(self) -> float:
        """Of all runs, those that two dialogues share."""
        return len(self.shared) / self.runs if self.runs else 0.0


def originality(written: Iterable[Written]) -> Originality:
    """Compare dialogues with each other; replies to the same utterance count as one dialogue."""
    holders: dict[tuple[str, ...], set[str]] = defaultdict(set)
    triples: dict[tuple[str, ...], list[int]] = defaultdict(list)
    texts: list[tuple[str, str, set[tuple[str, ...]]]] = []
    known: set[tuple[str, str]] = set()
    for one in written:
        for text in (text for turn in one.turns for text in (turn.said, turn.reply)):
            if (one.name, text) in known:
                continue
            known.add((one.name, text))
            for run in runs(text, RUN):
                holders[run].add(one.name)
            if len(words(text)) > _SHORT:
                texts.append((one.name, text, runs(text, 3)))
    near = []
    for i, (name, text, own) in enumerate(texts):
        met: dict[int, int] = defaultdict(int)
        for run in own:
            for other in triples[run]:
                met[other] += 1
            triples[run].append(i)
        for other, common in met.items():
            whose, theirs, their_runs = texts[other]
            if whose != name and common >= _NEAR * min(len(own), len(their_runs)):
                near.append((theirs, text))
    shared = {run: sorted(names) for run, names in holders.items() if len(names) > 1}
    return Originality(shared, len(holders), near)


def copied(written: Iterable[Written], known: Iterable[str]) -> list[tuple[str, str]]:
    """Name and text of whatever shares a run of `COPIED` words with known texts."""
    theirs: set[tuple[str, ...]] = set()
    for text in known:
        theirs |= runs(text, COPIED)
    own = {(one.name, text): None for one in written for turn in one.turns for text in (turn.said, turn.reply)}
    return [(name, text) for name, text in own if not theirs.isdisjoint(runs(text, COPIED))]
