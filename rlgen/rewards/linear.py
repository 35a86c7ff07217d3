"""The learned term: a linear score of what a turn shows, of one set of coefficients or of an ensemble of them.

Its coefficients come from preferences between whole dialogues (`rlgen.rewards.preferences`), in which a dialogue is
worth the sum of its turns. A turn has no worth of its own in it: features are centred, so that an indifferent turn
earns nothing, however many of them there are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rlgen.affect import AROUSAL, VALENCE
from rlgen.rewards.registry import Floats, TermParams, term
from rlgen.rewards.trace import Trace


@dataclass(frozen=True)
class Feature:
    """One number of a turn.

    Attributes:
        least: of its values.
        most: of its values.
        of: `Trace` to `[N]`.
        ends: whether it is 0 in a turn after which the dialogue goes on; such a feature is not centred.
    """

    least: float
    most: float
    of: Callable[[Trace], Floats]
    ends: bool = False


def _rated(trace: Trace) -> Floats:
    change = (trace.feedback.rating - trace.rating_history_mean) / 4.0
    return np.where(np.isnan(change), 0.0, change)


FEATURES: Final[dict[str, Feature]] = {
    "warmth": Feature(-1, 1, lambda trace: trace.reading.warmth),
    "directiveness": Feature(-1, 1, lambda trace: trace.reading.directiveness),
    "intensity": Feature(0, 1, lambda trace: trace.reading.intensity),
    "question": Feature(0, 1, lambda trace: trace.reading.question),
    "relevance": Feature(0, 1, lambda trace: trace.reading.relevance),
    "repetition": Feature(0, 1, lambda trace: trace.reading.repetition),
    "fluency": Feature(0, 1, lambda trace: trace.reading.fluency),
    "reaction": Feature(0, 1, lambda trace: trace.reading.empathy[:, 0]),
    "interpretation": Feature(0, 1, lambda trace: trace.reading.empathy[:, 1]),
    "exploration": Feature(0, 1, lambda trace: trace.reading.empathy[:, 2]),
    "reply_valence": Feature(-1, 1, lambda trace: trace.reading.affect[:, VALENCE]),
    "valence": Feature(-1, 1, lambda trace: trace.estimate.affect[:, VALENCE]),
    "arousal": Feature(-1, 1, lambda trace: trace.estimate.affect[:, AROUSAL]),
    "engagement": Feature(0, 1, lambda trace: trace.feedback.engagement),
    "rating": Feature(-1, 1, _rated),
    "completed": Feature(0, 1, lambda trace: trace.feedback.completed.astype(np.float64), ends=True),
    "abandoned": Feature(0, 1, lambda trace: trace.feedback.abandoned.astype(np.float64), ends=True),
}
"""What a linear term may weigh, by name: the reply as read, the state that it answers, what the person showed, and the
end. `rating` is against the person's own mean so far, over 4."""


class Linear(TermParams):
    """Parameters of `linear`.

    Attributes:
        coefficients: one mapping of feature (`rlgen.rewards.linear.FEATURES`) to coefficient for each member.
        centres: feature -> the value that earns nothing, 0 where none is given; features of the end have none.
        limit: of what a turn is worth, either way, but for what is paid at the end.
        pessimism: how many standard deviations over the members the score lies below their mean.
        aggregate: `"mean"`, less `pessimism` deviations; or `"minimum"`, the worst member's score.
    """

    coefficients: tuple[dict[str, float], ...] = Field(default=({},), min_length=1)
    centres: dict[str, float] = Field(default={})
    limit: float = Field(default=1.0, gt=0.0)
    pessimism: float = Field(default=0.0, ge=0.0)
    aggregate: Literal["mean", "minimum"] = "mean"

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in {name for member in (*self.coefficients, self.centres) for name in member}:
            if name not in FEATURES:
                raise ValueError(f"there is no feature {name!r}; the features are {', '.join(FEATURES)}")
        if ends := [name for name in self.centres if FEATURES[name].ends]:
            raise ValueError(f"{ends[0]} is of the end and has no centre; leave it out")
        return self

    def staying(self) -> tuple[float, float]:
        """The limit."""
        return -self.limit, self.limit

    def completing(self) -> tuple[float, float]:
        """What the members agree on by the same rule."""
        return float(self.agreed([np.array(member.get("completed", 0.0)) for member in self.coefficients])), 0.0

    def agreed(self, scores: Sequence[Floats]) -> Floats:
        """One score `[N]` of the members'; added up member by member, so that no batch rounds otherwise."""
        if self.aggregate == "minimum":
            return functools.reduce(np.minimum, scores)
        zero = np.zeros_like(scores[0])
        mean = sum(scores, zero) / len(scores)
        variance = sum(((score - mean) ** 2 for score in scores), zero) / len(scores)
        below: Floats = mean - self.pessimism * np.sqrt(variance)
        return below


@term("linear", Linear, reads=("estimate.affect", "reading.affect", "reading.empathy", "feedback.engagement"),
      optional=("feedback.rating", "rating_history_mean"))  # fmt: skip
def linear(trace: Trace, params: Linear) -> Floats:
    """A weighted sum of what a turn shows, learned from preferences; of an ensemble its cautious end."""
    turns, ends = [], []
    for member in params.coefficients:
        turn, end = np.zeros(len(trace.turn)), np.zeros(len(trace.turn))
        for name, coefficient in member.items():
            feature = FEATURES[name]
            if feature.ends:
                end += coefficient * feature.of(trace)
            else:
                turn += coefficient * (feature.of(trace) - params.centres.get(name, 0.0))
        turns.append(turn)
        ends.append(end)
    bounded: Floats = np.clip(params.agreed(turns), -params.limit, params.limit) + params.agreed(ends)
    return bounded
