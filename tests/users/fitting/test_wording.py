"""How much people say and how positive: the fit recovers what made the data, and people say what they want."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from rlgen.rng import Streams
from rlgen.types import UtteranceCatalogue
from rlgen.users import CalibratedConfig
from rlgen.users.calibrated.parameters import Parameters, WordingParameters
from rlgen.users.calibrated.people import CalibratedUsers
from rlgen.users.expression.voices import EXPLORING, Felt, Voices
from rlgen.users.fitting.wording_model import fit_valence, fit_words, named
from rlgen.users.logs.dialogues import Dialogue, Turn
from rlgen.users.logs.observations import Wordings, wordings

TRUTH = WordingParameters(
    level=(2.4, 2.8, 3.0, 3.0, 2.9, 2.8),
    unhelped=-0.4,
    closing=-0.5,
    by_words=-0.1,
    spread=(0.4, 0.7),
    noise=0.6,
    memory=0.3,
)


def simulate(p, people, rng, words=None):
    """The model of `fitting.wording_model`, written out turn by turn; everybody has as many turns as levels."""
    length = len(p.level)
    helped = rng.random(people) < 0.6
    own = np.where(helped, *p.spread) * rng.normal(size=people)
    value, noise = np.zeros((people, length)), np.zeros(people)
    for t in range(length):
        kept = p.memory if t else 0.0
        noise = kept * noise + np.sqrt(1 - kept**2) * rng.normal(size=people)
        value[:, t] = p.level[t] - 0.4 * ~helped + p.closing * (t == length - 1) + own + p.noise * noise
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
    words = rng.normal(3.0, 0.7, (1500, 6))
    helped, valence = simulate(TRUTH, 1500, rng, words)
    for posterior, by_words in (
        (fit_words(rows(helped, valence - TRUTH.by_words * (words - 3.0), valence)), 0.0),
        (fit_valence(rows(helped, words, valence)), TRUTH.by_words),
    ):
        found = named(posterior.mode)
        # The last level and the shift of the last turn come at one reply only: their sum is known.
        np.testing.assert_allclose(found.level[:5], TRUTH.level[:5], atol=0.08)
        assert found.level[5] + found.closing == pytest.approx(TRUTH.level[5] + TRUTH.closing, abs=0.08)
        assert found.unhelped == pytest.approx(TRUTH.unhelped, abs=0.12)
        assert found.by_words == pytest.approx(by_words, abs=0.05)
        np.testing.assert_allclose(found.spread, TRUTH.spread, rtol=0.15)
        assert found.noise == pytest.approx(TRUTH.noise, rel=0.05)
        assert found.memory == pytest.approx(TRUTH.memory, abs=0.06)


def test_the_likelihood_is_that_of_a_normal_with_the_whole_covariance():
    """Differences of the loss between two points, beside scipy's density of each person's turns."""
    rng = np.random.default_rng(1)
    helped, words = simulate(TRUTH, 8, rng)
    data = rows(helped, words, np.full_like(words, np.nan))
    posterior = fit_words(data)

    def direct(p):
        total = 0.0
        apart = np.abs(np.arange(6)[:, None] - np.arange(6))
        for who, turns in zip(helped, words, strict=True):
            mean = np.array(p.level[:6]) + p.unhelped * (not who) + p.closing * (np.arange(6) == 5)
            covariance = p.spread[0 if who else 1] ** 2 + (p.noise**2 + 1e-4) * p.memory**apart
            total += multivariate_normal.logpdf(turns, mean, covariance)
        return total

    import torch

    flat = np.log([0.3, 0.5, 0.6])
    for memory in (0.4, -0.3):
        ends = []
        for level in (2.5, 3.0):
            theta = np.concatenate([np.full(16, level), [-0.3, -0.2, 0.0], flat, [np.arctanh(memory / 0.99)]])
            prior = posterior.loss(torch.tensor(theta)).item()
            empty = fit_words(data.at(np.zeros(len(data.turn), dtype=np.bool_))).loss(torch.tensor(theta)).item()
            ends.append((empty - prior, direct(named(theta))))
        (loss_a, direct_a), (loss_b, direct_b) = ends
        assert loss_b - loss_a == pytest.approx(direct_b - direct_a, abs=1e-3)


def test_turns_that_never_differ_are_no_fault():
    data = rows(np.ones(30, dtype=np.bool_), np.full((30, 6), 0.7), np.full((30, 6), np.nan))
    found = named(fit_words(data).mode)
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
    wording = {"level": (2.0, 3.0), "unhelped": 0.0, "closing": 0.0, "spread": (0.4, 0.4), "noise": 0.3, "memory": 0.5}
    fitted = Parameters.model_validate({**parameters.model_dump(), "words": wording})
    people = CalibratedUsers(CalibratedConfig(population="stalling"), 3000, bank, segments, fitted)
    streams = Streams.of(0, 3000)
    people.reset(np.arange(3000), streams)
    wished = []
    speak = people._voices.speak
    people._voices.speak = lambda rows, felt, u: wished.append(felt.words) or speak(rows, felt, u)
    for turn in range(4):
        people.respond(words(3000), reading(3000), streams, np.full(3000, turn))
    found = np.array(wished)
    np.testing.assert_allclose(found.mean(axis=1), [2.0, 3.0, 3.0, 3.0], atol=0.04)
    expected = 0.4**2 + 0.3**2 * 0.5 ** np.abs(np.arange(4)[:, None] - np.arange(4))
    np.testing.assert_allclose(np.cov(found), expected, atol=0.02)


@pytest.mark.parametrize(("then", "words"), [("bye then", [3, 2]), ("", [3])])
def test_a_leave_taking_that_a_log_is_silent_about_is_not_a_turn_without_words(then, words):
    """Nor is the turn before it the last one: in it the person did not leave."""
    turns = (Turn(False, "hello", 1, None), Turn(True, "I see.", 1, None), Turn(False, "it went on", 1, None))
    turns = (*turns, Turn(True, "Go on.", 1, None), Turn(False, then, 1, 4))
    dialogue = Dialogue("a", True, True, "", None, None, None, turns, "completed")
    found = wordings([dialogue])
    assert np.expm1(found.words) == pytest.approx(words)
    assert found.last.tolist() == [False, True][: len(words)]
