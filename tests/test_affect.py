"""The shared emotion space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlgen import affect

finite = st.floats(-5, 5, width=32)
affects = arrays(np.float32, (4, affect.AFFECT_DIM), elements=finite)


@given(category=st.integers(0, 5), intensity=st.floats(0, 1, width=32))
def test_a_category_at_an_intensity_is_an_affect(category: int, intensity: float) -> None:
    made = affect.from_category(np.array(category), np.float32(intensity))
    assert made[: affect.NUM_CATEGORIES].sum() == pytest.approx(1.0, abs=1e-6)
    assert (made[: affect.NUM_CATEGORIES] >= 0).all()
    assert (np.abs(made[affect.VALENCE :]) <= 1).all()
    if category != affect.NEUTRAL:
        assert made[category] == pytest.approx(intensity)


def test_intensity_zero_is_neutral() -> None:
    made = affect.from_category(np.arange(6), np.zeros(6, dtype=np.float32))
    assert (made == affect.from_category(np.zeros(6, dtype=np.int64), np.ones(6))).all()


def test_from_category_broadcasts() -> None:
    made = affect.from_category(np.arange(6)[:, None], np.linspace(0, 1, 3, dtype=np.float32))
    assert made.shape == (6, 3, affect.AFFECT_DIM)


def test_circumplex_quadrants() -> None:
    valence, arousal = affect.CATEGORY_VALENCE_AROUSAL.T
    assert valence[affect.HAPPINESS] > 0 > valence[affect.SADNESS]
    assert arousal[affect.ANGER] > 0 > arousal[affect.SADNESS]
    assert arousal[affect.FEAR] > 0


@given(weights=arrays(np.float32, 6, elements=st.floats(0.015625, 1, width=32)))
def test_the_target_of_a_mixture_is_the_mixture_of_targets(weights: np.ndarray) -> None:
    state = np.zeros(affect.AFFECT_DIM, dtype=np.float32)
    state[:6] = weights / weights.sum()
    target = affect.regulating_target(state)
    expected = sum(state[i] * affect.REGULATING_TARGET[i] for i in range(6))
    assert target == pytest.approx(expected, abs=1e-6)
    assert target[:6].sum() == pytest.approx(1.0, abs=1e-5)


def test_no_target_mirrors_anger_or_fear_and_all_are_calmer_and_kinder() -> None:
    targets, own = affect.REGULATING_TARGET, affect.CATEGORY_VALENCE_AROUSAL
    assert (targets[:, [affect.ANGER, affect.FEAR]] == 0).all()
    assert (targets[:, affect.VALENCE] > 0).all()
    loud = own[:, 1] > 0
    assert (targets[loud, affect.AROUSAL] < own[loud, 1]).all()


@given(a=affects, b=affects, scale=st.floats(0.25, 4, width=32))
def test_cosine_is_symmetric_bounded_and_blind_to_scale(a: np.ndarray, b: np.ndarray, scale: float) -> None:
    between = affect.cosine(a, b)
    assert (np.abs(between) <= 1 + 1e-5).all()
    assert affect.cosine(b, a) == pytest.approx(between, abs=1e-5)
    large = (np.abs(a).max(axis=1) > 0.01) & (np.abs(b).max(axis=1) > 0.01)
    assert affect.cosine(scale * a, b)[large] == pytest.approx(between[large], abs=1e-4)


def test_cosine_of_known_angles() -> None:
    east, north = np.eye(2, affect.AFFECT_DIM, dtype=np.float32)
    assert affect.cosine(east, north) == 0
    assert affect.cosine(east, -east) == -1
    assert affect.cosine(east, east + north) == pytest.approx(np.sqrt(0.5))
    assert affect.cosine(east, np.zeros_like(east)) == 0
