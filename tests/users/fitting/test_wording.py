"""How much people say and how positive: the fit recovers what made the data, and people say what they want."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import logit, logsumexp, ndtri
from scipy.stats import multivariate_normal

from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.text.utterances import EXPLORING
from rlgen.types import UtteranceCatalogue
from rlgen.users import CalibratedConfig
from rlgen.users.calibrated.parameters import (
    SCORES,
    SHARPNESS_NODES,
    SHARPNESS_SHARES,
    Parameters,
    WordingParameters,
)
from rlgen.users.calibrated.people import CalibratedUsers
from rlgen.users.expression.voices import Felt, Voices
from rlgen.users.fitting.wording_model import fit_valence, fit_words, named
from rlgen.users.logs.dialogues import Dialogue, Turn
from rlgen.users.logs.observations import Wordings, wordings

TRUTH = WordingParameters(
    level=(2.4, 2.8, 3.0, 3.0, 2.9, 2.8),
    unhelped=-0.4,
    closing=-0.5,
    by_words=-0.1,
    spread=(0.4, 0.7),
    noise=0.5,
    drift=0.4,
    memory=0.7,
    unevenness=0.3,
)


def simulate(p, people, rng, words=None):
    """The model of `fitting.wording_model`, written out turn by turn; everybody has as many turns as levels."""
    length = len(p.level)
    helped = rng.random(people) < 0.6
    scale = np.exp(p.unevenness * rng.choice(SHARPNESS_NODES, people, p=SHARPNESS_SHARES))
    own = np.where(helped, *p.spread) * rng.normal(size=people)
    value, drift = np.zeros((people, length)), np.zeros(people)
    for t in range(length):
        kept = p.memory if t else 0.0
        drift = kept * drift + np.sqrt(1 - kept**2) * rng.normal(size=people)
        value[:, t] = p.level[t] + p.unhelped * ~helped + p.closing * (t == length - 1) + own
        value[:, t] += scale * (p.drift * drift + p.noise * rng.normal(size=people))
        if words is not None:
            value[:, t] += p.by_words * (words[:, t] - 3.0)
    return helped, value


def rows(helped, words, valence):
    people, length = words.shape
    turn = np.tile(np.arange(1, length + 1), people)
    person = np.repeat(np.arange(people), length)
    return Wordings(person, turn, helped[person], turn == length, words.ravel(), valence.ravel())


def test_the_fit_recovers_what_made_the_data():
    rng = np.random.default_rng(0)
    words = rng.normal(3.0, 0.7, (1500, 10))
    p = TRUTH.model_copy(update={"level": (*TRUTH.level, 2.8, 2.8, 2.7, 2.7)})
    helped, value = simulate(p, 1500, rng, words)
    found = named(fit_words(rows(helped, value - p.by_words * (words - 3.0), value)).posterior.mode, ())
    # The last level and the shift of the last turn come at one reply only: their sum is known.
    np.testing.assert_allclose(found.level[:9], p.level[:9], atol=0.08)
    assert found.level[9] + found.closing == pytest.approx(p.level[9] + p.closing, abs=0.08)
    assert found.unhelped == pytest.approx(p.unhelped, abs=0.12)
    assert found.by_words == pytest.approx(0.0, abs=0.05)
    np.testing.assert_allclose(found.spread, p.spread, rtol=0.2)
    np.testing.assert_allclose((found.noise, found.drift), (p.noise, p.drift), rtol=0.15)
    assert found.memory == pytest.approx(p.memory, abs=0.1)
    assert found.unevenness == pytest.approx(p.unevenness, abs=0.06)


def test_a_skewed_valence_is_recovered_with_its_shape():
    """Scores by the model, valence by a bent scale: whatever bends it, ranks find the model again."""
    rng = np.random.default_rng(6)
    words = rng.normal(3.0, 0.7, (1500, 6))
    p = TRUTH.model_copy(update={"level": (0.0,) * 6, "closing": 0.0, "unevenness": 0.0})
    helped, score = simulate(p, 1500, rng, words)
    fit = fit_valence(rows(helped, words, np.expm1(0.4 * score)))
    found = named(fit.posterior.mode, fit.shape)
    unit = score.std()  # scores are in standard deviations of all turns
    assert found.by_words == pytest.approx(p.by_words / unit, abs=0.05)
    assert found.unhelped == pytest.approx(p.unhelped / unit, abs=0.12)
    np.testing.assert_allclose(found.spread, np.array(p.spread) / unit, rtol=0.2)
    assert np.hypot(found.noise, found.drift) == pytest.approx(np.hypot(p.noise, p.drift) / unit, rel=0.05)
    middle = slice(4, -4)
    expected = np.expm1(0.4 * (score.mean() + unit * SCORES))
    np.testing.assert_allclose(np.array(fit.shape)[middle], expected[middle], atol=0.05)


def covariances(p, turns):
    """Of a person's turns at each unevenness, for one who is helped and one who is not."""
    apart = np.abs(turns[:, None] - turns)
    own = p.drift**2 * p.memory**apart + p.noise**2 * np.eye(len(turns))
    least = 1e-4 * np.eye(len(turns))
    scales = np.exp(2 * p.unevenness * SHARPNESS_NODES)
    return [[spread**2 + scale * own + least for scale in scales] for spread in p.spread]


@pytest.mark.parametrize("memory", [0.4, -0.3])
def test_the_likelihood_is_that_of_normals_with_the_whole_covariance(memory):
    """Differences of the loss between two points, beside scipy's density of each person's turns; some are missing."""
    rng = np.random.default_rng(1)
    helped, words = simulate(TRUTH, 8, rng)
    there = rng.random(words.shape) < 0.8
    there[:, 0] = True
    data = rows(helped, words, np.full_like(words, np.nan)).rows(there.ravel())
    fit = fit_words(data)
    empty = fit_words(data.rows(np.zeros(len(data.turn), dtype=np.bool_)))
    sizes = [*np.log([0.3, 0.5, 0.6, 0.4]), logit(0.3), np.arctanh(memory / 0.99)]

    def direct(p):
        total = 0.0
        mean = np.array(p.level[:6]) + p.closing * (np.arange(6) == 5)
        for who, said, seen in zip(helped, words, there, strict=True):
            found = covariances(p, np.flatnonzero(seen))[0 if who else 1]
            at = (mean + p.unhelped * (not who))[seen]
            total += logsumexp([multivariate_normal.logpdf(said[seen], at, c) for c in found], b=SHARPNESS_SHARES)
        return total

    ends = []
    for level in (2.5, 3.0):
        theta = np.concatenate([np.full(16, level), [-0.3, -0.2, 0.0], sizes])
        losses = [part.posterior.loss(torch.tensor(theta)).item() for part in (empty, fit)]
        ends.append((losses[0] - losses[1], direct(named(theta, ()))))
    (loss_a, direct_a), (loss_b, direct_b) = ends
    assert loss_b - loss_a == pytest.approx(direct_b - direct_a, abs=1e-3)


def test_what_is_expected_of_a_person_is_the_regression_on_all_their_turns():
    rng = np.random.default_rng(7)
    helped, words = simulate(TRUTH, 30, rng)
    fit = fit_words(rows(helped, words, np.full_like(words, np.nan)))
    p = named(fit.posterior.mode, ())
    mean = np.array(p.level[:6]) + p.closing * (np.arange(6) == 5)
    for row in range(30):
        kind = 0 if helped[row] else 1
        away = words[row] - mean - p.unhelped * kind
        found = covariances(p, np.arange(6))[kind]
        density = np.array([multivariate_normal.pdf(away, np.zeros(6), c) for c in found]) * SHARPNESS_SHARES
        expected = [p.spread[kind] * np.linalg.solve(c, away).sum() for c in found]
        assert fit.effects(30)[row] == pytest.approx(np.average(expected, weights=density), abs=1e-3)


def test_turns_that_never_differ_are_no_fault():
    data = rows(np.ones(30, dtype=np.bool_), np.full((30, 6), 0.7), np.full((30, 6), np.nan))
    found = named(fit_words(data).posterior.mode, ())
    assert abs(found.memory) < 1
    assert found.noise < 0.1


@pytest.fixture(scope="module")
def bank(utterances):
    """The made-up bank with texts of 1 to 60 words and a valence each."""
    rng = np.random.default_rng(2)
    words = rng.integers(1, 61, len(utterances))
    texts = [" ".join([f"w{i}", *["and"] * (n - 1)]) for i, n in enumerate(words)]
    valence = rng.uniform(-0.8, 0.8, len(texts)).astype(np.float32)
    return dataclasses.replace(utterances, text=texts, valence=valence)


def felt(rows, **wanted):
    whole = np.full(rows, 2)
    middle = np.full(rows, 0.55)
    return Felt(whole, whole, middle, middle, np.full(rows, EXPLORING), np.full(rows, 1), **wanted)


def test_people_say_as_much_and_as_brightly_as_they_want(bank, segments):
    voices = Voices(400, bank, segments, lengths=True)
    rng = np.random.default_rng(3)
    voices.enter(np.arange(400), rng.random((400, 2)))
    count = np.log1p([len(text.split()) for text in bank.text])
    words, valence = rng.uniform(1.0, 4.0, 400), rng.uniform(-0.6, 0.6, 400)
    said = voices.speak(np.arange(400), felt(400, words=words, valence=valence), rng.random((400, 2))).utterance
    assert np.corrcoef(count[said], words)[0, 1] > 0.7
    assert np.corrcoef(bank.valence[said], valence)[0, 1] > 0.7
    assert (bank.topic[said] == voices.topic).all()
    any_brightness = voices.speak(np.arange(400), felt(400, words=words), rng.random((400, 2))).utterance
    assert np.corrcoef(count[any_brightness], words)[0, 1] > 0.8


def test_who_wants_no_length_chooses_as_if_there_were_none(bank, segments):
    said = []
    for lengths in (False, True):
        voices = Voices(100, bank, segments, lengths=lengths)
        rng = np.random.default_rng(4)
        voices.enter(np.arange(100), rng.random((100, 2)))
        said.append([voices.speak(np.arange(100), felt(100), rng.random((100, 2))).utterance for _ in range(4)])
    np.testing.assert_array_equal(*said)


def test_the_same_words_in_two_cells_are_said_once(utterances, segments):
    texts = [f"text {i % 60}" for i in range(len(utterances))]
    shared = UtteranceCatalogue(**{**vars(utterances), "text": texts})
    voices = Voices(50, shared, segments, lengths=True)
    rng = np.random.default_rng(5)
    voices.enter(np.arange(50), rng.random((50, 2)))
    wanted = felt(50, words=np.full(50, 1.0))
    said = np.stack([voices.speak(np.arange(50), wanted, rng.random((50, 2))).utterance for _ in range(12)])
    for person in said.T:
        assert len({texts[i] for i in person}) == 12


def test_people_write_as_the_parameters_say(bank, segments, parameters, reading, words):
    wording = {"level": (2.0, 3.0), "unhelped": 0.0, "closing": 0.0, "spread": (0.4, 0.4), "noise": 0.2, "drift": 0.3}
    wording |= {"memory": 0.5, "unevenness": 0.3}
    fitted = Parameters.model_validate({**parameters.model_dump(), "words": wording})
    people = CalibratedUsers(CalibratedConfig(population="stalling"), 3000, bank, segments, fitted)
    streams = Streams.of(0, 3000)
    people.reset(np.arange(3000), streams)
    wished = []
    speak = people.voices.speak
    people.voices.speak = lambda rows, felt, u: wished.append(felt.words) or speak(rows, felt, u)
    for turn in range(4):
        people.respond(np.arange(len(streams)), words(3000), reading(3000), streams, np.full(3000, turn))
    found = np.array(wished)
    np.testing.assert_allclose(found.mean(axis=1), [2.0, 3.0, 3.0, 3.0], atol=0.04)
    scale = np.exp(2 * 0.3 * SHARPNESS_NODES) @ SHARPNESS_SHARES
    expected = 0.4**2 + scale * 0.3**2 * 0.5 ** np.abs(np.arange(4)[:, None] - np.arange(4))
    expected += scale * 0.2**2 * np.eye(4)
    np.testing.assert_allclose(np.cov(found), expected, atol=0.02)


def test_valence_is_of_the_shape_that_people_s_is(bank, segments, parameters, reading, words):
    wording = {"level": (0.0,), "unhelped": 0.0, "closing": 0.0, "spread": (0.6, 0.6), "noise": 0.5, "drift": 0.39**0.5}
    wording |= {"memory": 0.5, "unevenness": 0.0}
    shape = tuple(np.tanh(np.expm1(0.5 * SCORES)).tolist())
    update = {"words": wording, "valence": {**wording, "shape": shape}}
    fitted = Parameters.model_validate({**parameters.model_dump(), **update})
    people = CalibratedUsers(CalibratedConfig(population="stalling"), 4000, bank, segments, fitted)
    streams = Streams.of(1, 4000)
    people.reset(np.arange(4000), streams)
    wished = []
    speak = people.voices.speak
    people.voices.speak = lambda rows, felt, u: wished.append(felt.valence) or speak(rows, felt, u)
    people.respond(np.arange(len(streams)), words(4000), reading(4000), streams, np.zeros(4000, dtype=np.int64))
    levels = np.linspace(0.05, 0.95, 10)
    expected = np.interp(ndtri(levels), SCORES, shape)
    np.testing.assert_allclose(np.quantile(wished[0], levels), expected, atol=0.05)


@pytest.mark.parametrize("shape", [(0.0, 1.0), (*np.linspace(-1, 1, 24).tolist(), 0.0)])
def test_a_shape_that_falls_or_is_cut_off_is_refused(shape):
    with pytest.raises(PopulationError, match="shape"):
        WordingParameters.model_validate({**TRUTH.model_dump(), "shape": shape})


@pytest.mark.parametrize(("then", "words"), [("bye then", [3, 2]), ("", [3])])
def test_a_leave_taking_that_a_log_is_silent_about_is_not_a_turn_without_words(then, words):
    """Nor is the turn before it the last one: in it the person did not leave."""
    turns = (Turn(False, "hello", 1, None), Turn(True, "I see.", 1, None), Turn(False, "it went on", 1, None))
    turns = (*turns, Turn(True, "Go on.", 1, None), Turn(False, then, 1, 4))
    dialogue = Dialogue("a", True, True, "", None, None, None, turns, "completed")
    found = wordings([dialogue])
    assert np.expm1(found.words) == pytest.approx(words)
    assert found.last.tolist() == [False, True][: len(words)]
