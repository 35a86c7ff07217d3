"""The calibrated family against its own formulas, with large samples as oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.users import CalibratedConfig, build
from rlgen.users.calibrated.parameters import Fit, Parameters
from rlgen.users.calibrated.people import CalibratedUsers


@pytest.fixture
def seat(utterances, segments, parameters):
    def make(rows=200, seed=3, change=None, **config):
        fitted = parameters if change is None else Parameters.model_validate(change(parameters.model_dump()))
        users = CalibratedUsers(CalibratedConfig(**config), rows, utterances, segments, fitted)
        streams = Streams.of(seed, rows)
        users.reset(np.arange(rows), streams)
        return users, streams

    return make


def talk(users, streams, reading, words, turns=16):
    rows = len(streams)
    log = []
    for turn in range(turns):
        feedback, said = users.respond(np.arange(len(streams)), words(rows), reading, streams, np.full(rows, turn))
        log.append((feedback, said, users.hidden()))
    return log


def stack(log, name):
    return np.stack([getattr(feedback, name) for feedback, _, _ in log])


def test_first_ratings_follow_the_ordinal_model(seat, reading, words):
    def plain(p):
        p["ratings"] |= {"spread": 0.0, "unhelped": 0.0, "constant": (0.0, 0.0), "gap": (1.0, 0.0)}
        return p

    users, streams = seat(20_000, change=plain, share_of_successes=1.0)
    rating = talk(users, streams, reading(20_000, warmth=0.5), words, 2)[1][0].rating
    eta = -0.3 + 0.8 * 0.2 + 0.4 * (0.5 - 0.2) / 0.3
    below = np.concatenate([[0.0], expit(np.array([-4.5, -3.0, -1.2, 1.0]) - eta), [1.0]])
    expected = 0.96 * np.diff(below) + 0.04 / 5
    shares = np.bincount(rating.astype(int), minlength=6)[1:] / len(rating)
    np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / len(rating)))


def test_effect_scale_multiplies_the_reading(seat, reading, words):
    def means(scale, warmth):
        users, streams = seat(3000, effect_scale=scale, share_of_successes=1.0)
        return np.nanmean(stack(talk(users, streams, reading(3000, warmth=warmth), words, 3), "rating"))

    assert means(0.0, -1.0) == means(0.0, 1.0)
    small, large = means(1.0, 0.5) - means(1.0, -0.1), means(3.0, 0.5) - means(3.0, -0.1)
    assert 0.05 < small < large


def test_replies_beside_the_point_cost_what_is_assumed(seat, reading, words):
    def mean(relevance, **assumed):
        users, streams = seat(3000, share_of_successes=1.0, assumed=assumed)
        read = reading(3000, warmth=0.2, relevance=relevance)
        return np.nanmean(stack(talk(users, streams, read, words, 3), "rating"))

    assert mean(0.3) == mean(1.0) == mean(0.0, misfit=0.0)
    assert mean(0.0) < mean(0.15) < mean(0.3) - 0.02
    assert mean(0.0, misfit=2.0) < mean(0.0) - 0.1


def test_readings_count_only_up_to_the_human_range(seat, reading, words):
    users, streams = seat(500)
    a = talk(users, streams, reading(500, warmth=1.2), words, 6)
    users, streams = seat(500)
    b = talk(users, streams, reading(500, warmth=100.0), words, 6)
    np.testing.assert_array_equal(stack(a, "rating"), stack(b, "rating"))


def test_hazards_are_those_of_the_parameters(seat, reading, words):
    def flat(p):
        p["endings"] |= {"complete": (-2.0,) * 16, "complete_mood": 0.0, "abandon": -2.0}
        p["endings"] |= {"abandon_mood": 0.0, "abandon_turn": 0.0}
        return p

    users, streams = seat(20_000, change=flat)
    feedback = talk(users, streams, reading(20_000), words, 1)[0][0]
    hazard = expit(-2.0)
    assert feedback.abandoned.mean() == pytest.approx(hazard, abs=0.01)
    assert feedback.completed.mean() == pytest.approx(hazard * (1 - hazard), abs=0.01)
    users, streams = seat(20_000, change=flat, share_of_successes=0.5)
    feedback = talk(users, streams, reading(20_000), words, 1)[0][0]
    assert feedback.abandoned.mean() == pytest.approx(expit(-2.0 + np.log(0.5 / 0.2)), abs=0.015)


def test_bright_people_complete_sooner_by_so_much(seat, reading, words):
    wording = {"level": (3.0,), "unhelped": 0.0, "closing": 0.0, "spread": (0.1, 0.1), "noise": 0.1, "drift": 0.1}
    wording |= {"memory": 0.0, "unevenness": 0.0}

    def tied(p):
        endings = p["endings"] | {"complete": [-3.0] * 16, "complete_mood": 0.0, "complete_brightness": 0.8}
        return p | {"endings": endings, "words": wording, "valence": wording}

    users, streams = seat(20_000, change=tied, share_of_successes=1.0)
    bright = users.state.wording[:, 1, 0].copy()
    ((feedback, _, _),) = talk(users, streams, reading(20_000), words, turns=1)
    for low, high in ((-2.0, -1.0), (-0.5, 0.5), (1.0, 2.0)):
        some = (bright > low) & (bright < high)
        expected = expit(-3.0 + 0.8 * bright[some]).mean()
        assert feedback.completed[some].mean() == pytest.approx(expected, abs=4 * (expected / some.sum()) ** 0.5)


def test_relief_of_the_helped_is_a_fall_and_follows_the_survey_model(seat, reading, words):
    def certain(p):
        p["endings"] |= {"complete": (12.0,) * 16, "abandon": -30.0}
        p["initial"] = ((0, 0, 0, 0, 1), (0, 0, 0, 0, 1))
        return p

    for share, base, slope, top in ((1.0, 2.8, -0.2, 4), (0.0, 3.6, 0.7, 5)):
        users, streams = seat(20_000, change=certain, share_of_successes=share)
        log = talk(users, streams, reading(20_000), words, 1)
        assert log[0][0].completed.all()
        final = 5.0 - log[0][2]["relief_points"]
        cumulative = np.append(norm.cdf((np.arange(1.5, 5.0) - base - slope) / 1.2), 1.0)[:top]
        expected = np.diff(np.concatenate([[0.0], cumulative / cumulative[-1]]))
        shares = np.bincount(final.astype(int), minlength=6)[1 : top + 1] / len(final)
        np.testing.assert_allclose(shares, expected, atol=0.015)


def test_model_relief_is_a_straight_line_to_the_endpoint(seat, reading, words):
    def still(p):
        p["relief"] = tuple(part | {"mood": 0.0} for part in p["relief"])
        return p

    users, streams = seat(100, change=still, population="stalling")
    path = np.stack([hidden["model_relief"] for _, _, hidden in talk(users, streams, reading(100), words)])
    line = np.minimum(np.arange(1, 17) / users._length, 1.0)
    np.testing.assert_allclose(path, line[:, None] * path[-1], atol=1e-5)
    helped = users.hidden()["helped"] > 0
    assert (path[-1][helped] >= 0.25).all()


def test_paths_of_relief_differ_between_and_end_alike(seat, reading, words):
    logs = {}
    for path in ("linear", "late", "understanding"):
        users, streams = seat(400, path=path)
        logs[path] = talk(users, streams, reading(400, warmth=0.4), words)
    for name in ("relief", "model_relief"):
        ends = {path: log[-1][2][name] for path, log in logs.items()}
        np.testing.assert_array_equal(ends["late"], ends["linear"])
        np.testing.assert_array_equal(ends["understanding"], ends["linear"])
    # What a dialogue that ends earlier is credited with is the same, too, and so are ratings and endings.
    for linear, late, driven in zip(*logs.values(), strict=True):
        ended = linear[0].completed | linear[0].abandoned
        for other in (late, driven):
            np.testing.assert_array_equal(linear[0].rating, other[0].rating)
            np.testing.assert_array_equal(linear[0].completed, other[0].completed)
            np.testing.assert_array_equal(linear[0].abandoned, other[0].abandoned)
            np.testing.assert_array_equal(linear[2]["relief"][ended], other[2]["relief"][ended])


def test_the_shapes_of_the_paths(seat, reading, words):
    def still(p):
        p["relief"] = tuple(part | {"mood": 0.0} for part in p["relief"])
        return p

    users = {}
    for path in ("linear", "late", "understanding"):
        users[path], streams = seat(300, change=still, population="stalling", path=path)
        talk(users[path], streams, reading(300, warmth=0.4), words, 6)
    part = {path: made.hidden()["model_relief"] for path, made in users.items()}
    moving = part["linear"] != 0
    progress = 6 / users["linear"]._length
    mood = users["linear"].hidden()["mood"][moving]
    np.testing.assert_allclose(part["late"][moving] / part["linear"][moving], progress**2, rtol=1e-4)
    expected = progress ** (np.exp(-mood) - 1.0)
    np.testing.assert_allclose(part["understanding"][moving] / part["linear"][moving], expected, rtol=1e-4)
    assert expected.max() > 1  # the well served feel it sooner
    assert expected.min() < 1


def test_constant_raters_are_constant(seat, reading, words):
    users, streams = seat(300, population="constant_raters")
    rating = stack(talk(users, streams, reading(300), words), "rating")
    assert np.nanmax(np.nanstd(rating, axis=0)) == 0
    assert len(np.unique(rating[~np.isnan(rating)])) >= 3


@pytest.mark.parametrize("rows", [1, 5, 33])
def test_a_person_does_not_depend_on_neighbours(seat, reading, words, rows):
    logs = [talk(*seat(n), reading(n, warmth=0.37), words, 10) for n in (64, rows)]
    for (feedback, said, hidden), (feedback_, said_, hidden_) in zip(*logs, strict=True):
        for name in ("rating", "engagement", "completed", "abandoned"):
            np.testing.assert_array_equal(getattr(feedback, name)[:rows], getattr(feedback_, name))
        np.testing.assert_array_equal(said.utterance[:rows], said_.utterance)
        np.testing.assert_array_equal(said.segment[:rows], said_.segment)
        for name in hidden:
            np.testing.assert_array_equal(hidden[name][:rows], hidden_[name])


def test_everything_shown_is_in_range(seat, reading, words, utterances):
    users, streams = seat()
    log = talk(users, streams, reading(200), words)
    rating = stack(log, "rating")
    assert set(np.unique(rating[~np.isnan(rating)])) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    engagement = stack(log, "engagement")
    assert ((engagement >= 0) & (engagement <= 1)).all()
    assert not (stack(log, "completed") & stack(log, "abandoned")).any()
    said = np.stack([said.utterance for _, said, _ in log], axis=1)
    assert all(len(set(person)) == 16 for person in said.tolist())
    assert all(tuple(hidden) == (*users.hidden_names, "relief_points") for _, _, hidden in log)
    assert all(np.isfinite(value).all() for value in log[-1][2].values())


def test_populations_differ_as_named(seat, reading, words):
    def run(population):
        users, streams = seat(1500, population=population)
        start = users.hidden()["intensity"].mean()
        log = talk(users, streams, reading(1500), words)
        return start, np.nanmean(stack(log, "rating")), stack(log, "abandoned").any(axis=0).mean(), log

    general = run("general")
    assert run("guarded")[1] < general[1] - 0.2
    assert run("despairing")[0] > general[0] + 0.05
    assert run("impatient")[2] > general[2] * 1.5
    stalling = run("stalling")[3]
    assert not stack(stalling, "completed").any()
    assert not stack(stalling, "abandoned").any()


def test_members_of_the_ensemble_and_impossible_numbers(parameters):
    fit = Fit(mean=parameters, draws=(parameters,))
    assert fit.member(0) is fit.draws[0]
    with pytest.raises(PopulationError, match="draws 0 to 0"):
        fit.member(1)
    broken = parameters.model_dump()
    broken["ratings"]["cuts"] = (0.0, -1.0, 1.0, 2.0)
    with pytest.raises(PopulationError, match="cuts"):
        Parameters.model_validate(broken)
    with pytest.raises(PopulationError, match="share_of_successes"):
        CalibratedConfig(share_of_successes=1.2)


def test_members_are_named_by_a_topic_that_they_were_not_fitted_to(parameters):
    def some(spread):
        return parameters.model_copy(update={"ratings": parameters.ratings.model_copy(update={"spread": spread})})

    draws = tuple(some(float(k)) for k in range(5))
    fit = Fit(mean=parameters, draws=draws, folds=(("work",), ("exam", "grief")), without=(some(7.0), some(8.0)))
    assert fit.member(None, "Grief").ratings.spread == 8.0
    assert [fit.member(k, "work").ratings.spread for k in range(3)] == [0.0, 2.0, 4.0]
    assert [fit.member(k, "exam").ratings.spread for k in range(2)] == [1.0, 3.0]
    with pytest.raises(PopulationError, match="without 'exam' this fit holds draws 0 to 1"):
        fit.member(2, "exam")
    with pytest.raises(PopulationError, match="those of this fit are exam, grief, work"):
        fit.member(None, "love")
    with pytest.raises(PopulationError, match="made without folds"):
        Fit(mean=parameters, draws=draws).member(None, "work")
    with pytest.raises(PopulationError, match="2 folds of topics and 0 modes"):
        Fit(mean=parameters, draws=draws, folds=(("a",), ("b",)))


def test_people_of_two_topics_differ_in_their_parameters(utterances, segments):
    pair = [
        build(CalibratedConfig(without=topic), 1, utterances, segments)
        for topic in ("job crisis", "ongoing depression")
    ]
    assert pair[0].parameters.ratings.spread != pair[1].parameters.ratings.spread
    assert pair[0].sha256 != pair[1].sha256


def test_the_shipped_fit_talks(utterances, segments, reading, words):
    pair = []
    for draw in (None, 3):
        users = build(CalibratedConfig(draw=draw), 50, utterances, segments)
        streams = Streams.of(0, 50)
        users.reset(np.arange(50), streams)
        pair.append(stack(talk(users, streams, reading(50, warmth=0.3, relevance=0.5), words, 6), "rating"))
    assert not np.array_equal(*pair, equal_nan=True)
