"""Learning from preferences: planted coefficients are found again, and trivial rules are told beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rlgen.checks.reward import made_trace
from rlgen.errors import DataError
from rlgen.rewards import Trace
from rlgen.rewards.linear import FEATURES
from rlgen.rewards.preferences import Dialogues, Settings, centres_of, fit, learn, preferences, right

MakeTrace = Callable[..., Trace]
NAMES = list(FEATURES)


def whole(dialogues: int, turns: int, seed: int = 0) -> tuple[Trace, np.ndarray]:
    """Turns of dialogues that all complete or abandon at their last turn, better where the supporter was warm."""
    rows = dialogues * turns
    trace, rng = made_trace(rows, seed), np.random.default_rng(seed)
    dialogue, turn = np.repeat(np.arange(dialogues), turns), np.tile(np.arange(turns), dialogues)
    last = turn == turns - 1
    warm = np.bincount(dialogue, trace.reading.warmth - 0.5)
    content = rng.random(dialogues) < 1 / (1 + np.exp(-warm))
    feedback = replace(trace.feedback, completed=last & content[dialogue], abandoned=last & ~content[dialogue])
    relief = np.tanh(0.3 * warm + 0.5 * content - 0.25)[dialogue].astype(np.float32)
    return replace(trace, feedback=feedback, turn=turn, relief=relief), dialogue


def test_planted_coefficients_are_found_again() -> None:
    rng = np.random.default_rng(0)
    planted = np.array([1.5, -0.7, 0.0, 0.3])
    differences = rng.normal(size=(40_000, 4)) * [1.0, 0.5, 2.0, 1.0]
    chosen = rng.random(len(differences)) < 1 / (1 + np.exp(-differences @ planted))
    ordered = np.where(chosen[:, None], differences, -differences)
    assert fit(ordered) == pytest.approx(planted, abs=0.06)
    assert fit(np.zeros((10, 2))).tolist() == [0.0, 0.0]


def test_the_fit_is_where_the_likelihood_has_no_slope() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 3)) + np.array([0.3, 0.0, -0.1])
    x /= np.sqrt((x**2).mean(axis=0))
    beta = fit(x, ridge=2.0)
    assert x.T @ (1 / (1 + np.exp(x @ beta))) == pytest.approx(2.0 * beta, abs=1e-8)


def test_choices_follow_the_outcome_with_logistic_noise() -> None:
    outcome, rng = np.array([0.0, 1.0]), np.random.default_rng(2)
    preferred, other = preferences(outcome, 20_000, 0.5, rng)
    assert ((preferred + other) == 1).all()
    assert (preferred == 1).mean() == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)
    assert (preferences(outcome, 10, 0.0, rng)[0] == 1).all()
    assert right(outcome, np.array([1, 0, 1]), np.array([0, 1, 1])) == pytest.approx(0.5)


def test_sums_are_of_centred_features_and_outcomes_of_the_last_turn() -> None:
    trace, dialogue = whole(30, 4)
    centres = centres_of(trace)
    told = Dialogues.of(trace, dialogue, centres)
    warmth = trace.reading.warmth.reshape(30, 4)
    assert told.sums[:, NAMES.index("warmth")] == pytest.approx(warmth.sum(1) - 4 * warmth.mean(), abs=1e-5)
    assert told.sums.mean(axis=0)[:-2] == pytest.approx(0.0, abs=1e-6), "an indifferent dialogue is worth nothing"
    assert (told.length == 4).all()
    assert (told.sums[:, NAMES.index("completed")] == told.completed).all()
    assert told.outcome == pytest.approx(trace.relief[3::4])


def test_a_learned_design_keeps_the_law_and_orders_better_than_trivial_rules() -> None:
    trace, dialogue = whole(600, 3)
    made, rules = learn(trace, dialogue, "mine", Settings(noise=0.1, members=3, pessimism=0.5))
    params = made.to_dict()["terms"]["linear"]["params"]
    assert len(params["coefficients"]) == 3
    assert all(member["warmth"] > 0.1 for member in params["coefficients"])
    assert np.mean([m["completed"] - m["abandoned"] for m in params["coefficients"]]) == pytest.approx(2, abs=1e-3)
    assert made.netting()[1] <= made.completing()[1] + 1e-9
    assert rules["a coin"] == 0.5
    assert rules["always the longer dialogue"] == 0.5, "all are as long"
    assert rules["who did end better"] > rules["this reward"] > rules["the completed one"] > 0.6
    again, _ = learn(trace, dialogue, "mine", Settings(noise=0.1, members=3, pessimism=0.5))
    assert again == made


def test_too_little_is_refused() -> None:
    trace, dialogue = whole(10, 3)
    with pytest.raises(DataError, match="10 dialogues are too few to learn from; give at least 20"):
        learn(trace, dialogue, "mine", Settings())
    trace, dialogue = whole(60, 3)
    worse = replace(trace, relief=np.where(trace.feedback.completed, -0.5, 0.5).astype(np.float32))
    with pytest.raises(DataError, match="completing is not preferred to abandoning"):
        learn(worse, dialogue, "mine", Settings())
    with pytest.raises(DataError, match="all dialogues ended equally well, or nobody was asked"):
        learn(replace(trace, relief=np.zeros_like(trace.relief)), dialogue, "mine", Settings())
