"""Distances from logs: exact invariances on any log, known values on made-up ones, and what a log has to hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from rlgen.affect import AROUSAL, VALENCE
from rlgen.errors import DataError
from rlgen.rewards import RewardDesign, Trace, design
from rlgen.rewards.distances import KINDS, Turns, distances
from rlgen.rewards.distances.logged import AFTER, BEFORE, REPLY, joined
from rlgen.types import Estimate, Feedback, Reading

GAMMA = 0.9
TURNS = 6


def log(dialogues: int = 60, seed: int = 0, shuffled: bool = False) -> Turns:
    """Dialogues of one to six turns whose states drift, and in which a warm reply raises the next valence."""
    rng = np.random.default_rng(seed)
    traces, number = [], []
    for dialogue in range(dialogues):
        length = int(rng.integers(1, TURNS + 1))
        affect = np.concatenate([rng.dirichlet(np.ones(6), length + 1), rng.uniform(-1, 1, (length + 1, 2))], axis=1)
        warmth = rng.uniform(-1, 1, length)
        affect[1:, VALENCE] = np.clip(0.5 * affect[:-1, VALENCE] + 0.4 * warmth, -1, 1)
        unit = rng.uniform(0, 1, (3, length + 1)).astype(np.float32)
        states = Estimate(
            np.zeros((length + 1, 0), np.float32),
            affect.astype(np.float32),
            unit.T.copy(),
            np.ones((length + 1, 3), bool),
        )
        scalars = {name: rng.uniform(0, 1, length).astype(np.float32) for name in Reading.SCALARS}
        reading = Reading(
            affect[:-1].astype(np.float32),
            rng.uniform(0, 1, (length, 3)).astype(np.float32),
            **{**scalars, "warmth": warmth.astype(np.float32)},
        )
        ends = np.arange(length) == length - 1
        completed = ends & (length < TURNS) & (rng.random(length) < 0.5)
        rating = np.where(rng.random(length) < 0.4, rng.integers(1, 6, length), np.nan)
        mean = [np.nan if np.isnan(rating[:i]).all() else np.nanmean(rating[:i]) for i in range(length)]
        traces.append(
            Trace(
                utterance=[f"{dialogue}, {turn}" for turn in range(length)],
                reply=[f"reply {dialogue}, {turn}" for turn in range(length)],
                next_utterance=[f"{dialogue}, {turn + 1}" for turn in range(length)],
                estimate=states.rows(np.arange(length)),
                reading=reading,
                feedback=Feedback(
                    rating.astype(np.float32),
                    rng.uniform(0, 1, length).astype(np.float32),
                    completed,
                    ends & (length < TURNS) & ~completed,
                ),
                next_estimate=states.rows(np.arange(length) + 1),
                turn=np.arange(length),
                max_turns=TURNS,
                rating_history_mean=np.array(mean, dtype=np.float32),
                relief=rng.uniform(-1, 1, length).astype(np.float32),
            )
        )
        number.append(np.full(length, dialogue))
    if shuffled:
        order = rng.permutation(sum(map(len, number)))
        return Turns.of([joined(traces).rows(order)], [np.concatenate(number)[order]])
    return Turns.of(traces, number)


def paid(function: Callable[[Trace], Any], name: str) -> RewardDesign:
    function.__name__ = name
    return design(function)


def base(trace: Trace) -> Any:
    """Something of each part of a turn, words included."""
    words = np.array([len(text) for text in trace.next_utterance])
    left = trace.feedback.completed * (1.0 + 0.1 * trace.turns_left)
    return trace.reading.warmth * trace.estimate.affect[:, VALENCE] + trace.feedback.engagement + left + 0.01 * words


def shaped(potential: Callable[[Estimate, Any], Any]) -> Callable[[Trace], Any]:
    """The same with shaping by a potential of state and turn, 0 once a dialogue is over."""

    def reward(trace: Trace) -> Any:
        after = np.where(trace.over, 0.0, potential(trace.next_estimate, trace.turn + 1))
        return 2.0 * base(trace) + GAMMA * after - potential(trace.estimate, trace.turn)

    return reward


def curved(state: Estimate, turn: Any) -> Any:
    return 3.0 * state.affect[:, AROUSAL] ** 2 * turn + np.sin(5.0 * state.affect[:, 0])


def linear(state: Estimate, turn: Any) -> Any:
    return 3.0 * state.affect[:, AROUSAL] - 2.0 * state.affect[:, 0] + np.sqrt(turn)


@pytest.mark.parametrize("seed", range(4))
def test_shaping_and_scale_do_not_count_on_any_log(seed: int) -> None:
    """To the digits of float32, however small the log; STARC for potentials that its regression can hold."""
    turns = log(40, seed)
    designs = [paid(base, "base"), paid(shaped(curved), "curved"), paid(shaped(linear), "linear")]
    opposite = paid(lambda trace: -base(trace), "opposite")
    found = distances([*designs, opposite], turns, gamma=GAMMA, seed=seed, resamples=4)
    for kind in ("epic", "dard"):
        assert found[kind].value[:3, :3] == pytest.approx(0.0, abs=1e-5)
        assert found[kind].value[0, 3] == pytest.approx(1.0, abs=1e-6)
        assert found[kind].error[:3, :3] == pytest.approx(0.0, abs=1e-5)
    starc = found["starc"].value[np.ix_([0, 2, 3], [0, 2, 3])]
    if np.isfinite(starc).all():
        assert starc == pytest.approx(np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]]), abs=2e-3)


def test_known_values_where_replies_change_nothing() -> None:
    """Warmth against warmth plus question, independent, of one variance and of mean 0: cosine 1 / sqrt 2 for all three.

    Of mean 0, because what is paid for each turn pays for staying where dialogues end.
    """
    turns = log(800, 3)
    rng = np.random.default_rng(0)
    reading = replace(
        turns.trace.reading,
        **{name: rng.uniform(-1, 1, len(turns)).astype(np.float32) for name in ("warmth", "question")},
    )
    turns = replace(turns, trace=replace(turns.trace, reading=reading))
    found = distances(
        [paid(lambda t: t.reading.warmth, "warm"), paid(lambda t: t.reading.warmth + t.reading.question, "both")],
        turns,
        gamma=GAMMA,
        resamples=30,
    )
    wanted = np.sqrt((1 - 1 / np.sqrt(2)) / 2)
    for kind in KINDS:
        value, error = found[kind].value[0, 1], found[kind].error[0, 1]
        assert value == pytest.approx(wanted, abs=0.03)
        assert abs(value - wanted) < 4 * error + 0.005
        assert 0 < error < 0.03


def test_epic_is_the_advantage_where_anything_follows_anything() -> None:
    """Against the same thing computed turn by turn over all triples of a small log."""
    turns = log(25, 7)
    one, two = paid(base, "base"), paid(lambda t: t.reading.question + t.next_estimate.affect[:, VALENCE], "other")
    at = [np.flatnonzero(turns.trace.turn == turn) for turn in range(TURNS)]
    every = np.arange(len(turns))
    forms = []
    for reward in (one, two):
        value = np.zeros(len(turns))
        form, weight = [], []
        for rows in reversed(at):
            i, j, k = (each.ravel() for each in np.meshgrid(rows, every, rows, indexing="ij"))
            table = reward.score(turns.put_together(i, j, k))[0].astype(float)
            ahead = np.where(turns.stays[k], value[turns.following[k]], 0.0)
            total = table + GAMMA * ahead
            value[rows] = total.reshape(len(rows), -1).mean(axis=1)
            form.append(total - value[i])
            weight.append(np.full(len(i), len(rows) / len(turns) / len(i)))
        forms.append(np.concatenate(form))
    share = np.concatenate(weight)
    centred = [form - form @ share for form in forms]
    rho = (share * centred[0]) @ centred[1] / np.sqrt(np.prod([share @ each**2 for each in centred]))
    drawn = [distances([one, two], turns, ["epic"], GAMMA, seed, 2)["epic"].value[0, 1] for seed in range(40)]
    assert np.mean(drawn) == pytest.approx(np.sqrt((1 - rho) / 2), abs=4 * np.std(drawn) / np.sqrt(40) + 0.01)


def test_they_are_metrics_on_logs_too() -> None:
    makes = (base, lambda t: t.feedback.engagement, lambda t: t.reading.warmth, lambda t: -t.reading.intensity)
    found = distances([paid(make, str(i)) for i, make in enumerate(makes)], log(80), gamma=GAMMA, resamples=2)
    for kind in ("epic", "dard"):
        value = found[kind].value
        assert value == pytest.approx(value.T, abs=1e-12)
        assert (np.diag(value) == 0).all()
        assert (value[:, None, :] <= value[:, :, None] + value[None] + 1e-9).all()


def test_a_design_that_pays_nothing() -> None:
    found = distances([paid(base, "base"), paid(lambda t: 0.0 * t.turn, "nothing")], log(), gamma=GAMMA, resamples=3)
    assert found["epic"].value[0, 1] == pytest.approx(0.5)
    assert found["dard"].value[0, 1] == pytest.approx(0.5)
    assert np.isnan(found["starc"].value[0, 1])


def test_the_same_seed_gives_the_same_bits_whatever_the_order_of_the_log() -> None:
    designs = [paid(base, "base"), paid(lambda t: t.feedback.engagement, "engagement")]
    first, again = (distances(designs, log(shuffled=mixed), gamma=GAMMA, resamples=5) for mixed in (False, True))
    for kind in KINDS:
        assert first[kind].value.tobytes() == again[kind].value.tobytes()
        assert first[kind].error.tobytes() == again[kind].error.tobytes()


def test_every_part_of_a_trace_has_its_place() -> None:
    assert {*BEFORE, *REPLY, *AFTER, "max_turns"} == {each.name for each in fields(Trace)}


def test_dialogues_without_beginning_middle_or_end_are_left_out() -> None:
    turns = log(30, 1)
    lengths = np.bincount(turns.dialogue)
    long = np.flatnonzero(lengths >= 3)[:3]
    gone = [np.flatnonzero(turns.dialogue == long[i])[place] for i, place in enumerate((0, 1, -1))]
    kept = np.setdiff1d(np.arange(len(turns)), gone)
    left = Turns.of([turns.trace.rows(kept)], [turns.dialogue[kept]])
    assert left.dialogues == turns.dialogues - 3
    assert (left.stays == ~left.trace.over).all()
    assert [left.trace.utterance[i] for i in left.following[left.stays]] == [
        text for text, on in zip(left.trace.next_utterance, left.stays, strict=True) if on
    ]
    with pytest.raises(DataError, match="no dialogue from its first turn to its end"):
        Turns.of([turns.trace.rows(np.array(gone[:1]))], [np.zeros(1, dtype=np.int64)])
