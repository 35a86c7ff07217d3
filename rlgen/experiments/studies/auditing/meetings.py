"""Dialogues as rewards see them: of a world, in which they are kept while policies act, or of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rlgen.affect import AFFECT_DIM, CATEGORIES
from rlgen.errors import DataError
from rlgen.experiments.dialogues.rollout import Rollout
from rlgen.rewards import Trace
from rlgen.rewards.distances import Turns
from rlgen.types import F32, I64, MAX_TURNS, MODALITIES, Estimate, Feedback, Reading

if TYPE_CHECKING:
    from rlgen.envs import World
    from rlgen.policies.baselines import Actor
    from rlgen.rng import Realm

ROWS: Final = {True: 64, False: 1024}  # dialogues at once with and without words


def meet(
    world: World,
    actor: Actor,
    people: int,
    seed: int,
    realm: Realm = "simulation",
    first: int = 0,
    progress: Callable[[int], None] = lambda met: None,
) -> Turns:
    """All turns of persons who meet a policy once each; dialogue i of them is person `first + i`'s.

    Args:
        world: where they meet it; its own reward does not matter, since rewards change nothing that happens.
        actor: the policy.
        people: how many.
        seed: of the people.
        realm: what they are met for.
        first: index of the first.
        progress: called with the number of persons met so far.
    """
    rollout = Rollout(world, actor, people, seed, realm=realm, first=first, record=True)
    traces, persons = [], []
    for turn in rollout.turns():
        assert turn.record is not None  # it was asked for
        traces.append(replace(turn.record, relief=turn.record.hidden["relief"]))
        persons.append(turn.person)
        progress(rollout.met)
    return Turns.of(traces, persons)


def together(logs: list[Turns]) -> Turns:
    """Several logs as one."""
    first = np.cumsum([0, *(log.dialogues for log in logs)])
    return Turns.of([log.trace for log in logs], [log.dialogue + first[i] for i, log in enumerate(logs)])


def read_dialogues(path: Path) -> Turns:
    """Turns of a file that `rlgen simulate` or `rlgen evaluate` wrote.

    Such a file has no emotion vectors, no costs, and nothing of what was recognised in parting words: that is taken
    as recognised before. It knows relief at the end only, where it counts; before it is 0 here.

    Raises:
        DataError: it is no such file.
    """
    lines = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                lines.append(_line(path, number, line))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error.__class__.__name__}); check the path") from error
    if not lines:
        raise DataError(f"{path}: is empty; give dialogues that `rlgen simulate` or `rlgen evaluate` wrote")
    try:
        return _turns(lines)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: a line lacks what a reward reads ({error}); write the dialogues again with `rlgen simulate`"
        ) from error


def _line(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or "reading" not in record or "recognised" not in record:
        raise DataError(
            f"{path}: line {number} is no turn with its reading; give dialogues that `rlgen simulate` or `rlgen "
            "evaluate` wrote"
        )
    return record


def _turns(lines: list[Mapping[str, Any]]) -> Turns:
    person = np.array([line["person"] for line in lines], dtype=np.int64)
    turn = np.array([line["turn"] for line in lines], dtype=np.int64)
    # A dialogue begins at each turn 0: one file may hold several policies' dialogues with the same person.
    dialogue = np.cumsum(turn == 0) - 1
    following = np.append((person[1:] == person[:-1]) & (turn[1:] == turn[:-1] + 1), False)
    after = np.where(following, np.arange(len(lines)) + 1, np.arange(len(lines)))
    estimate = _estimate([line["recognised"] for line in lines])
    feedback = [line["feedback"] for line in lines]
    rating = _numbers([one["rating"] for one in feedback])
    limit = [bool(line.get("outcome", {}).get("limit", False)) for line in lines]
    left = np.array([one["completed"] or one["abandoned"] for one in feedback], dtype=np.bool_)
    whole = following | left | np.array(limit)
    trace = Trace(
        utterance=[str(line.get("said", "")) for line in lines],
        reply=[str(line.get("reply", "")) for line in lines],
        next_utterance=[str(line.get("then", "")) for line in lines],
        estimate=estimate,
        reading=_reading([line["reading"] for line in lines]),
        feedback=Feedback(
            rating,
            _numbers([one["engagement"] for one in feedback]),
            np.array([one["completed"] for one in feedback], dtype=np.bool_),
            np.array([one["abandoned"] for one in feedback], dtype=np.bool_),
        ),
        next_estimate=estimate.rows(after),
        turn=turn,
        max_turns=max(MAX_TURNS, int(turn.max()) + 1) if not any(limit) else int(turn[limit].max()) + 1,
        rating_history_mean=_mean_before(rating, dialogue),
        rating_before=_last_before(rating, dialogue),
        relief=np.nan_to_num(_numbers([line.get("outcome", {}).get("relief") for line in lines])),
    )
    broken = np.unique(dialogue[~whole])
    return Turns.of([trace], [np.where(np.isin(dialogue, broken), -1, dialogue)])


def _numbers(values: list[Any]) -> F32:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float32)


def _estimate(told: list[Mapping[str, Any]]) -> Estimate:
    names = [*CATEGORIES, "valence", "arousal"]
    affect = np.array([[one[name] for name in names] for one in told], dtype=np.float32)
    present = np.array([[name in one["present"] for name in MODALITIES] for one in told], dtype=np.bool_)
    uncertainty = np.array([one["uncertainty"] for one in told], dtype=np.float32)
    return Estimate(np.zeros((len(told), 0), dtype=np.float32), affect, uncertainty, present)


def _reading(told: list[Mapping[str, Any]]) -> Reading:
    scalars = {name: _numbers([one[name] for one in told]) for name in Reading.SCALARS}
    affect = np.array([one["affect"] for one in told], dtype=np.float32).reshape(len(told), AFFECT_DIM)
    return Reading(affect, np.array([one["empathy"] for one in told], dtype=np.float32), **scalars)


def _mean_before(rating: F32, dialogue: I64) -> F32:
    """Mean of the earlier ratings of each turn's dialogue, NaN where there is none."""
    given = np.isfinite(rating)
    total, count = (np.concatenate([[0.0], np.cumsum(each)]) for each in (np.where(given, rating, 0.0), given))
    start = np.searchsorted(dialogue, dialogue)  # the first row of each row's dialogue
    times = count[:-1] - count[start]
    mean = np.full(len(rating), np.nan, dtype=np.float32)
    np.divide(total[:-1] - total[start], times, out=mean, where=times > 0, casting="unsafe")
    return mean


def _last_before(rating: F32, dialogue: I64) -> F32:
    """The last earlier rating of each turn's dialogue, NaN where there is none."""
    rows = np.arange(len(rating))
    latest = np.append(-1, np.maximum.accumulate(np.where(np.isfinite(rating), rows, -1))[:-1])
    there = latest >= np.searchsorted(dialogue, dialogue)
    return np.where(there, rating[np.maximum(latest, 0)], np.nan).astype(np.float32)
