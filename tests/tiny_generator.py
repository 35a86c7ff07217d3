"""A made-up corpus of a few phrases, a generator trained on it for a few seconds, and what it can be asked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recipes.generator.fit import Corpus, Recipe, fit
from recipes.generator.real import RealDialogue, RealTurn
from rlgen.types import Context, Controls, Estimate

THINGS = ("exam", "job", "sister", "move", "knee", "rent")
FEELINGS = ((2, "sad"), (3, "angry"), (4, "afraid"), (0, "fine"))


def told() -> list[RealDialogue]:
    """All combinations: the reply's words name the thing and show tone and depth."""
    made = []
    for thing, (category, feeling), warm, led, deep in itertools.product(
        THINGS, FEELINGS, (-1, 0, 1), (-1, 0, 1), (0.0, 0.5, 1.0)
    ):
        opening = {-1: "Noted.", 0: "I see.", 1: "I am so glad you told me."}[warm]
        depth = {0.0: "", 0.5: f" That is {feeling}.", 1.0: f" Oh, how deeply {feeling} this is."}[deep]
        close = {-1: f" What about the {thing}?", 0: f" The {thing}.", 1: f" Call about the {thing} today."}[led]
        labels = (category, 0.8, warm, led, deep)
        turn = RealTurn(f"My {thing} makes me {feeling}.", opening + depth + close, *labels)
        made.append(RealDialogue((RealTurn("Hello.", opening, *labels[:3], 0, 0.0), turn) if led == 0 else (turn,)))
    return made


def corpus() -> Corpus:
    """The combinations, some of them held out as well."""
    exchanges = told()
    return Corpus(lambda _: exchanges, {"again": exchanges[::7]}, "made up for a test")


def make(target: Path) -> Path:
    """A folder of a tiny generator that has learned the corpus."""
    fit(Recipe(size="tiny", tokens=200_000, batch_tokens=2048, learning_rate=4e-3), corpus(), target, "a test")
    return target


def asked(
    rows: int, warmth: float = 0.0, directiveness: float = 0.0, temperature: float = 0.8, weight: float = 1.0
) -> Controls:
    """The same controls for every row."""
    return Controls(*(np.full(rows, v, dtype=np.float32) for v in (warmth, directiveness, temperature, weight)))


def estimated(category: Sequence[int]) -> Estimate:
    """Confident estimates."""
    from rlgen.affect import from_category

    rows = len(category)
    return Estimate(
        vector=np.zeros((rows, 4), dtype=np.float32),
        affect=from_category(np.array(category, dtype=np.int64), np.full(rows, 0.8)),
        uncertainty=np.zeros((rows, 3), dtype=np.float32),
        present=np.ones((rows, 3), dtype=bool),
    )


def opening(texts: Sequence[str]) -> Context:
    """Windows of one text each."""
    return Context([[t] for t in texts], np.zeros(len(texts), dtype=np.int64))
