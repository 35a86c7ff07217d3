"""The consistency monitor beside values known in advance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS, cosine, from_category, regulating_target
from rlgen.errors import DataError
from rlgen.generation.consistency import consistency


def affects(categories, intensity=0.8):
    return from_category(np.array(categories), np.full(len(categories), intensity)).astype(np.float64)


MOODS = affects([SADNESS, ANGER, FEAR, HAPPINESS, NEUTRAL, ANGER])
WHOSE = np.array([0, 0, 0, 1, 1, 1])


def test_a_mirror_follows_perfectly_and_its_opposite_perfectly_not():
    same = consistency(MOODS, MOODS, WHOSE)
    assert same.trend.value == pytest.approx(1)
    assert same.raw.value == pytest.approx(1)
    assert same.mirroring.value == pytest.approx(1)
    assert same.by_dialogue == pytest.approx([1, 1])
    against = consistency(MOODS, -MOODS, WHOSE)
    assert against.trend.value == pytest.approx(-1)


def test_a_constant_reply_has_a_raw_cosine_but_no_trend():
    constant = np.tile(affects([NEUTRAL], 0.0), (len(MOODS), 1))
    found = consistency(affects([NEUTRAL, SADNESS] * 3, 0.3), constant, WHOSE)
    assert found.trend.value == 0
    assert found.raw.value > 0.6
    assert found.raw.value == pytest.approx(found.raw.constant)
    assert found.raw.value == pytest.approx(found.raw.shuffled, abs=1e-6)


def test_a_line_in_one_coordinate():
    # A known angle: the person's valence falls by 1 a turn, the reply's rises by 2 in valence and by 1 in arousal.
    felt, said = np.zeros((3, 8)), np.zeros((3, 8))
    felt[:, 6] = [1, 0, -1]
    said[:, 6], said[:, 7] = [0.5, 2.5, 4.5], [7, 8, 9]
    found = consistency(felt, said, np.zeros(3, dtype=int))
    assert found.trend.value == pytest.approx(-2 / np.sqrt(5))
    assert np.isnan(found.trend.shuffled)  # there is no other dialogue
    assert found.figures()["trend"] == {"value": round(-2 / np.sqrt(5), 4), "shuffled": None, "constant": 0.0}


def test_shuffled_is_the_mean_over_other_dialogues_cut_to_length():
    rng = np.random.default_rng(0)
    felt, said = rng.normal(size=(2, 7, 8))
    found = consistency(felt, said, np.array([0, 0, 0, 1, 1, 1, 1]))

    def centred(a, b):
        a, b = (a - a.mean(axis=0)).ravel(), (b - b.mean(axis=0)).ravel()
        return a @ b / np.sqrt((a @ a) * (b @ b))

    assert found.by_dialogue == pytest.approx([centred(felt[:3], said[:3]), centred(felt[3:], said[3:])], abs=1e-6)
    expected = (centred(felt[:3], said[3:6]) + centred(felt[3:6], said[:3])) / 2
    assert found.trend.shuffled == pytest.approx(expected, abs=1e-6)


def test_anger_and_appropriateness():
    felt = affects([ANGER, ANGER, SADNESS, ANGER, ANGER, SADNESS])
    said = affects([ANGER, NEUTRAL, ANGER, NEUTRAL, NEUTRAL, SADNESS])
    found = consistency(felt, said, WHOSE)
    assert (found.angry_turns, found.anger_for_anger, found.anger_otherwise) == (4, 0.25, 0.5)
    assert found.appropriateness.value == pytest.approx(float(cosine(said, regulating_target(felt)).mean()), abs=1e-6)
    best = consistency(felt, regulating_target(felt), WHOSE)
    assert best.appropriateness.value == pytest.approx(1, abs=1e-6)
    assert best.mirroring.value < 0.9
    assert np.isnan(consistency(affects([FEAR, FEAR]), affects([FEAR, FEAR]), np.zeros(2)).anger_for_anger)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(0.1, 10), st.floats(0.1, 10))
def test_trend_ignores_offset_and_scale_and_the_order_of_dialogues(seed, dialogues, scale, other):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, dialogues)
    lengths[0] = 2
    whose = np.repeat(np.arange(dialogues), lengths)
    felt, said = rng.normal(size=(2, len(whose), 8))
    found = consistency(felt, said, whose)
    assert found.dialogues == int((lengths >= 2).sum())
    assert found.turns == int(lengths[lengths >= 2].sum())
    assert (np.abs(found.by_dialogue) <= 1 + 1e-6).all()
    shifted = consistency(scale * felt + rng.normal(size=8), other * said + rng.normal(size=8), whose)
    assert shifted.by_dialogue == pytest.approx(found.by_dialogue, abs=1e-5)
    interleaved = np.argsort(np.concatenate([np.arange(n) for n in lengths]), kind="stable")
    mixed = consistency(felt[interleaved], said[interleaved], whose[interleaved])
    assert np.sort(mixed.by_dialogue) == pytest.approx(np.sort(found.by_dialogue), abs=1e-6)


@pytest.mark.parametrize(
    ("felt", "said", "whose", "message"),
    [
        (MOODS, MOODS[:-1], WHOSE, "a row per turn"),
        (MOODS, np.full_like(MOODS, np.nan), WHOSE, "not finite"),
        (MOODS, MOODS, np.arange(6), "no dialogue has 2 turns"),
        (MOODS[:0], MOODS[:0], WHOSE[:0], "no dialogue has 2 turns"),
    ],
)
def test_unusable_arrays_are_refused(felt, said, whose, message):
    with pytest.raises(DataError, match=message):
        consistency(felt, said, whose)
