"""How people choose what to say and which recording goes with it."""

from __future__ import annotations

import numpy as np
import pytest

from rlgen.affect import ANGER, FEAR, NEUTRAL, SADNESS
from rlgen.errors import PopulationError
from rlgen.text.utterances import CLOSING, EXPLORING, OPENING
from rlgen.users.expression.voices import Felt, Voices


def felt(rows, category=SADNESS, intensity=0.55, arousal=-0.2, phase=EXPLORING, disclosure=1):
    def column(value, kind):
        return np.broadcast_to(np.asarray(value, dtype=kind), (rows,)).copy()

    return Felt(
        column(category, int),
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


def test_the_words_are_as_strong_as_what_shows(utterances, segments):
    made = Voices(600, utterances, segments)
    made.enter(np.arange(600), np.random.default_rng(3).random((600, 2)))
    for intensity in (0.2, 0.55, 0.9):
        said = made.speak(np.arange(600), felt(600, intensity=intensity), np.random.default_rng(4).random((600, 2)))
        assert np.abs(utterances.intensity[said.utterance] - intensity).mean() < 0.1


def test_nobody_says_a_clause_twice_where_it_can_be_helped(utterances, segments, monkeypatch):
    # Sadness has nine clauses between opening and leave, each in two utterances: seven turns need no repetition.
    def name(number):
        return "".join("abcdefghij"[int(digit)] for digit in str(number))

    text = [f"I keep thinking of {name(i // 2)}. Variant {name(i)}." for i in range(len(utterances.text))]
    shared = type(utterances)(
        text,
        *(getattr(utterances, n) for n in ("topic", "topics", "category", "intensity", "phase", "disclosure")),
    )

    def repeats(cost):
        monkeypatch.setattr("rlgen.users.expression.voices._CLAUSE", cost)
        made, rng = Voices(100, shared, segments), np.random.default_rng(5)
        made.enter(np.arange(100), rng.random((100, 2)))
        said = np.stack([made.speak(np.arange(100), felt(100), rng.random((100, 2))).utterance for _ in range(7)])
        return np.mean([7 - len(set(person // 2)) for person in said.T])

    assert repeats(0.0) > 0.5
    assert repeats(8.0) < 0.2 * repeats(0.0)


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
