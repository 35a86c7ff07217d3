"""Moods from turn to turn: the fit against made-up chains, the people against the fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS
from rlgen.errors import ArtifactError
from rlgen.users.expression.transitions import INDEPENDENT, EmotionChain, Transitions, read_transitions, sounding


def sticky(kept: float = 0.6, valence: float = 0.7) -> Transitions:
    return INDEPENDENT.model_copy(update={"kept": (kept,) * 6, "valence": valence})


def turns(transitions, rows=20_000, count=6, calm=0.5, leaving=None, seed=0):
    """Categories `[count, rows]` and deviations `[count, rows, 2]` of people whose feelings stay."""
    made, everybody, rng = EmotionChain(rows, transitions), np.arange(rows), np.random.default_rng(seed)
    made.enter(everybody)
    found = []
    for turn in range(count):
        going = np.full(rows, leaving if leaving is not None and turn == count - 1 else 0)
        state = (np.zeros(rows, int), np.full(rows, calm), np.full(rows, 0.25), 0.2, going)
        found.append(made.turn(everybody, *state, rng.random(rows), ndtri(rng.random((rows, 2)))))
    return np.array([c for c, _ in found]), np.array([d for _, d in found])


def test_a_category_comes_from_what_one_feels():
    n = 4000
    uniform = (np.arange(n) + 0.5) / n
    found = sounding(np.zeros(n, int), np.full(n, 0.5), np.full(n, 0.25), 0.2, uniform)
    shares = np.bincount(found, minlength=6) / n
    expected = {NEUTRAL: 0.375, HAPPINESS: 0.125, SADNESS: 0.4, FEAR: 0.05, ANGER: 0.05}
    for category, share in expected.items():
        assert shares[category] == pytest.approx(share, abs=1e-3)


def test_nobody_opens_calmly_and_leaving_decides_how_one_sounds():
    calm = (NEUTRAL, HAPPINESS)
    for transitions in (INDEPENDENT, sticky()):
        first, *_, last = turns(transitions, 2000, calm=0.9, leaving=-1)[0]
        assert not np.isin(first, calm).any()
        assert not np.isin(last, calm).any()
        assert np.isin(turns(transitions, 2000, calm=0.1, leaving=1)[0][-1], calm).all()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.8])
def test_memory_keeps_categories_and_not_their_shares(kept):
    said = turns(sticky(kept), count=12)[0]
    shares = np.array([0.375, 0.125, 0.4, 0.05, 0.05, 0.0])
    np.testing.assert_allclose(
        np.bincount(said[-1], minlength=6) / said.shape[1], shares, atol=0.06 * 12 * kept**11 + 0.015
    )
    again = (said[-1] == said[-2]).mean()
    assert again == pytest.approx(kept + (1 - kept) * (shares**2).sum(), abs=0.06 * 12 * kept**11 + 0.015)


def test_deviations_keep_their_size_and_remember():
    deviation = turns(sticky(valence=0.7), count=5)[1]
    np.testing.assert_allclose(deviation.std(axis=1), 1.0, atol=0.03)
    for lag in (1, 2, 3):
        found = np.corrcoef(deviation[0, :, 0], deviation[lag, :, 0])[0, 1]
        assert found == pytest.approx(0.7**lag, abs=0.03)
    assert abs(np.corrcoef(deviation[1, :, 0], deviation[1, :, 1])[0, 1]) < 0.03


def test_new_people_remember_nothing():
    made = EmotionChain(2, sticky(0.98))
    args = (np.zeros(2, int), np.zeros(2), np.zeros(2), 0.2, np.zeros(2, int))
    both = np.arange(2)
    made.turn(both, *args, np.array([0.05, 0.05]), np.full((2, 2), 2.0))  # an angry or fearful turn
    made.enter(both[:1])
    category, deviation = made.turn(both, *args, np.array([0.5, 0.5]), np.zeros((2, 2)))
    assert category[0] == SADNESS
    assert category[1] != SADNESS
    assert (deviation[0] == 0).all()
    assert (deviation[1] > 0).all()


def test_the_shipped_fit_and_none(tmp_path):
    shipped = read_transitions("shipped:transitions")
    assert all(0.1 < kept < 0.5 for kept in shipped.kept)
    assert 0.6 < shipped.valence < 0.9
    assert read_transitions(None) is INDEPENDENT
    with pytest.raises(ArtifactError, match=r"manifest\.json is missing"):
        read_transitions(str(tmp_path))
