"""Figures of fidelity against their definitions; simulated people against the model that is scored."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from rlgen.users.calibrated.parameters import Parameters
from rlgen.users.fidelity.baselines import BASELINES, Chain, baseline_hazard
from rlgen.users.fidelity.crossfit import folds
from rlgen.users.fidelity.distances import ks, rating_relief, two_sample_auc, wasserstein
from rlgen.users.fidelity.effects import reading_effects
from rlgen.users.fidelity.predictions import Rated, ending_scores, points, qwk, rating_scores
from rlgen.users.fidelity.talks import Talks, simulated_talks
from rlgen.users.fitting.rating_model import predict
from rlgen.users.logs.dialogues import Dialogue, Turn
from rlgen.users.logs.observations import SIGNS, Endings, Ratings, signs


def talks_of(value, rng, windows=None, relief_points=None):
    people, length = value.shape
    return Talks(
        value,
        np.broadcast_to(2.0 * np.arange(1, length + 1), value.shape),
        np.zeros((people, length, 1)) if windows is None else windows,
        rng.normal(size=value.shape),
        rng.normal(size=value.shape),
        rng.integers(8, 17, people),
        rng.normal(size=people) if relief_points is None else relief_points,
        np.zeros(people, dtype=np.bool_),
        np.zeros(people, dtype=np.bool_),
    )


def test_distances_are_what_their_names_say():
    rng = np.random.default_rng(7)
    low, high = rng.integers(0, 5, 200), rng.integers(1, 6, 300)
    assert ks(low, high) == pytest.approx(scipy.stats.ks_2samp(low, high).statistic)
    flat = talks_of(np.full((50, 4), 2), rng)
    rising = talks_of(np.tile(np.arange(4), (50, 1)), rng, relief_points=flat.relief_points + 1.0)
    found = wasserstein(flat, rising)
    assert found == pytest.approx({"mean": 0.5, "spread": np.arange(4).std(), "slope": 0.5, "relief (points)": 1.0})
    value = rng.integers(0, 5, (300, 4))
    assert rating_relief(talks_of(value, rng, relief_points=value.mean(axis=1))) == pytest.approx(1.0)
    assert np.isnan(rating_relief(talks_of(value, rng, relief_points=np.full(300, np.nan))))


def test_the_two_sample_test_sees_differences_and_only_them():
    rng = np.random.default_rng(8)
    steady = talks_of(np.repeat(rng.integers(0, 5, (400, 1)), 4, axis=1), rng)
    loose = talks_of(rng.integers(0, 5, (800, 4)), rng)
    half = np.arange(800) < 400
    assert two_sample_auc(loose, steady, 0) > 0.9
    assert two_sample_auc(loose.rows(half), loose.rows(~half), 0) == pytest.approx(0.5, abs=0.07)
    other = talks_of(rng.integers(0, 5, (800, 4)), rng)
    wordy = Talks(**{**vars(other), "words": other.words + 1.0})
    assert two_sample_auc(loose, wordy, 0) == pytest.approx(0.5, abs=0.07)
    assert two_sample_auc(loose, wordy, 0, joint=True) > 0.9
    assert np.isnan(two_sample_auc(loose, talks_of(np.full((9, 3), -1), rng), 0))


def test_scores_of_ratings():
    rng = np.random.default_rng(1)
    probability = rng.dirichlet(np.ones(5), 4000)
    value = (rng.random(4000)[:, None] > np.cumsum(probability, axis=1)[:, :-1]).sum(axis=1)
    found = rating_scores(Rated(probability, value, np.arange(4000) // 5))
    entropy = -(probability * np.log(probability)).sum(axis=1).mean()
    assert found["NLL"] == pytest.approx(entropy, abs=0.05)
    assert found["calibration slope"] == pytest.approx(1.0, abs=0.1)
    shares = np.bincount(points(probability), minlength=5) / 4000
    np.testing.assert_allclose(shares, probability.mean(axis=0), atol=0.01)
    assert qwk(value, value) == pytest.approx(1.0)
    assert abs(qwk(rng.integers(0, 5, 5000), rng.integers(0, 5, 5000))) < 0.05
    two = Rated.joined([Rated(probability[:3], value[:3], np.array([0, 0, 1]))] * 2)
    assert two.person.tolist() == [0, 0, 1, 2, 2, 3]


def test_concordance_is_within_replies():
    columns = [np.array(part) for part in ([0, 0, 1, 1, 1], [1, 2, 1, 2, 3])]
    ended = np.array([False, True, False, False, True])
    yes = np.ones(5, dtype=np.bool_)
    data = Endings(*columns, np.zeros(5), yes, yes, yes, ended, ~yes, np.zeros((5, 8)))
    found = ending_scores(np.array([0.1, 0.5, 0.2, 0.3, 0.9]), data, yes)
    assert found["C-index"] == 1.0  # after reply 2, who left had .5 and who stayed .3
    assert found["NLL"] == pytest.approx(-np.log([0.9, 0.5, 0.8, 0.7, 0.9]).sum() / 2)
    assert ending_scores(np.array([0.1, 0.5, 0.2, 0.5, 0.9]), data, yes)["C-index"] == 0.5


def test_effects_are_recovered_beside_a_trend_and_personal_levels():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 6, 2))
    latent = rng.normal(size=(600, 1)) + 0.2 * np.arange(6) + 0.3 * x[..., 0] + rng.normal(size=(600, 6))
    value = np.clip(np.rint(latent + 1.5), 0, 4).astype(np.int64)
    found = reading_effects(talks_of(value, rng, windows=2.0 * x), np.array([2.0, 2.0]), 0)
    assert 0.15 < found.value[0] < 0.35
    assert found.low[1] < 0.0 < found.high[1]
    assert ((found.low < found.value) & (found.value < found.high)).all()


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_predict_what_they_draw(name):
    rng = np.random.default_rng(3)
    train = Ratings(rng.integers(0, 5, (200, 5)), np.ones((200, 5)), np.zeros((200, 5, 0)), np.ones(200, np.bool_))
    chain = Chain.of(name, train)
    drawn = chain.draw(4000, 3, rng)
    data = Ratings(drawn, np.ones(drawn.shape), np.zeros((*drawn.shape, 0)), np.ones(4000, np.bool_))
    probability = chain.predict(data)
    np.testing.assert_allclose(probability.sum(axis=2), 1.0)
    shares = np.bincount(drawn[:, 2], minlength=5) / 4000
    np.testing.assert_allclose(shares, probability[:, 2].mean(axis=0), atol=0.03)


def test_a_life_table():
    one = np.ones(30, dtype=np.bool_)
    turn = np.tile([1, 2, 3], 10)
    ended = turn == 3
    data = Endings(np.arange(30) // 3, turn, np.zeros(30), one, one, one, ended, ~one, np.zeros((30, 8)))
    np.testing.assert_allclose(baseline_hazard("Markov", data)[:3], [0, 0, 1], atol=0.1)
    np.testing.assert_allclose(baseline_hazard("marginal", data), 1 / 3)


def test_folds_part_the_dialogues_whatever_their_order():
    turn = Turn(True, "yes", 1, None)
    talks = [Dialogue(f"d{i}", i % 3 > 0, i % 2 > 0, "", None, 4, 2, (turn,)) for i in range(40)]
    parts = folds(talks, 3, 5)
    assert sorted(i for part in parts for i in part) == list(range(40))
    again = folds(talks[::-1], 3, 5)
    assert [{talks[i].name for i in p} for p in parts] == [{talks[::-1][i].name for i in p} for p in again]


def test_signs_are_of_what_had_been_said():
    turns = [(False, "hello you"), (True, "hi there, how are you?"), (False, "bad?"), (True, "take care"), (False, "x")]
    dialogue = Dialogue("a", True, True, "", None, 4, 2, tuple(Turn(s, t, 1, None) for s, t in turns))
    found = dict(zip(SIGNS, signs(dialogue).T, strict=True))
    np.testing.assert_allclose(found["reply_words"], np.log([6, 3]))
    np.testing.assert_allclose(found["person_words_own"], [0, np.log(2) - np.log(6) / 2])
    assert found["reply_asks"].tolist() == [1, 0]
    assert found["person_asks"].tolist() == [0, 1]
    assert found["reply_goodbye"].tolist() == [0, 1]


def test_simulated_people_follow_the_model_that_is_scored(parameters):
    """Scored under their own model, people's ratings are as surprising as the model expects them to be."""
    changed = parameters.model_dump()
    changed["ratings"] |= {"sharpness": 0.5, "curve": -1.0}
    p = Parameters.model_validate(changed)
    rng = np.random.default_rng(0)
    talks = simulated_talks(p, 0.7, [rng.normal(0.2, 0.3, (16, 11)) for _ in range(50)], 4, people=3000)
    data = Ratings(talks.value, talks.after, talks.windows, np.ones(len(talks.value), np.bool_))
    probability = predict(p.ratings, data, 0.7)[talks.value >= 0]
    picked = -np.log(probability[np.arange(len(probability)), talks.value[talks.value >= 0]])
    entropy = -(probability * np.log(np.maximum(probability, 1e-300))).sum(axis=1)
    noise = (picked - entropy).std() / np.sqrt(len(picked))
    assert abs((picked - entropy).mean()) < 4 * noise
