"""Measure policies on fresh people, all on the same ones: from turns to outcomes, from outcomes to what JSON holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AFFECT_DIM, CATEGORIES
from rlgen.envs.world import World
from rlgen.errors import DataError
from rlgen.experiments.dialogues.rollout import Rollout, Turn
from rlgen.experiments.dialogues.simulation import Dialogue, Dialogues
from rlgen.experiments.statistics import as_dict, intervals
from rlgen.generation.consistency import Consistency, consistency
from rlgen.policies.baselines import Actor
from rlgen.rng import Realm, person_number

_NAMES: Final = (
    "return",
    "relief",
    "relief_points",
    "length",
    "completed",
    "abandoned",
    "limit",
    "mean_rating",
    "cost",
)
_JUDGED: Final = ("return", "relief", "relief_points")  # of which tails and differences are told
_WORST: Final = 0.1


@dataclass(frozen=True)
class Outcomes:
    """What a policy achieved, one entry per person.

    Attributes:
        values: name -> `[P]`: return, relief (-1 to 1), relief_points (of the survey), length, completed, abandoned,
            limit, mean_rating, cost.
        terms: reward term -> `[P]`, summed over the dialogue.
        emotion: `[T]` recognised category of every turn of every person, for behaviour.
        turn: `[T]`.
        actions: `[T, 4]` in [-1, 1].
        consistency: how the replies follow what was recognised; None where the observation has no reading of
            replies, or no dialogue had two turns.
    """

    values: dict[str, NDArray[np.float64]]
    terms: dict[str, NDArray[np.float64]]
    emotion: NDArray[np.int64]
    turn: NDArray[np.int64]
    actions: NDArray[np.float32]
    consistency: Consistency | None = None


class Tally:
    """Turns to outcomes.

    Args:
        people: how many persons are met.
    """

    def __init__(self, people: int) -> None:
        self._values = {name: np.full(people, np.nan) for name in _NAMES}
        self._terms: dict[str, NDArray[np.float64]] = {}
        self._people = people
        self._seen: list[tuple[Any, Any, Any]] = []
        self._heard: list[tuple[Any, Any, Any]] = []

    def take(self, turn: Turn, layout: Any) -> None:
        """Count a turn; surplus rows are left out."""
        serving = turn.person >= 0
        affect = turn.affect[serving]
        category = affect[:, : len(CATEGORIES)].argmax(axis=1)
        self._seen.append((category, turn.turn[serving], turn.actions[serving]))
        ended = turn.result.finished
        read = _read_affect(turn.result.obs, ended, layout)
        if read is not None:
            self._heard.append((affect, read[serving], turn.person[serving]))
        if ended is None:
            return
        gone = np.asarray(ended.person)
        real = gone >= 0
        found = (
            ended.episode_return, ended.relief, ended.relief_points, ended.length, ended.completed, ended.abandoned,
            ended.limit, ended.mean_rating, ended.cost,
        )  # fmt: skip
        for name, array in zip(_NAMES, found, strict=True):
            self._values[name][gone[real]] = np.asarray(array)[real]
        for name, array in ended.terms.items():
            self._terms.setdefault(name, np.zeros(self._people))[gone[real]] = np.asarray(array)[real]

    def outcomes(self) -> Outcomes:
        """What the policy achieved, once everybody was met."""
        emotion, turns, taken = (np.concatenate(parts) for parts in zip(*self._seen, strict=True))
        return Outcomes(self._values, self._terms, emotion, turns, taken, _consistency(self._heard))


def evaluate(
    world: World,
    actor: Actor,
    people: int,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    *,
    realm: Realm = "evaluation",
    first: int = 0,
) -> Outcomes:
    """Meet the persons `first` to `first + people - 1` of a realm's seed once each.

    Args:
        world: its dialogues are begun anew.
        actor: the policy.
        people: how many persons, at least 1.
        seed: of the people, and of the actor's own draws.
        progress: called with the number of persons met so far.
        realm: what the people are met for; those of different realms are different people.
        first: index of the first person.
    """
    tally, rollout = Tally(people), Rollout(world, actor, people, seed, realm=realm, first=first)
    for turn in rollout.turns():
        tally.take(turn, world.layout)
        if progress is not None and turn.result.finished is not None:
            progress(rollout.met)
    return tally.outcomes()


class Evaluation:
    """Several policies meet the same people, one policy after the other; it can be left and taken up at any step.

    Args:
        world: where they act.
        actors: by name; the first is the reference, with which the others are compared.
        people: how many persons each policy meets.
        seed: of the people.
        keep: what the reference's dialogues are kept with: `"words"`, `"readings"` of a world without words, or not.

    Attributes:
        people: how many meetings there are in all.
        outcomes: by name, of the policies that are through.
    """

    def __init__(
        self,
        world: World,
        actors: Mapping[str, Actor],
        people: int,
        seed: int = 0,
        keep: Literal["words", "readings"] | None = None,
    ) -> None:
        self._world, self._actors, self._each, self._seed, self._keep = world, dict(actors), people, seed, keep
        self.people = people * len(actors)
        self.outcomes: dict[str, Outcomes] = {}
        self._begin()

    @property
    def acting(self) -> str:
        """Name of the policy that people meet now; of the last one when all are through."""
        return list(self._actors)[min(len(self.outcomes), len(self._actors) - 1)]

    @property
    def done(self) -> int:
        """How many meetings are over."""
        now = 0 if len(self.outcomes) == len(self._actors) else self._rollout.met
        return self._each * len(self.outcomes) + now

    def _begin(self) -> None:
        keeping = self._keep is not None and not self.outcomes
        self._tally = Tally(self._each)
        self._dialogues = Dialogues(self._world.num_envs, self._seed, self._keep == "words") if keeping else None
        self._rollout = Rollout(
            self._world, self._actors[self.acting], self._each, self._seed, realm="evaluation", record=keeping
        )

    def steps(self) -> Iterator[list[Dialogue]]:
        """Go on to the end: after each step, the reference's dialogues that are next in order."""
        while len(self.outcomes) < len(self._actors):
            for turn in self._rollout.turns():
                self._tally.take(turn, self._world.layout)
                yield [] if self._dialogues is None else self._dialogues.take(turn)
            self.outcomes[self.acting] = self._tally.outcomes()
            if len(self.outcomes) < len(self._actors):
                self._begin()

    def state(self) -> dict[str, Any]:
        """Everything that changes, between two steps."""
        told = {"outcomes": self.outcomes, "tally": self._tally, "dialogues": self._dialogues}
        return {**told, "rollout": self._rollout.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state of an evaluation with the same arguments."""
        self.outcomes = state["outcomes"]
        self._begin()
        self._tally, self._dialogues = state["tally"], state["dialogues"]
        self._rollout.load_state(state["rollout"])


def evaluation_record(world: World, env_id: str, outcomes: Mapping[str, Outcomes], seed: int) -> dict[str, Any]:
    """The content of evaluation.json: the first policy and the others on the same people.

    Args:
        world: where they acted.
        env_id: for the record.
        outcomes: by policy.
        seed: of the people.
    """
    reference = next(iter(outcomes))
    policies, differences = describe(outcomes)
    return {
        "env": env_id,
        "reference": reference,
        "people": len(outcomes[reference].values["return"]),
        "seed": seed,
        "parts": dict(getattr(world, "sha256", {})),
        "policies": policies,
        "differences": differences,
        "behaviour": behaviour(outcomes[reference]),
    }


def _read_affect(obs: Any, ended: Any, layout: Any) -> NDArray[np.float32] | None:
    """`[N, 8]` what the replies of a step were read as, also where a dialogue ended and another began."""
    blocks = layout.unflatten(obs)
    if "reply_reading" not in blocks:
        return None
    read = np.array(blocks["reply_reading"][:, :AFFECT_DIM])
    if ended is not None:
        read[np.asarray(ended.rows)] = layout.unflatten(ended.final_obs)["reply_reading"][:, :AFFECT_DIM]
    return read


def _consistency(heard: list[tuple[Any, Any, Any]]) -> Consistency | None:
    if not heard:
        return None
    try:
        return consistency(*(np.concatenate(parts) for parts in zip(*heard, strict=True)))
    except DataError:  # nobody stayed for two turns
        return None


def describe(outcomes: Mapping[str, Outcomes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Means with intervals, spread and tail of policies over the same people, for JSON.

    Args:
        outcomes: by policy; the first is the reference.

    Returns:
        By policy what it achieved; by other policy the paired differences, reference - other.
    """
    reference = next(iter(outcomes))
    means: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    for policy, found in outcomes.items():
        means |= {("", policy, name): values for name, values in found.values.items()}
        if policy != reference:
            apart = {name: outcomes[reference].values[name] - found.values[name] for name in _JUDGED}
            means |= {("minus", policy, name): values for name, values in apart.items()}
    tails = {(policy, name): found.values[name] for policy, found in outcomes.items() for name in _JUDGED}
    measured, worst = intervals(means), intervals(tails, _WORST)
    policies: dict[str, Any] = {}
    for policy, found in outcomes.items():
        returns = found.values["return"]
        policies[policy] = {
            **{name: as_dict(measured["", policy, name]) for name in found.values},
            "return_sd": round(float(returns.std(ddof=1)) if len(returns) > 1 else 0.0, 6),
            "worst_tenth": {name: as_dict(worst[policy, name]) for name in _JUDGED},
            "consistency": None if found.consistency is None else found.consistency.figures(),
            "terms": {name: round(float(array.mean()), 6) for name, array in found.terms.items()},
        }
    differences = {
        policy: {name: as_dict(measured["minus", policy, name]) for name in _JUDGED}
        for policy in outcomes
        if policy != reference
    }
    return policies, differences


def behaviour(outcomes: Outcomes) -> dict[str, Any]:
    """Mean actions by recognised emotion and by turn, with counts, for JSON."""

    def means(keys: NDArray[np.int64], names: list[str]) -> dict[str, Any]:
        table = {}
        for index, name in enumerate(names):
            chosen = outcomes.actions[keys == index]
            if len(chosen):
                table[name] = {
                    "count": len(chosen),
                    "mean": [round(float(v), 4) for v in chosen.mean(axis=0)],
                    "sd": [round(float(v), 4) for v in chosen.std(axis=0)],
                }
        return table

    turns = [str(turn) for turn in range(int(outcomes.turn.max()) + 1)]
    return {"by_emotion": means(outcomes.emotion, list(CATEGORIES)), "by_turn": means(outcomes.turn, turns)}


def per_person_csv(outcomes: Mapping[str, Outcomes], seed: int) -> str:
    """One line per policy and person."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["policy", "person", *_NAMES])
    for name, outcome in outcomes.items():
        columns = [outcome.values[what] for what in _NAMES]
        for person in range(len(columns[0])):
            writer.writerow([name, person_number(seed, person), *(f"{column[person]:.6g}" for column in columns)])
    return buffer.getvalue()
