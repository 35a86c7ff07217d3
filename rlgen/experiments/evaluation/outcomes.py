"""Measure policies on fresh people, all on the same ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AFFECT_DIM, CATEGORIES
from rlgen.envs.world import World
from rlgen.errors import DataError
from rlgen.experiments.statistics import as_dict, paired_difference, summary, worst_share
from rlgen.generation.consistency import Consistency, consistency
from rlgen.policies.baselines import Actor, begin, to_space
from rlgen.rng import Realm, person_number

_NAMES = ("return", "relief", "relief_points", "length", "completed", "abandoned", "limit", "mean_rating", "cost")
_JUDGED = ("return", "relief", "relief_points")  # of which tails and differences are told


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


def evaluate_all(
    world: World,
    actors: Mapping[str, Actor],
    env_id: str,
    people: int,
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> tuple[dict[str, Any], str]:
    """Evaluate policies on the same people and compare the first of them with the others.

    Args:
        world: where they act.
        actors: by name; the first is the reference.
        env_id: for the record.
        people: how many persons each policy meets.
        seed: of the people.
        progress: called with a policy's name and the number of people whom all policies have met so far.

    Returns:
        The content of evaluation.json, and of evaluation.csv.
    """
    outcomes = {}
    for i, (name, actor) in enumerate(actors.items()):

        def told(met: int, name: str = name, before: int = i * people) -> None:
            if progress is not None:
                progress(name, before + met)

        outcomes[name] = evaluate(world, actor, people, seed, told)
    reference = next(iter(actors))
    result = {
        "env": env_id,
        "reference": reference,
        "people": people,
        "seed": seed,
        "parts": dict(getattr(world, "sha256", {})),
        "policies": {name: describe(found) for name, found in outcomes.items()},
        "differences": compare(outcomes[reference], {k: v for k, v in outcomes.items() if k != reference}),
        "behaviour": behaviour(outcomes[reference]),
    }
    return result, per_person_csv(outcomes, seed)


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
    values = {name: np.full(people, np.nan) for name in _NAMES}
    terms: dict[str, NDArray[np.float64]] = {}
    obs = world.reset(seed, people, realm=realm, first=first)
    turn = np.zeros(world.num_envs, dtype=np.int64)
    actor = begin(actor, world.num_envs)
    seen: list[tuple[Any, Any, Any]] = []
    heard: list[tuple[Any, Any, Any]] = []
    met = 0
    while not world.exhausted:
        serving = world.person >= 0
        person = world.person[serving].copy()
        observed = world.layout.unflatten(obs).get("affect")
        affect = np.array((world.affect if observed is None else observed)[serving])
        actions = actor.act(obs, world.layout, world.streams, turn)
        category = affect[:, : len(CATEGORIES)].argmax(axis=1)
        seen.append((category, turn[serving].copy(), actions[serving]))
        step = world.step(to_space(actions, world.single_action_space))
        turn += 1
        obs = step.obs
        ended = step.finished
        read = _read_affect(obs, ended, world.layout)
        if read is not None:
            heard.append((affect, read[serving], person))
        if ended is None:
            continue
        rows, gone = np.asarray(ended.rows), np.asarray(ended.person)
        real = gone >= 0
        whose = gone[real]
        found = (
            ended.episode_return, ended.relief, ended.relief_points, ended.length, ended.completed, ended.abandoned,
            ended.limit,
            ended.mean_rating, ended.cost,
        )  # fmt: skip
        for name, array in zip(_NAMES, found, strict=True):
            values[name][whose] = np.asarray(array)[real]
        for name, array in ended.terms.items():
            terms.setdefault(name, np.zeros(people))[whose] = np.asarray(array)[real]
        turn[rows] = 0
        met += len(whose)
        if progress is not None:
            progress(met)
    emotion, turns, taken = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    return Outcomes(values, terms, emotion, turns, taken, _consistency(heard))


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


def describe(outcomes: Outcomes) -> dict[str, Any]:
    """Means with intervals, spread and tail of one policy, for JSON."""
    returns = outcomes.values["return"]
    described: dict[str, Any] = {name: summary(array) for name, array in outcomes.values.items()}
    described["return_sd"] = round(float(returns.std(ddof=1)) if len(returns) > 1 else 0.0, 6)
    described["worst_tenth"] = {name: as_dict(worst_share(outcomes.values[name])) for name in _JUDGED}
    described["consistency"] = None if outcomes.consistency is None else outcomes.consistency.figures()
    described["terms"] = {name: round(float(array.mean()), 6) for name, array in outcomes.terms.items()}
    return described


def compare(reference: Outcomes, others: Mapping[str, Outcomes]) -> dict[str, Any]:
    """Paired differences reference - other over the same people, with intervals, for JSON."""
    return {
        name: {what: as_dict(paired_difference(reference.values[what], other.values[what])) for what in _JUDGED}
        for name, other in others.items()
    }


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
