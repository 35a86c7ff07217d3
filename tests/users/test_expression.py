"""How people choose what to say and which recording goes with it."""

from __future__ import annotations

import numpy as np
import pytest

from rlgen.affect import ANGER, FEAR, HAPPINESS, NEUTRAL, SADNESS
from rlgen.errors import PopulationError
from rlgen.users.expression import CLOSING, EXPLORING, OPENING, Felt, Voices, sounding


def felt(rows, category=SADNESS, intensity=0.55, arousal=-0.2, phase=EXPLORING, disclosure=1):
    def column(value, kind):
        return np.broadcast_to(np.asarray(value, dtype=kind), (rows,)).copy()

    return Felt(
        column(category, int),
        column(intensity, float),
        column(arousal, float),
        column(phase, int),
        column(disclosure, int),
    )


@pytest.fixture
def voices(utterances, segments):
    made = Voices(50, utterances, segments)
    made.enter(np.arange(50), np.random.default_rng(0).random((50, 2)))
    return made


def test_the_first_choice_fits_in_every_label(voices, utterances, segments):
    said = voices.speak(np.arange(50), felt(50), np.random.default_rng(1).random((50, 2)))
    assert (utterances.topic[said.utterance] == voices.topic).all()
    assert (utterances.category[said.utterance] == SADNESS).all()
    assert (utterances.phase[said.utterance] == EXPLORING).all()
    assert (segments.actor[said.segment] == voices.actor).all()
    assert (segments.category[said.segment] == SADNESS).all()


def test_nothing_is_said_twice_even_in_one_mood(voices, utterances):
    rng = np.random.default_rng(2)
    said = [voices.speak(np.arange(50), felt(50), rng.random((50, 2))).utterance for _ in range(17)]
    for person in np.stack(said, axis=1):
        assert len(np.unique(person)) == 17
        assert len(np.unique(utterances.topic[person])) == 1
        assert not np.isin(utterances.phase[person], (OPENING, CLOSING)).any()


def test_stronger_feelings_get_stronger_segments(voices, segments):
    def shown(intensity):
        given = felt(50, FEAR, intensity, 0.6 * intensity)
        return segments.intensity[voices.speak(np.arange(50), given, np.full((50, 2), 0.5)).segment].mean()

    assert shown(0.9) > shown(0.5) > shown(0.2)


def test_a_missing_category_is_voiced_by_the_nearest(utterances, segments):
    kept = np.flatnonzero(np.isin(segments.category, (NEUTRAL, ANGER)))
    few = type(segments)(
        *(getattr(segments, n)[kept] for n in ("actor", "category", "intensity", "valence", "arousal"))
    )
    voices = Voices(3, utterances, few)
    voices.enter(np.arange(3), np.full((3, 2), 0.5))
    said = voices.speak(np.arange(3), felt(3, FEAR, 0.8, 0.5), np.full((3, 2), 0.5))
    assert (few.category[said.segment] == ANGER).all()


def test_small_banks_are_refused(utterances, segments):
    few = type(utterances)(
        utterances.text[:10],
        utterances.topic[:10],
        utterances.topics,
        utterances.category[:10],
        utterances.intensity[:10],
        utterances.phase[:10],
        utterances.disclosure[:10],
    )
    with pytest.raises(PopulationError, match="10 different utterances"):
        Voices(2, few, segments)
    none = type(segments)(*(getattr(segments, n)[:0] for n in ("actor", "category", "intensity", "valence", "arousal")))
    with pytest.raises(PopulationError, match="no segments"):
        Voices(2, utterances, none)


def test_how_people_sound_when_they_open_and_leave():
    n = 4000
    uniform = (np.arange(n) + 0.5) / n
    feeling, no = np.zeros(n, int), np.zeros(n, bool)

    def shares(leaving, opening):
        found = sounding(feeling, np.full(n, 0.5), np.full(n, 0.25), 0.2, np.full(n, leaving), opening, uniform)
        return np.bincount(found, minlength=6) / n

    usual = shares(0, no)
    assert usual[[NEUTRAL, HAPPINESS]].sum() == pytest.approx(0.5, abs=1e-3)
    assert usual[HAPPINESS] == pytest.approx(0.125, abs=1e-3)
    assert usual[SADNESS] == pytest.approx(0.4, abs=1e-3)
    assert usual[FEAR] == pytest.approx(0.05, abs=1e-3)
    assert shares(1, no)[[NEUTRAL, HAPPINESS]].sum() == 1
    assert shares(-1, no)[[SADNESS, FEAR, ANGER]].sum() == 1
    assert shares(0, ~no)[[SADNESS, FEAR, ANGER]].sum() == 1
