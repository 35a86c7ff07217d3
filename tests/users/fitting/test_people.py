"""Fits recover what made the data; figures of fidelity against their definitions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.special import expit

from rlgen.errors import DataError
from rlgen.users.fidelity.talks import simulated_talks
from rlgen.users.fitting import people
from rlgen.users.fitting.ending_model import SHARE, fit_endings, fit_relief, hazards, weights
from rlgen.users.fitting.people import assemble, fit_models, fit_people, topic_folds
from rlgen.users.fitting.rating_model import EFFECT_PRIOR, fit_ratings, flatten, predict, unpack
from rlgen.users.logs.dialogues import Dialogue, Turn
from rlgen.users.logs.observations import Endings, Ratings


def simulate_ratings(people, length, rng, effect=0.0, channels=1, sharpness=0.4):
    """Ratings of the model of `rlgen.users.fitting.rating_model`, written out person by person."""
    sharp = np.exp(sharpness * rng.choice([-np.sqrt(3), 0.0, np.sqrt(3)], people, p=[1 / 6, 2 / 3, 1 / 6]))
    cuts = np.array([-3.0, -1.8, -0.4, 1.2])
    helped = rng.random(people) < 0.7
    alpha = 1.1 * rng.normal(size=people) - 1.5 * ~helped
    steady = rng.random(people) < 0.2
    x = rng.normal(size=(people, length, channels))
    value = np.zeros((people, length), dtype=np.int64)
    for j in range(length):
        last = value[:, j - 1] + 1 - 4 if j else np.zeros(people)
        turn = 2 * (j + 1) / 10
        eta = alpha + (-0.4 if j == 0 else 0.0) + 0.9 * turn - 0.8 * (turn - 1) ** 2 + 0.5 * last + effect * x[:, j, 0]
        value[:, j] = (rng.random(people)[:, None] > expit(sharp[:, None] * (cuts - eta[:, None]))).sum(axis=1)
        value[steady, j] = value[steady, 0]
    after = np.broadcast_to(2.0 * np.arange(1, length + 1), value.shape)
    return Ratings(value, after, x, helped)


@pytest.fixture(scope="module")
def rated():
    data = simulate_ratings(450, 6, np.random.default_rng(0), effect=0.6)
    return data, fit_ratings(data)


def test_the_rating_model_is_recovered():
    """Within four posterior standard deviations, whichever parameter."""
    import torch

    posterior = fit_ratings(simulate_ratings(900, 6, np.random.default_rng(0))).posterior
    deviation = np.sqrt(np.diag(posterior.covariance))[:12]
    cuts = [-3.0, *np.log([1.2, 1.4, 1.6])]
    truth = np.array([*cuts, np.log(1.1), np.log(0.4), -1.5, -0.4, 0.9, -0.8, 0.5])
    assert (np.abs(posterior.mode[:11] - truth) < 4 * deviation[:11]).all()
    assert (deviation[:11] < 1.0).all()
    found = unpack(torch.tensor(posterior.mode))
    assert found["constant"].mean() == pytest.approx(0.2, abs=0.06)
    assert found["lapse"][0] < 0.06


def test_reading_effects_are_shrunk_towards_human_size(rated):
    """A true effect five times the prior's width is found, but smaller than it is; the sign is kept."""
    _, fit = rated
    effect, deviation = fit.posterior.mode[-1], np.sqrt(fit.posterior.covariance[-1, -1])
    assert 0.0 < effect < 0.6
    assert deviation < EFFECT_PRIOR / fit.slope
    null = fit_ratings(simulate_ratings(250, 6, np.random.default_rng(1)))
    assert abs(null.posterior.mode[-1]) < 3 * np.sqrt(null.posterior.covariance[-1, -1])


def dialogue(number, helped, rng, length=9):
    turns = []
    for i in range(length):
        turns.append(Turn(True, f"reply {i}", 1, None))
        turns.append(Turn(False, "answer", 1, float(rng.integers(1 + 2 * helped, 6)) if i % 2 else None))
    initial = int(rng.integers(3, 6))
    final = int(rng.integers(1, initial)) if helped else (None if number % 3 == 0 else initial)
    return Dialogue(str(number), helped, True, "work", number % 3, initial, final, tuple(turns))


def test_named_parameters_predict_what_the_flat_ones_do():
    rng = np.random.default_rng(2)
    talks = [dialogue(i, i % 3 > 0, rng, int(rng.integers(7, 13))) for i in range(120)]
    readings = [rng.normal(size=(d.replies, 11)) for d in talks]
    models = fit_models(talks, readings)
    fit = assemble(models, talks, 4, 0)
    theta, scale = flatten(fit.mean.ratings)
    np.testing.assert_allclose(theta[:11], models.ratings.posterior.mode[:11], atol=1e-3)
    np.testing.assert_allclose(scale.mean, models.ratings.scale.mean, atol=1e-4)
    assert len(fit.draws) == 4
    assert fit.draws[0] != fit.draws[1]
    assert fit == assemble(models, talks, 4, 0)
    simulated = simulated_talks(fit.mean, 0.7, readings, 0, people=200)
    assert (simulated.replies >= 1).all()
    assert not simulated.open.all()
    assert ((simulated.value >= -1) & (simulated.value <= 4)).all()


def test_each_draw_leaves_a_fold_of_topics_out(monkeypatch):
    monkeypatch.setattr(people, "FOLDS", 2)
    rng = np.random.default_rng(3)
    talks = [dialogue(i, i % 2 > 0, rng) for i in range(180)]
    topics = ["work", "Work", "exam", "home"]
    talks = [dataclasses.replace(d, topic=topics[i // 2 % 4]) for i, d in enumerate(talks)]
    assert topic_folds(talks) == (("work",), ("exam", "home"))
    fit = fit_people(talks, [np.zeros((d.replies, 0)) for d in talks], None, 3, 0)
    rest = [d for d in talks if d.topic.lower() != "work"]
    alone = assemble(fit_models(rest, [np.zeros((d.replies, 0)) for d in rest]), rest, 2, 0)
    assert fit.without[0] == alone.mean
    assert (fit.draws[0], fit.draws[2]) == alone.draws
    assert fit.mean.valence is None  # nobody has read what they said
    # Too few would be left: one posterior for all.
    assert topic_folds([d for d in talks if d.topic != "Work"][:60]) == ()


def test_too_few_dialogues_are_refused():
    rng = np.random.default_rng(2)
    with pytest.raises(DataError, match="rated failed"):
        fit_models([dialogue(i, True, rng) for i in range(30)], None)


def test_one_rating_in_each_dialogue_is_refused():
    rng = np.random.default_rng(2)

    def rated_once(talk):
        given = iter([turn.rating for turn in talk.turns if turn.rating is not None][:1])
        turns = [dataclasses.replace(t, rating=None if t.rating is None else next(given, None)) for t in talk.turns]
        return dataclasses.replace(talk, turns=tuple(turns))

    talks = [rated_once(dialogue(i, i % 2 == 0, rng)) for i in range(60)]
    with pytest.raises(DataError, match="no dialogue has two ratings"):
        fit_models(talks, None)


def test_predictions_are_probabilities_and_learn_the_person(parameters):
    data = simulate_ratings(200, 6, np.random.default_rng(3))
    plain = Ratings(data.value, data.after, data.readings[..., :0], data.helped)
    probability = predict(parameters.ratings, plain, 0.7)
    np.testing.assert_allclose(probability.sum(axis=2), 1.0, atol=1e-9)
    fives = Ratings(np.full((1, 6), 4), data.after[:1], data.readings[:1, :, :0], np.array([True]))
    again = predict(parameters.ratings, fives, 0.7)[0, :, 4]
    assert (np.diff(again) > 0).all()


def simulate_endings(people, rng, abandon=-3.5, complete=(-4.0, 0.3), own=0.0):
    """Endings in the order of the simulator: a person abandons, and else may complete."""
    rows, own = [], np.broadcast_to(own, people)
    for i in range(people):
        mood, helped = rng.normal(), i % 5 > 0
        for turn in range(1, 17):
            left = rng.random() < expit(abandon - 1.0 * mood)
            done = not left and rng.random() < expit(
                complete[0] + complete[1] * turn + (0.0 if own is None else own[i])
            )
            rows.append((i, turn, mood, helped, True, True, done, left))
            if left or done:
                break
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    shown = rng.normal(size=(len(rows), 8))
    shown[:, 0] += 1.5 * columns[6]
    return Endings(*columns, shown)


def test_hazards_are_recovered():
    data = simulate_endings(4000, np.random.default_rng(4))
    fit = fit_endings(data)
    np.testing.assert_allclose(fit.complete.mode[2:14], -4.0 + 0.3 * np.arange(3, 15), atol=0.4)
    np.testing.assert_allclose(fit.abandon.mode, [-3.5, -1.0, 0.0], atol=0.25)


def test_people_who_complete_sooner_for_what_they_are_tell_so():
    """Hazards with known logits by reply and a personal effect: it is recovered, and what predicts knows none of it."""
    rng = np.random.default_rng(12)
    effects = rng.normal(size=(4000, 2))
    data = simulate_endings(4000, rng, own=effects @ [0.1, 0.4])
    tied, plain = fit_endings(data, effects), fit_endings(data)
    deviation = np.sqrt(np.diag(tied.ties.covariance))
    assert (np.abs(tied.ties.mode - [0.1, 0.4]) < 4 * deviation).all()
    assert (deviation < 0.05).all()
    np.testing.assert_array_equal(tied.complete.mode, plain.complete.mode)
    assert tied.signs == plain.signs
    np.testing.assert_array_equal(plain.ties.mode, [0.0, 0.0])


def test_who_walks_out_was_not_at_risk_of_completing():
    fit = fit_endings(simulate_endings(4000, np.random.default_rng(9), abandon=-0.5, complete=(-1.0, 0.0)))
    np.testing.assert_allclose(fit.complete.mode[:3], -1.0, atol=0.2)
    np.testing.assert_allclose(fit.abandon.mode[:2], [-0.5, -1.0], atol=0.15)


def test_weights_give_successes_their_share():
    data = simulate_endings(100, np.random.default_rng(5))
    weight = weights(data, SHARE)
    first = data.turn == 1
    assert weight[first & data.helped].sum() / weight[first].sum() == pytest.approx(SHARE)


def test_relief_is_recovered_in_spite_of_the_filter():
    rng = np.random.default_rng(6)
    initial, mood = rng.integers(2, 6, 8000).astype(float), rng.normal(size=8000)
    final = np.clip(np.rint(2.9 + 0.3 * (initial - 4) - 0.5 * mood + 1.1 * rng.normal(size=8000)), 1, 5)
    kept = final < initial
    fit = fit_relief(initial[kept], final[kept], mood[kept], initial[kept] - 1)
    np.testing.assert_allclose(fit.mode, [2.9, 0.3, -0.5, np.log(1.1)], atol=0.15)


def test_signs_sharpen_predictions_and_leave_hazards_as_they_are(parameters):
    data = simulate_endings(4000, np.random.default_rng(11))
    fit = fit_endings(data)
    assert fit.signs.weight["reply_words"] == pytest.approx(1.5 * fit.signs.deviation["reply_words"], abs=0.3)
    assert abs(fit.signs_with_goodbyes.weight["reply_goodbye"]) < 0.2
    p = parameters.endings.model_copy(
        update={"complete": tuple(fit.complete.mode[:-1]), "complete_mood": fit.complete.mode[-1]}
    )
    risk = data.entered & ~data.abandoned
    plain, shown = hazards(p, data)[0][risk], hazards(p, data, fit.signs)[0][risk]
    done = data.completed[risk]
    assert shown.mean() == pytest.approx(plain.mean(), rel=0.05)
    assert (
        -np.where(done, np.log(shown), np.log1p(-shown)).sum() < -np.where(done, np.log(plain), np.log1p(-plain)).sum()
    )
