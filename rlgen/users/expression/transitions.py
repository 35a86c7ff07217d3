"""How far what a turn sounds like depends on the same person's turn before: fitted to labelled dialogues.

People do not jump from one mood to another between two turns. How much they do not comes from MELD
(Poria et al., ACL 2019) and DailyDialog (Li et al., IJCNLP 2017), by `python -m recipes.transitions`: everyday
talk, hence a prior for support dialogues and not a fit to them.
"""

from __future__ import annotations

import json
from typing import Annotated, Final

import numpy as np
from pydantic import Field, ValidationError

from rlgen.affect import ANGER, FEAR, SADNESS
from rlgen.artifacts import load
from rlgen.errors import PopulationError
from rlgen.users.settings import Settings, Size

KIND: Final = "transitions/1"
FILE: Final = "transitions.json"

FEELINGS: Final = np.array([SADNESS, FEAR, ANGER])  # what people come with, in the order of their coefficients

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
