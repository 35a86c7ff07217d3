"""Fit the ladder of baselines: the best that simple rules can do, which a policy has to beat.

Every rule is searched on the same budget of simulated people with the cross-entropy method
(Rubinstein, 1999; De Boer et al., 2005); within an iteration all candidates meet the same people,
between iterations the people are fresh, so that a rule is not fitted to accidents. A search needs some
hundred thousand dialogues, so it goes on in a world whose readings are drawn from a measured response
surface, with people of the realm `fitting`; which of its rules is kept is decided on real words, with people of
the realm `validation`. Those of `evaluation` are met by neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import NUM_CATEGORIES
from rlgen.envs.world import World
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies.baselines import (
    Baseline,
    EmotionTable,
    Fixed,
    Four,
    Random,
    Schedule,
)
from rlgen.rng import Realm
from rlgen.types import MAX_TURNS, NUM_CONTROLS

KNOTS = (0, 1, 3, 6, 10, MAX_TURNS - 1)
"""Turns at which a schedule is free; in between it is interpolated."""

_BOUND = 0.97
Params = NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """How hard to search.

    Attributes:
        population: candidates per iteration.
        iterations: of the cross-entropy method.
        people: that each candidate meets per iteration.
        first: random candidates of the opening round for the fixed rule.
    """

    population: int = 32
    iterations: int = 20
    people: int = 512
    first: int = 64

    @property
    def meetings(self) -> int:
        """Of a person with a candidate, in a whole search: the opening round, then three rungs."""
        opening, people, left = 0, max(64, self.people // 4), self.first + 1
        while left > 1:
            opening, people, left = opening + left * people, 2 * people, max(1, left // 4)
        return opening + 3 * self.people * (self.population * self.iterations + 8)


def _rows(params: Params) -> tuple[Four, ...]:
    table = np.clip(params.reshape(-1, NUM_CONTROLS), -_BOUND, _BOUND)
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in np.round(table, 4))


def fixed(params: Params) -> Fixed:
    """`[4]` to a rule."""
    return Fixed(controls=_rows(params)[0])


def emotion_table(params: Params) -> EmotionTable:
    """`[24]` to a rule."""
    return EmotionTable(table=_rows(params))


def schedule(params: Params) -> Schedule:
    """`[4 x knots]` to a rule for every turn."""
    knots = params.reshape(len(KNOTS), NUM_CONTROLS)
    turns = np.arange(MAX_TURNS)
    table = np.stack([np.interp(turns, KNOTS, knots[:, i]) for i in range(NUM_CONTROLS)], axis=1)
    return Schedule(table=_rows(table.ravel()))


class Meet(Protocol):
    """Lets persons meet a rule."""

    def __call__(self, rule: Baseline, people: int, realm: Realm, first: int = 0) -> float:
        """Mean return of the persons `first` to `first + people - 1` of a realm."""


def meeting(world: World, seed: int = 0) -> Meet:
    """Meetings in a world; the more rows it has the faster.

    Args:
        world: where rules act.
        seed: of the people.
    """

    def meet(rule: Baseline, people: int, realm: Realm, first: int = 0) -> float:
        return float(evaluate(world, rule, people, seed, realm=realm, first=first).values["return"].mean())

    return meet


class Search:
    """Searches rules in one world.

    Args:
        meet: lets people meet a candidate.
        budget: how hard to search.
        seed: of the search.
        progress: called with a line of text now and then.
    """

    def __init__(
        self,
        meet: Meet,
        budget: Budget | None = None,
        seed: int = 0,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._meet = meet
        self._budget = budget or Budget()
        self._rng = np.random.default_rng(seed)
        self._next_person = 0
        self._say = progress or (lambda line: None)

    def _people(self, count: int) -> int:
        first = self._next_person
        self._next_person += count
        return first

    def halving(self, build: Callable[[Params], Baseline], candidates: list[Params]) -> Params:
        """Successive halving: quarter the candidates and double the people until one is left."""
        people = max(64, self._budget.people // 4)
        while len(candidates) > 1:
            first = self._people(people)
            scores = [self._meet(build(c), people, "fitting", first) for c in candidates]
            best = np.argsort(scores)[::-1][: max(1, len(candidates) // 4)]
            candidates = [candidates[int(i)] for i in best]
            people *= 2
        return candidates[0]

    def cross_entropy(self, build: Callable[[Params], Baseline], start: Params, spread: float, name: str) -> Params:
        """Cross-entropy method from `start`; the mean of the last elite.

        Args:
            build: parameters to a rule.
            start: first mean.
            spread: first standard deviation.
            name: for progress.
        """
        budget, mean, sd = self._budget, start.copy(), np.full(start.shape, spread)
        elite_size = max(2, budget.population // 4)
        for iteration in range(budget.iterations):
            first = self._people(budget.people)
            drawn = mean + sd * self._rng.standard_normal((budget.population, len(mean)))
            drawn[0] = mean
            scores = np.array([self._meet(build(c), budget.people, "fitting", first) for c in drawn])
            elite = drawn[np.argsort(scores)[::-1][:elite_size]]
            # Smoothing keeps the search from collapsing on a lucky draw.
            mean = 0.3 * mean + 0.7 * elite.mean(axis=0)
            sd = np.maximum(0.3 * sd + 0.7 * elite.std(axis=0), 0.02)
            self._say(f"{name} {iteration + 1}/{budget.iterations}: mean rule {scores[0]:.3f}, best {scores.max():.3f}")
        return mean

    def better(self, build: Callable[[Params], Baseline], one: Params, other: Params) -> Params:
        """Whichever earns more on fresh people; `other` on a tie."""
        people = 4 * self._budget.people
        first = self._people(people)
        ours, theirs = (self._meet(build(params), people, "fitting", first) for params in (one, other))
        return one if ours > theirs else other

    def ladder(self) -> dict[str, Baseline]:
        """Fit all rungs; each but the first starts from the best fixed controls, so none falls below them."""
        corners = [self._rng.uniform(-0.95, 0.95, NUM_CONTROLS) for _ in range(self._budget.first)]
        opening = self.halving(fixed, [np.zeros(NUM_CONTROLS), *corners])
        self._say("fixed: opening round done")
        best = self.better(fixed, self.cross_entropy(fixed, opening, 0.3, "fixed"), opening)
        rules: dict[str, Baseline] = {"fixed": fixed(best)}
        for name, build, start in (
            ("emotion_table", emotion_table, np.tile(best, NUM_CATEGORIES)),
            ("schedule", schedule, np.tile(best, len(KNOTS))),
        ):
            rules[name] = build(self.better(build, self.cross_entropy(build, start, 0.3, name), start))
        return rules


def cooler(rule: Baseline, by: float = 0.3) -> Baseline:
    """The rule at a lower temperature, in units of the action box; what is drawn stays as it is.

    A surface draws the fluency of a reply from its neighbours', one reply at a time; on real words the heat
    that avoids repetition costs more, so a search on a surface ends too hot.
    """

    def cool(temperature: float) -> float:
        return max(-1.0, round(temperature - by, 4))

    if isinstance(rule, Random):
        return rule
    if isinstance(rule, Fixed):
        warmth, directiveness, temperature, weight = rule.controls
        cooled = None if temperature is None else cool(temperature)
        return rule.model_copy(update={"controls": (warmth, directiveness, cooled, weight)})
    table = tuple((warmth, directiveness, cool(heat), weight) for warmth, directiveness, heat, weight in rule.table)
    return rule.model_copy(update={"table": table})


def best_on(
    meet: Meet, candidates: Mapping[str, Sequence[Baseline]], people: int, say: Callable[[str], None]
) -> dict[str, Baseline]:
    """For each rung the candidate with the highest mean return, all on the same people.

    Args:
        meet: in a world with a real generator.
        candidates: rung -> rules.
        people: that each candidate meets.
        say: called with a line of text per rule.
    """
    earned: dict[Baseline, float] = {}
    chosen = {}
    for rung, rules in candidates.items():
        for rule in rules:
            if rule not in earned:
                earned[rule] = meet(rule, people, "validation")
                say(f"{rung}: a candidate earns {earned[rule]:.3f} on real words")
        chosen[rung] = max(rules, key=earned.__getitem__)
    return chosen
