"""The shipped reward terms. A turn term is centred: an indifferent turn earns about nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from rlgen.affect import VALENCE, cosine, regulating_target
from rlgen.rewards.registry import Floats, TermParams, term
from rlgen.rewards.trace import Trace


class Alignment(TermParams):
    """Parameters of `alignment`.

    Attributes:
        target: `"regulate"` aims at `rlgen.affect.regulating_target` of the recognised affect;
            `"mirror"` at the recognised affect itself.
        centre: the cosine that earns nothing. A reply without emotion has .61, .85 and .70 against
            the targets of sadness, anger and fear.
    """

    target: Literal["regulate", "mirror"] = "regulate"
    centre: float = Field(default=0.7, ge=-1.0, le=1.0)

    def staying(self) -> tuple[float, float]:
        """A cosine less the centre."""
        return -1.0 - self.centre, 1.0 - self.centre


@term("alignment", Alignment, reads=("estimate.affect", "reading.affect"))
def alignment(trace: Trace, params: Alignment) -> Floats:
    """Whether the reply's words carry the affect that the recognised state asks for."""
    recognised = trace.estimate.affect
    target = regulating_target(recognised) if params.target == "regulate" else recognised
    return cosine(trace.reading.affect, target) - params.centre


class Centred(TermParams):
    """Parameters of a term that pays a value in [0, 1] about a centre: `engagement`, `coherence`.

    Attributes:
        centre: the value that earns nothing, in [0, 1].
    """

    centre: float = Field(default=0.5, ge=0.0, le=1.0)

    def staying(self) -> tuple[float, float]:
        """The value is in [0, 1]."""
        return -self.centre, 1.0 - self.centre


@term("engagement", Centred, reads=("feedback.engagement",))
def engagement(trace: Trace, params: Centred) -> Floats:
    """How engaged the person showed to be after the reply, about a centre."""
    return trace.feedback.engagement - params.centre


class Rating(TermParams):
    """`rating` has no parameters."""

    def staying(self) -> tuple[float, float]:
        """From 5 to 1 or back is one."""
        return -1.0, 1.0


@term("rating", Rating, reads=(), optional=("feedback.rating", "rating_history_mean"))
def rating(trace: Trace, params: Rating) -> Floats:
    """The person's rating against their own mean so far, over 4; 0 without a rating or a history.

    Raters differ more than replies do, so a rating says something only beside the same person's others.
    """
    change = (trace.feedback.rating - trace.rating_history_mean) / 4.0
    return np.where(np.isnan(change), 0.0, change)


class Satisfaction(TermParams):
    """Parameters of `satisfaction`.

    Attributes:
        centre: the rating that earns nothing, 1 to 5.
    """

    centre: float = Field(default=3.0, ge=1.0, le=5.0)

    def staying(self) -> tuple[float, float]:
        """From the worst rating to the best."""
        return (1.0 - self.centre) / 4.0, (5.0 - self.centre) / 4.0


@term("satisfaction", Satisfaction, reads=(), optional=("feedback.rating",))
def satisfaction(trace: Trace, params: Satisfaction) -> Floats:
    """The rating itself about a centre, over 4; 0 without one: for people who are asked once and have no history."""
    above = (trace.feedback.rating - params.centre) / 4.0
    return np.where(np.isnan(above), 0.0, above)


class Continuity(TermParams):
    """Parameters of `continuity`.

    Attributes:
        abandonment: what it costs when the person leaves because it did not help.
        completion: what it pays when the person leaves because it was enough.
        per_turn_left: what completion pays on top for each turn that was not needed.
    """

    abandonment: float = Field(default=1.0, ge=0.0)
    completion: float = Field(default=1.0, ge=0.0)
    per_turn_left: float = Field(default=0.06, ge=0.0)

    def staying(self) -> tuple[float, float]:
        """It pays at the end only."""
        return 0.0, 0.0

    def completing(self) -> tuple[float, float]:
        """As the fields say."""
        return self.completion, self.per_turn_left


@term("continuity", Continuity, reads=("turn",))
def continuity(trace: Trace, params: Continuity) -> Floats:
    """Staying until it was enough: completion pays, the more the sooner; abandonment costs."""
    completed = params.completion + params.per_turn_left * trace.turns_left
    paid: Floats = trace.feedback.completed * completed - trace.feedback.abandoned * params.abandonment
    return paid


@term("coherence", Centred, reads=("reading.relevance",))
def coherence(trace: Trace, params: Centred) -> Floats:
    """Whether the reply answers what was said, about a centre: that the interaction goes on from turn to turn."""
    return trace.reading.relevance - params.centre


class Cost(TermParams):
    """Parameters of `cost`.

    Attributes:
        most: what more is taken for; the shipped guard has five costs, each 0 or 1.
    """

    most: float = Field(default=5.0, ge=0.0)

    def staying(self) -> tuple[float, float]:
        """No cost, or the most."""
        return 0.0, self.most


@term("cost", Cost, reads=("cost",))
def cost(trace: Trace, params: Cost) -> Floats:
    """What the guard found in the reply's words, as a sum of its costs: give it a negative weight."""
    assert trace.cost is not None  # Term.__call__ has refused it
    return np.minimum(trace.cost, params.most)


class Shaping(TermParams):
    """Parameters of `shaping`.

    Attributes:
        potential: of a state, in [-1, 1]: `"valence"`, as recognised in what the person said last, or `"rating"`, the
            last one given, (rating - 3) / 2, and 0 before there is one.
        gamma: the discount that the policy is trained with. Under another one the best policy may be another.
    """

    potential: Literal["valence", "rating"] = "valence"
    gamma: float = Field(default=0.99, gt=0.0, le=1.0)

    def staying(self) -> tuple[float, float]:
        """From one end of the potential to the other."""
        return -1.0 - self.gamma, 1.0 + self.gamma

    def netting(self) -> tuple[float, float]:
        """Sums telescope: without discount a turn leaves (gamma - 1) x potential, discounted by gamma nothing."""
        return self.gamma - 1.0, 1.0 - self.gamma


@term(
    "shaping",
    Shaping,
    reads=("estimate.affect", "next_estimate.affect"),
    optional=("feedback.rating", "rating_before"),
)
def shaping(trace: Trace, params: Shaping) -> Floats:
    """Discounted potential after the turn, less that before; that of an ended dialogue is 0.

    Ng, Harada and Russell, "Policy invariance under reward transformations", ICML 1999: no such term changes which
    policy is best, whatever the potential; it pays earlier what would come later.
    """
    before: Floats
    after: Floats
    if params.potential == "valence":
        before, after = trace.estimate.affect[:, VALENCE], trace.next_estimate.affect[:, VALENCE]
    else:
        assert trace.rating_before is not None  # Term.__call__ has refused it
        last = np.where(np.isnan(trace.feedback.rating), trace.rating_before, trace.feedback.rating)
        before, after = (np.nan_to_num((given - 3.0) / 2.0) for given in (trace.rating_before, last))
    return np.where(trace.over, 0.0, params.gamma * after) - before


class Relief(TermParams):
    """`relief` has no parameters."""

    def staying(self) -> tuple[float, float]:
        """It pays at the end only."""
        return 0.0, 0.0


@term("relief", Relief, reads=("relief",))
def relief(trace: Trace, params: Relief) -> Floats:
    """Fall of the person's hidden intensity, in [-1, 1], paid once at the end: the true outcome, for research."""
    assert trace.relief is not None  # Term.__call__ has refused it
    return np.where(trace.over, trace.relief, 0.0)
