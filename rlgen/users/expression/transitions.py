"""How far what a turn sounds like depends on the same person's turn before: fitted to labelled dialogues.

People do not jump from one mood to another between two turns. How much they do not comes from MELD
(Poria et al., ACL 2019) and DailyDialog (Li et al., IJCNLP 2017), by `python -m recipes.transitions`: everyday
talk, hence a prior for support dialogues and not a fit to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from rlgen.affect import ANGER, CATEGORY_VALENCE_AROUSAL, FEAR, NUM_CATEGORIES, SADNESS
from rlgen.artifacts import load
from rlgen.errors import DataError, PopulationError
from rlgen.users.settings import Settings, Size

KIND: Final = "transitions/1"
FILE: Final = "transitions.json"

FEELINGS: Final = np.array([SADNESS, FEAR, ANGER])  # what people come with, in the order of their coefficients

F64 = NDArray[np.float64]
Spoken = Sequence[Sequence[int]]
"""One speaker's turns in one dialogue, each an index into `rlgen.affect.CATEGORIES`, or -1 where it has none."""

Kept = Annotated[float, Field(ge=0.0, lt=1.0)]
Row = tuple[Size, Size, Size, Size, Size, Size]

_PRIOR: Final = 0.5  # Jeffreys' Dirichlet prior: half a transition in every cell
_FEWEST: Final = 100  # transitions, below which six shares say nothing


class Transitions(Settings):
    """What one turn of a person tells of the next.

    Attributes:
        counts: Dirichlet posterior of the next own turn's category, a row for each category before.
        kept: `[6]`, probability that a category is kept, beyond what independent draws would repeat: for a
            category i, (P(i again) - P(i)) / (1 - P(i)), with P(i) of the data set that the pair is from.
        valence: autocorrelation of valence from one own turn to the next.
    """

    counts: tuple[Row, Row, Row, Row, Row, Row]
    kept: tuple[Kept, Kept, Kept, Kept, Kept, Kept]
    valence: Kept

    def next(self) -> F64:
        """Posterior mean of the next own turn's category, `[6, 6]`, rows sum to one."""
        counts = np.array(self.counts)
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


INDEPENDENT: Final = Transitions(counts=((1.0,) * 6,) * 6, kept=(0.0,) * 6, valence=0.0)
"""Every turn sounds as if there had been none before."""


def pairs(spoken: Spoken, lag: int = 1) -> NDArray[np.int64]:
    """Categories of turns that a speaker had `lag` own turns apart, `[P, 2]`; both have one."""
    found = [(a, b) for turns in spoken for a, b in zip(turns, turns[lag:], strict=False) if a >= 0 and b >= 0]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def joint(spoken: Spoken) -> F64:
    """How often each category was followed by each in the speaker's next turn, `[6, 6]`."""
    counts = np.zeros((NUM_CATEGORIES, NUM_CATEGORIES))
    np.add.at(counts, tuple(pairs(spoken).T), 1.0)
    return counts


def distressed(counts: F64) -> F64:
    """The part of `joint` in which both turns are sad, angry or fearful, `[3, 3]`."""
    part: F64 = counts[np.ix_(FEELINGS, FEELINGS)]
    return part


def agreement(counts: F64) -> tuple[float, float]:
    """Share of pairs of one category, and what independent draws with the same margins would give.

    Args:
        counts: `[C, C]`, from `joint`.
    """
    total = counts.sum()
    return float(np.trace(counts) / total), float(counts.sum(axis=0) @ counts.sum(axis=1) / total**2)


def fit(sources: Mapping[str, Spoken]) -> Transitions:
    """Fit to several data sets, each compared with its own base rates.

    Valence is that of the categories. A label misses what a turn really sounded like, which lowers the
    correlation of every pair alike: the ratio of the correlations two turns and one turn apart is free of that.

    Args:
        sources: data set -> its speakers' turns.

    Raises:
        DataError: a data set holds too few transitions.
    """
    counts, again, chance = np.zeros((NUM_CATEGORIES, NUM_CATEGORIES)), *np.zeros((2, NUM_CATEGORIES))
    lagged = {1: np.zeros(3), 2: np.zeros(3)}
    valences = CATEGORY_VALENCE_AROUSAL[:, 0].astype(np.float64)
    for name, spoken in sources.items():
        found = joint(spoken)
        if found.sum() < _FEWEST:
            raise DataError(f"{name}: holds {found.sum():.0f} pairs of own turns; at least {_FEWEST} are needed")
        counts += found
        base = found.sum(axis=0) / found.sum()
        before = found.sum(axis=1)
        again += np.diag(found) - before * base
        chance += before * (1.0 - base)
        valence = valences - base @ valences
        for lag, sums in lagged.items():
            a, b = valence[pairs(spoken, lag)].T
            sums += (a @ b, a @ a, b @ b)
    correlation = {lag: ab / np.sqrt(aa * bb) if aa * bb > 0 else 0.0 for lag, (ab, aa, bb) in lagged.items()}
    ratio = correlation[2] / correlation[1] if correlation[1] > 0 else 0.0
    kept = again / np.maximum(chance, 1.0)
    return Transitions.model_validate(
        {
            "counts": (counts + _PRIOR).tolist(),
            "kept": np.clip(kept, 0.0, 0.99).tolist(),
            "valence": float(np.clip(ratio, 0.0, 0.99)),
        }
    )


def read_transitions(source: str | None) -> Transitions:
    """Transitions from `"shipped:NAME"` or a folder that `python -m recipes.transitions` wrote; None: `INDEPENDENT`.

    Raises:
        ArtifactError: missing, damaged or of another kind.
        PopulationError: the numbers are impossible.
    """
    if source is None:
        return INDEPENDENT
    file = load(source, KIND).file(FILE)
    try:
        return Transitions.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (ValidationError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PopulationError(
            f"{file}: holds impossible numbers; refit with `python -m recipes.transitions`"
        ) from error
