"""Dialogues turn by turn, as plain records for JSON lines, logs and pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rlgen.affect import AROUSAL, CATEGORIES, VALENCE
from rlgen.policies.baselines import Actor, streams_of, to_space
from rlgen.policies.protocols import WorldLike
from rlgen.types import CONTROL_RANGES, MODALITIES, Reading

_DECISIONS = ("allow", "replace", "escalate")


def simulate(world: WorldLike, actor: Actor, people: int, seed: int) -> Iterator[list[dict[str, Any]]]:
    """Dialogues of `people` persons, each as it ends.

    Args:
        world: its dialogues are begun anew; it must keep records (`record`, `last`).
        actor: the policy.
        people: how many persons, seeded `seed` and on.
        seed: of the first person.

    Yields:
        One dialogue: a record per turn, in order.
    """
    recorder: Any = world
    kept, recorder.record = recorder.record, True
    try:
        obs = world.reset(seed, people)
        turn = np.zeros(world.num_envs, dtype=np.int64)
        open_dialogues: list[list[dict[str, Any]]] = [[] for _ in range(world.num_envs)]
        while not world.exhausted:
            person = world.person.copy()
            actions = actor.act(obs, world.layout, streams_of(seed, person), turn)
            step = world.step(to_space(actions, world.single_action_space))
            for row in np.flatnonzero(person >= 0).tolist():
                open_dialogues[row].append(turn_record(recorder.last, row, seed + int(person[row])))
            obs = step.obs
            turn += 1
            if step.finished is None:
                continue
            rows = np.asarray(step.finished.rows)
            for k, row in enumerate(rows.tolist()):
                if person[row] >= 0:
                    open_dialogues[row][-1]["outcome"] = _outcome(step.finished, k)
                    yield open_dialogues[row]
                open_dialogues[row] = []
            turn[rows] = 0
    finally:
        recorder.record = kept


def turn_record(record: Any, row: int, person: int) -> dict[str, Any]:
    """One row of a `TurnRecord` as plain values, floats rounded to four digits.

    Args:
        record: `World.last`.
        row: which dialogue.
        person: seed of the person.
    """
    affect = record.estimate.affect[row]
    rating = float(record.feedback.rating[row])
    plain: dict[str, Any] = {
        "person": person,
        "turn": int(record.turn[row]),
        "said": record.person_text[row],
        "recognised": {
            **{name: _round(affect[i]) for i, name in enumerate(CATEGORIES)},
            "valence": _round(affect[VALENCE]),
            "arousal": _round(affect[AROUSAL]),
            "uncertainty": [_round(value) for value in record.estimate.uncertainty[row]],
            "present": [name for name, there in zip(MODALITIES, record.estimate.present[row], strict=True) if there],
        },
        "controls": {name: _round(getattr(record.controls, name)[row]) for name in CONTROL_RANGES},
        "reply": record.reply_text[row],
        "feedback": {
            "rating": None if np.isnan(rating) else rating,
            "engagement": _round(record.feedback.engagement[row]),
            "completed": bool(record.feedback.completed[row]),
            "abandoned": bool(record.feedback.abandoned[row]),
        },
        "reward": _round(record.reward[row]),
        "terms": {name: _round(values[row]) for name, values in record.terms.items()},
        "then": record.next_person_text[row],
    }
    if record.reading is not None:
        reading: Reading = record.reading
        plain["reading"] = {name: _round(getattr(reading, name)[row]) for name in Reading.SCALARS}
    if record.verdict is not None:
        plain["guard"] = {
            "decision": _DECISIONS[int(record.verdict.decision[row])],
            "reason": record.verdict.reason[row],
        }
    return plain


def _outcome(finished: Any, k: int) -> dict[str, Any]:
    rating = float(finished.mean_rating[k])
    return {
        "return": _round(finished.episode_return[k]),
        "relief": _round(finished.relief[k]),
        "length": int(finished.length[k]),
        "completed": bool(finished.completed[k]),
        "abandoned": bool(finished.abandoned[k]),
        "mean_rating": None if np.isnan(rating) else round(rating, 4),
        "cost": _round(finished.cost[k]),
    }


def _round(value: Any) -> float:
    return round(float(value), 4)
