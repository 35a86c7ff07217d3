"""What a turn sounds like: a category and how far it shows, with some memory of the same person's turn before.

People do not jump from one mood to another between two turns. How much they do not comes from MELD
(Poria et al., ACL 2019) and DailyDialog (Li et al., IJCNLP 2017), by `python -m recipes.transitions`: everyday
talk, hence a prior for support dialogues and not a fit to them.
"""

from __future__ import annotations

import json
from typing import Annotated, Final

import numpy as np
from pydantic import Field, ValidationError

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, NUM_CATEGORIES, SADNESS
from rlgen.artifacts import load
from rlgen.errors import PopulationError
from rlgen.types import F64, I64
from rlgen.users.settings import Settings, Size

KIND: Final = "transitions/1"
FILE: Final = "transitions.json"

FEELINGS: Final = np.array([SADNESS, FEAR, ANGER])  # what people come with, in the order of their coefficients
_CALM: Final = np.isin(np.arange(NUM_CATEGORIES), (NEUTRAL, HAPPINESS))

Kept = Annotated[float, Field(ge=0.0, lt=1.0)]
Row = tuple[Size, Size, Size, Size, Size, Size]


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


INDEPENDENT: Final = Transitions(counts=((1.0,) * 6,) * 6, kept=(0.0,) * 6, valence=0.0)
"""Every turn sounds as if there had been none before."""


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


class EmotionChain:
    """How N people sounded last, and how they sound next.

    A turn keeps the last one's category with the probability of `Transitions.kept`, else it is drawn from
    what the person feels now (`sounding`): what one feels decides how often each category comes, the
    memory in which order. Likewise intensity and arousal show with deviations that have the
    same size at every turn and are correlated by `Transitions.valence` from turn to turn.

    Args:
        rows: N.
        transitions: the memory.
    """

    def __init__(self, rows: int, transitions: Transitions) -> None:
        self._kept = np.array(transitions.kept)
        self._correlation = transitions.valence
        self._fresh = np.sqrt(1.0 - transitions.valence**2)
        self._last = np.full(rows, -1)
        self._deviation = np.zeros((rows, 2))

    def enter(self, rows: I64) -> None:
        """New people in some rows: their next turn has none before it."""
        self._last[rows] = -1

    def turn(
        self, rows: I64, feeling: I64, calm: F64, happy: F64, mixed: float, leaving: I64, uniform: F64, noise: F64
    ) -> tuple[I64, F64]:
        """How the next turns of some rows sound.

        Args:
            rows: `[K]`.
            feeling: 0 sadness, 1 fear, 2 anger: what one mainly feels.
            calm: probability of sounding neutral or happy; nobody opens so.
            happy: share of happy among these.
            mixed: probability that a distressed turn shows one of the other two feelings.
            leaving: 1 where one leaves content (and sounds calm), -1 where disappointed, else 0.
            uniform: one draw each.
            noise: `[K, 2]` standard normal.

        Returns:
            Categories `[K]`, and by how many standard deviations shown intensity and arousal differ from
            felt ones, `[K, 2]`.
        """
        last = self._last[rows]
        opening = last < 0
        calm = np.where(leaving > 0, 1.0, np.where((leaving < 0) | opening, 0.0, calm))
        barred = opening | np.where(_CALM[last], leaving < 0, leaving > 0)
        keep = np.where(barred, 0.0, self._kept[last])
        again = uniform < keep
        fresh = sounding(feeling, calm, happy, mixed, np.where(again, uniform, (uniform - keep) / (1.0 - keep)))
        self._last[rows] = category = np.where(again, last, fresh)
        kept = self._correlation * self._deviation[rows] + self._fresh * noise
        self._deviation[rows] = deviation = np.where(opening[:, None], noise, kept)
        return category, deviation


def sounding(feeling: I64, calm: F64, happy: F64, mixed: float, uniform: F64) -> I64:
    """A category from what one feels, `[K]`; arguments as for `EmotionChain.turn`."""
    calmly = uniform < calm
    low, high = np.where(calmly, 0.0, calm), np.where(calmly, calm, 1.0)
    within = (uniform - low) / (high - low)
    other = np.where(within < mixed, 1 + (within < mixed / 2), 0)
    distressed = FEELINGS[(feeling + other) % len(FEELINGS)]
    return np.where(calmly, np.where(within < happy, HAPPINESS, NEUTRAL), distressed)
