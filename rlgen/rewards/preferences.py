"""From preferences between whole dialogues to the coefficients of a `linear` term.

Of two dialogues, the one whose person ended better is preferred, with the chance that Bradley and Terry ("Rank analysis
of incomplete block designs", Biometrika 1952) give it; a dialogue is worth the sum of its turns, as in Christiano et
al., "Deep reinforcement learning from human preferences" (NeurIPS 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit

from rlgen.affect import SURVEY_POINTS
from rlgen.errors import DataError
from rlgen.rewards.composition import RewardDesign, Weighted
from rlgen.rewards.linear import FEATURES, Linear
from rlgen.rewards.trace import Trace
from rlgen.types import F64, I64, Bools

RIDGE: Final = 1.0  # a standard normal prior on coefficients of standardised sums
_STEPS: Final = 100
_DIGITS: Final = 4
_FEWEST: Final = 20  # dialogues


@dataclass(frozen=True)
class Dialogues:
    """What preferences are fitted on.

    Attributes:
        sums: `[D, F]`, features of `rlgen.rewards.linear.FEATURES` in their order, centred and summed over turns.
        outcome: `[D]`, how much better the person felt in the end, in [-1, 1].
        length: `[D]` turns.
        completed: `[D]`, whether the person left content.
    """

    sums: F64
    outcome: F64
    length: I64
    completed: Bools

    @classmethod
    def of(cls, trace: Trace, dialogue: I64, centres: F64) -> Dialogues:
        """Of turns.

        Args:
            trace: K turns, with relief.
            dialogue: `[K]`, 0 to D - 1, whose turn each is.
            centres: `[F]`, see `centres_of`.
        """
        assert trace.relief is not None
        count = int(dialogue.max()) + 1
        features = turn_features(trace) - centres
        last = np.flatnonzero(trace.over)
        outcome, completed = np.zeros(count), np.zeros(count, dtype=np.bool_)
        outcome[dialogue[last]] = trace.relief[last]
        completed[dialogue[last]] = trace.feedback.completed[last]
        return cls(
            sums=np.stack([np.bincount(dialogue, column, count) for column in features.T], axis=1),
            outcome=outcome,
            length=np.bincount(dialogue, minlength=count).astype(np.int64),
            completed=completed,
        )

    def rows(self, index: I64) -> Dialogues:
        """Some of them."""
        return Dialogues(self.sums[index], self.outcome[index], self.length[index], self.completed[index])


def turn_features(trace: Trace) -> F64:
    """`[K, F]`, the features of K turns."""
    return np.stack([np.asarray(feature.of(trace), dtype=np.float64) for feature in FEATURES.values()], axis=1)


def centres_of(trace: Trace) -> F64:
    """`[F]`, means over turns; 0 for features of the end."""
    ends = np.array([feature.ends for feature in FEATURES.values()])
    return np.where(ends, 0.0, turn_features(trace).mean(axis=0))


def preferences(outcome: F64, each: int, noise: float, rng: np.random.Generator) -> tuple[I64, I64]:
    """Pairs of dialogues, the preferred one first.

    Args:
        outcome: `[D]`.
        each: in how many pairs a dialogue is the first that is drawn.
        noise: scale of the logistic noise of a choice, in units of the outcome; 0: who ended better is preferred.
        rng: draws the others and the choices.

    Returns:
        Indices `[D * each]` of the preferred ones and of the others.
    """
    first = np.tile(np.arange(len(outcome)), each)
    second = (first + rng.integers(1, len(outcome), len(first))) % len(outcome)
    apart = outcome[first] - outcome[second]
    chance = expit(apart / noise) if noise > 0 else (np.sign(apart) + 1) / 2
    keep = rng.random(len(first)) < chance
    return np.where(keep, first, second), np.where(keep, second, first)


def fit(differences: F64, ridge: float = RIDGE) -> F64:
    """Coefficients by penalised maximum likelihood: Newton's method, on a concave function.

    Args:
        differences: `[P, F]`, sums of the preferred dialogue less those of the other.
        ridge: precision of the prior on coefficients of differences of deviation 1.

    Returns:
        `[F]`; 0 for features that never differ.
    """
    scale = np.sqrt((differences**2).mean(axis=0))
    scale[scale == 0] = 1.0  # the prior alone tells of such a feature: 0
    x = differences / scale
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        chance = expit(x @ beta)
        gradient = x.T @ (1 - chance) - ridge * beta
        curvature = (x * (chance * (1 - chance))[:, None]).T @ x + ridge * np.eye(len(beta))
        step = np.linalg.solve(curvature, gradient)
        beta += step / max(1.0, float(np.abs(step).max()))  # a long step may overshoot
        if np.abs(step).max() < 1e-10:
            break
    found: F64 = beta / scale
    return found


def right(worth: NDArray[np.floating], preferred: I64, other: I64) -> float:
    """Share of pairs of which the preferred one is worth more; a tie is half right."""
    apart = worth[preferred] - worth[other]
    return float(((apart > 0) + 0.5 * (apart == 0)).mean())


class Settings(BaseModel):
    """How a reward is learned.

    Attributes:
        each: in how many pairs each dialogue is compared with another one.
        noise: scale of the logistic noise of a choice, in points of the survey, which asks from 1 to 5.
        held_out: share of dialogues on which the reward is judged and not fitted.
        members: fits, each on a bootstrap sample of the dialogues; 1 is fitted on all of them.
        pessimism: see `rlgen.rewards.linear.Linear`.
        limit: of what a turn may pay; completion pays as much for each turn left, so that prolonging never pays.
        seed: of splits, pairs and choices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: int = Field(default=8, ge=1)
    noise: float = Field(default=0.5, ge=0.0)
    held_out: float = Field(default=0.25, gt=0.0, lt=1.0)
    members: int = Field(default=1, ge=1)
    pessimism: float = Field(default=0.0, ge=0.0)
    limit: float = Field(default=0.1, gt=0.0)
    seed: int = Field(default=0, ge=0)


def learn(trace: Trace, dialogue: I64, name: str, settings: Settings) -> tuple[RewardDesign, dict[str, float]]:
    """A design whose `linear` term is fitted to who ended better.

    What completing and abandoning are worth is part of the fit, and scaled to be 2 apart. `continuity` adds what keeps
    the law: as much for each turn left as a turn can pay, and for abandoning the worst that turns can cost.

    Args:
        trace: K turns of whole dialogues, with relief.
        dialogue: `[K]`, 0 to D - 1, whose turn each is.
        name: of the design.
        settings: how.

    Returns:
        The design, and on held-out pairs the share that it orders as people did, beside what trivial rules do.

    Raises:
        DataError: too few dialogues, all with the same outcome, or completing is not preferred to abandoning in them.
    """
    rng, judging = (np.random.default_rng([settings.seed, purpose]) for purpose in range(2))
    if int(dialogue.max(initial=0)) < _FEWEST:
        raise DataError(f"{dialogue.max(initial=0) + 1} dialogues are too few to learn from; give at least {_FEWEST}")
    centres = np.round(centres_of(trace), _DIGITS)
    told = Dialogues.of(trace, dialogue, centres)
    if np.ptp(told.outcome) == 0:
        raise DataError("all dialogues ended equally well, or nobody was asked; preferences need the people's surveys")
    order = rng.permutation(len(told.outcome))
    held = round(settings.held_out * len(order))
    fitted, noise = told.rows(order[held:]), settings.noise / SURVEY_POINTS
    found = []
    for _ in range(settings.members):
        one = fitted
        if settings.members > 1:
            one = fitted.rows(rng.integers(0, len(fitted.outcome), len(fitted.outcome)))
        preferred, other = preferences(one.outcome, settings.each, noise, rng)
        found.append(fit(one.sums[preferred] - one.sums[other]))
    names = list(FEATURES)
    apart = float(np.mean([each[names.index("completed")] - each[names.index("abandoned")] for each in found]))
    if apart <= 0:
        raise DataError("in these dialogues, completing is not preferred to abandoning; check their outcomes")
    linear = Linear(
        coefficients=tuple(_written(each * 2 / apart) for each in found),
        centres={key: value for key, value in _written(centres).items() if not FEATURES[key].ends},
        limit=settings.limit,
        pessimism=settings.pessimism,
    )
    worst = (trace.max_turns - 1) * settings.limit
    design = RewardDesign(
        name=name,
        terms={
            "linear": Weighted(weight=1.0, params=linear.model_dump()),
            "continuity": Weighted(
                weight=1.0, params={"abandonment": worst, "completion": 0.0, "per_turn_left": settings.limit}
            ),
        },
    )
    worth = np.bincount(dialogue, design.score(trace)[0])[order[:held]]
    rest = told.rows(order[:held])
    preferred, other = preferences(rest.outcome, settings.each, noise, judging)
    rules = {
        "this reward": worth,
        "always the longer dialogue": rest.length,
        "the completed one": rest.completed.astype(float),
        "a coin": np.zeros(held),
        "who did end better": rest.outcome,
    }
    return design, {rule: right(values, preferred, other) for rule, values in rules.items()}


def _written(values: F64) -> dict[str, float]:
    return {key: round(float(value), _DIGITS) for key, value in zip(FEATURES, values, strict=True)}
