"""Whether relevance tells a reply that answers from one that answers something else, on dialogues kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.figures import Figure, auc
from recipes.readers.fit import embed
from recipes.readers.relevance import CONTRASTS, Contrast, Exchange, contrasted, encoded, human, own
from rlgen.text.reading.heads import F32
from rlgen.text.reading.reader import Reader
from rlgen.text.reading.relevance import FEATURES, Heard

TARGETS: Final = {("esconv", "another topic"): 0.85, ("esconv", "same topic"): 0.7, ("esconv", "same dialogue"): 0.7}
EXAMPLES: Final = (
    ("I feel so hopeless about it.", "That hopelessness sounds heavy. What happened?"),
    ("I feel so hopeless about it.", "I can hear the sheer delight in you."),
    ("I feel so hopeless about it.", "Have the last coffee at noon."),
    ("My cat died last night.", "I'm so sorry about your cat."),
    ("My cat died last night.", "The train leaves at nine."),
    ("My cat died last night.", "Tell me more."),
)
_FEWEST: Final = 50  # contrasts of a kind that a figure stands on
_DRAWS: Final = 400
_LOTS: Final = 5  # contrasts drawn for each exchange; with one, the figure moves by .01 from seed to seed
_MEASURED: Final[tuple[Contrast, ...]] = (*CONTRASTS, "another dialogue")


def relevance_figures(data: Path, reader: Reader, seed: int = 1) -> list[Figure]:
    """AUC of true replies against contrasts of each kind, by source, beside the cosine and the shared words.

    Each AUC comes with a 95 % interval over dialogues, percentiles of a bootstrap, in its name.
    """
    found = []
    rng = np.random.default_rng(seed)
    everything = [*human(data, held_out=True), *own(seed, held_out=True)]
    for source in dict.fromkeys(one.source for one in everything):
        of = [one for one in everything if one.source == source]
        on = encoded(of, lambda texts: embed(reader.encoder, texts))
        for how in _MEASURED:
            drawn = [contrasted(of, how, rng) for _ in range(_LOTS)]
            whose, which = (np.concatenate(side) for side in zip(*drawn, strict=True))
            if len(whose) < _FEWEST * _LOTS:
                continue
            lots = [on.pairs(whose, index) for index in (whose, which)]
            true, other = (reader.relevance.score(*lot) for lot in lots)
            features = [reader.relevance.features(*lot) for lot in lots]
            low, high = _interval(true, other, [of[i] for i in whose.tolist()], rng)
            label = f"relevance: {source}, reply to {how.replace('same', 'another turn, same')}"
            target = TARGETS.get((source, how))
            told = f"{label} [{low:.3f}, {high:.3f}]" + (f", target {target:g}" if target else "")
            for name in ("cosine", "shared words"):
                column = FEATURES.index(name)
                plain = _auc(features[0][:, column], features[1][:, column])
                found.append(Figure("readers", f"{told}; beside {name}", _auc(true, other), plain))
    said, replies = map(list, zip(*EXAMPLES, strict=True))
    vectors = [embed(reader.encoder, texts) for texts in (said, replies)]
    for one, other, value, cosine in zip(
        said, replies, reader.relevance.score(replies, vectors[1], Heard.alone(said, vectors[0])),
        (vectors[0] * vectors[1]).sum(axis=1), strict=True,
    ):  # fmt: skip
        found.append(
            Figure("readers", f"relevance of {other!r} to {one!r}; beside cosine", float(value), float(cosine))
        )
    return found


def _auc(true: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return auc(np.concatenate([true, other]), np.repeat([True, False], [len(true), len(other)]))


def _interval(true: F32, other: F32, of: list[Exchange], rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the AUC over draws of whole dialogues."""
    numbers = np.unique([one.dialogue for one in of], return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    drawn = []
    for _ in range(_DRAWS):
        rows = np.concatenate([parts[i] for i in rng.integers(len(parts), size=len(parts)).tolist()])
        drawn.append(_auc(true[rows], other[rows]))
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))
