"""What the checks of a reward look at: the same people with every policy, scored by the design and by their relief."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from rlgen.envs import World
from rlgen.envs.generators import Surface
from rlgen.envs.pipeline import TextPipeline
from rlgen.errors import DataError
from rlgen.experiments.runs.worlds import open_world
from rlgen.experiments.studies.auditing.degenerate import DEGENERATE, Saying
from rlgen.experiments.studies.auditing.meetings import ROWS, meet
from rlgen.experiments.studies.auditing.sequences import Effort, best_sequence
from rlgen.policies.baselines import Baseline, Fixed, Schedule, shipped_baselines
from rlgen.rewards.distances.sampled import score
from rlgen.types import F64, I64, NUM_CONTROLS, Bools

if TYPE_CHECKING:
    from rlgen.envs import WorldConfig
    from rlgen.rewards import RewardDesign
    from rlgen.rewards.distances import Turns

_TALK: Final = 20  # a dialogue on words takes as long as so many on readings

HELPFUL: Final = "helpful"
"""Name, among the supporters that are met on words, of the rung of the ladder that brings most relief."""


@dataclass(frozen=True)
class Dialogues:
    """What P persons, the same for every policy, made of a policy.

    Attributes:
        turns: all that a reward may see.
        earned: `[P]`, return by the design.
        relief: `[P]`, in [-1, 1].
        length: `[P]`, turns.
        completed: `[P]`.
    """

    turns: Turns
    earned: F64
    relief: F64
    length: I64
    completed: Bools

    @classmethod
    def of(cls, turns: Turns, design: RewardDesign) -> Dialogues:
        """Dialogues scored by a design, undiscounted."""
        last = np.flatnonzero(~turns.stays)
        assert turns.trace.relief is not None  # meetings and files have it
        return cls(
            turns,
            returns(turns, design),
            turns.trace.relief[last].astype(np.float64),
            np.bincount(turns.dialogue),
            turns.trace.feedback.completed[last],
        )


@dataclass(frozen=True)
class Evidence:
    """All that the checks of one design look at.

    Attributes:
        design: the design.
        ladder: rung -> dialogues; the same people for each.
        words: supporter -> dialogues on words, `HELPFUL` among them; the same people for each. Empty where not tried.
        sequence: dialogues with the best sequence of actions that was found, of the ladder's people; None: not tried.
        staying: rung -> dialogues with people who never leave and show nothing but engagement. Empty where these
            people cannot be such.
        missing: check -> why it could not be tried.
    """

    design: RewardDesign
    ladder: dict[str, Dialogues]
    words: dict[str, Dialogues] = field(default_factory=dict)
    sequence: Dialogues | None = None
    staying: dict[str, Dialogues] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def by(self, design: RewardDesign) -> Evidence:
        """The same dialogues scored by another design; the best sequence was another's, and is left out."""

        def scored(met: dict[str, Dialogues]) -> dict[str, Dialogues]:
            return {name: Dialogues.of(each.turns, design) for name, each in met.items()}

        missing = {**self.missing, "sequence": "the sequence was searched for another design"}
        return Evidence(design, scored(self.ladder), scored(self.words), None, scored(self.staying), missing)

    @property
    def helper(self) -> str:
        """The rung that brings most relief."""
        return max(self.ladder, key=lambda name: float(self.ladder[name].relief.mean()))


@dataclass(frozen=True)
class Scale:
    """How much is looked at.

    Attributes:
        people: that each rung meets, and the best sequence.
        talks: people that each supporter meets on words; 0 leaves words out.
        effort: of the search for the best sequence; None leaves it out.
        seed: of people and search.
    """

    people: int = 400
    talks: int = 100
    effort: Effort | None = field(default_factory=Effort)
    seed: int = 0


def returns(turns: Turns, design: RewardDesign) -> F64:
    """`[D]`, what a design pays for each dialogue, undiscounted."""
    every = np.arange(len(turns))
    return np.asarray(np.bincount(turns.dialogue, weights=score(design, turns, every, every, every)), dtype=np.float64)


def gather(
    design: RewardDesign,
    env: str,
    config: WorldConfig,
    scale: Scale,
    progress: Callable[[int, str], None] = lambda met, told: None,
) -> Evidence:
    """Let people meet all policies.

    Args:
        design: what is audited.
        env: id whose ladder is taken.
        config: of the world on words. Where the design reads no words, all but the talks on words goes on in the
            response surface instead, or in the surface that the config itself names.
        scale: how much.
        progress: called with how much of what is `planned` is done, and with what goes on.

    Raises:
        DataError: nobody knows these people's relief.
    """
    return _Gathering(design, env, config, scale, progress).evidence()


def rungs(env: str) -> dict[str, Baseline]:
    """The ladder, and constants drawn for each person."""
    return {**shipped_baselines(env), "a constant per person": Fixed(controls=(None,) * NUM_CONTROLS)}


def planned(env: str, scale: Scale) -> int:
    """About how many dialogues `gather` lets happen, a talk on words counted as many."""
    effort = 0 if scale.effort is None else scale.effort.meetings
    return (2 * len(rungs(env)) + 1) * scale.people + _TALK * (1 + len(DEGENERATE)) * scale.talks + effort


class _Gathering:
    def __init__(
        self, design: RewardDesign, env: str, config: WorldConfig, scale: Scale, progress: Callable[[int, str], None]
    ) -> None:
        self._design, self._rungs, self._scale, self._say = design, rungs(env), scale, progress
        self._words = config
        fast = config.has_words and not design.reads_words
        self._config = config.model_copy(update={"generator": Surface()}) if fast else config
        self._world = open_world(self._config, min(ROWS[self._config.has_words], scale.people))
        self._over = 0
        self._missing: dict[str, str] = {}

    def evidence(self) -> Evidence:
        ladder = self._rules(self._world)
        if not all(np.isfinite(each.relief).all() for each in ladder.values()):
            raise DataError("an audit looks at people's relief, which is not known of all of these; take other --users")
        found = Evidence(self._design, ladder, missing=self._missing)
        return replace(found, words=self._talks(found.helper), sequence=self._sequence(ladder), staying=self._staying())

    def _met(self, world: World, rule: Baseline, people: int, told: str) -> Dialogues:
        before, worth = self._over, _TALK if world.config.has_words else 1

        def met(count: int) -> None:
            self._say(before + worth * count, told)

        turns = meet(world, rule, people, self._scale.seed, progress=met)
        self._over += worth * people
        return Dialogues.of(turns, self._design)

    def _rules(self, world: World) -> dict[str, Dialogues]:
        return {name: self._met(world, rule, self._scale.people, name) for name, rule in self._rungs.items()}

    def _talks(self, helper: str) -> dict[str, Dialogues]:
        people = self._scale.talks
        if not people or not self._words.has_words:
            why = "talks on words were left out" if self._words.has_words else "a response surface has no words"
            self._missing["words"] = why
            return {}
        world = open_world(self._words, min(ROWS[True], people))
        found = {HELPFUL: self._met(world, self._rungs[helper], people, f"{helper} on words")}
        chain = world.parts.pipeline
        assert isinstance(chain, TextPipeline)  # a world with words has one
        for name in DEGENERATE:
            parts = replace(world.parts, pipeline=TextPipeline(Saying(name), chain.guard, chain.reader))
            other = World(self._words, world.num_envs, parts=parts)
            found[name] = self._met(other, Fixed(), people, f"{name} on words")
        return found

    def _sequence(self, ladder: dict[str, Dialogues]) -> Dialogues | None:
        effort, seed = self._scale.effort, self._scale.seed
        if effort is None or self._config.has_words:
            self._missing["sequence"] = "the search was left out" if effort is None else "on words a search takes hours"
            return None
        tables = {
            name: np.array(rule.table if isinstance(rule, Schedule) else [rule.controls], dtype=np.float64)
            for name, rule in self._rungs.items()
            if isinstance(rule, Schedule) or (isinstance(rule, Fixed) and not rule.draws)
        }
        start = tables[max(tables, key=lambda name: float(ladder[name].earned.mean()))]
        parts = replace(self._world.parts, reward=self._design)
        before = self._over

        def met(count: int) -> None:
            self._say(before + count, "search for the best sequence")

        rule = best_sequence(World(self._config, effort.rows, parts=parts), start, effort, seed, met)
        self._over += effort.meetings
        return self._met(self._world, rule, self._scale.people, "the best sequence")

    def _staying(self) -> dict[str, Dialogues]:
        users = self._config.users
        if "population" not in type(users).model_fields:
            self._missing["staying"] = f"people of the family {users.family} cannot be told to stay"
            return {}
        config = self._config.model_copy(update={"users": users.model_copy(update={"population": "stalling"})})
        return self._rules(World(config, self._world.num_envs, parts=self._world.parts))
