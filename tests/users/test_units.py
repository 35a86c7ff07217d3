"""Intensity and relief mean the same whoever the people are, and are told in points of the survey, too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlgen.affect import from_points, in_points
from rlgen.rng import Streams
from rlgen.users.calibrated.config import CalibratedConfig
from rlgen.users.own_words.config import HumanConfig, ReplayConfig
from rlgen.users.own_words.human import Answer, HumanUsers
from rlgen.users.protocol import build
from rlgen.users.theory.config import TheoryConfig

TURNS = 6


class Told:
    """A person whose feeling falls from 5 to 2."""

    def begin(self):
        return Answer("I lost my job.", intensity=5)

    def answer(self, reply, rate):
        return Answer("Go on.", intensity=2)


@pytest.fixture(params=["theory", "calibrated", "replay", "human"])
def family(request, utterances, segments, parameters, tmp_path):
    """Some people of a family, and how many."""
    if request.param == "human":
        return HumanUsers(HumanConfig(), Told()), 1
    if request.param == "theory":
        return build(TheoryConfig(), 400, utterances, segments), 400
    if request.param == "calibrated":
        from rlgen.users.calibrated.people import CalibratedUsers

        return CalibratedUsers(CalibratedConfig(), 400, utterances, segments, parameters), 400
    turns = [{"speaker": who, "text": who} for who in ("usr", "sys") * TURNS]
    survey = {"initial_emotion_intensity": "5", "final_emotion_intensity": "2"}
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"id": "a", "problem_type": "one", "survey_score": {"seeker": survey}, "turns": turns}))
    return build(ReplayConfig(path=path), 3, utterances, segments), 3


def test_one_scale_for_everybody_and_points_beside_it(family, reading, words):
    users, rows = family
    streams = Streams.of(0, rows)
    users.reset(np.arange(rows), streams)
    start = users.hidden()["intensity"]
    assert ((start >= 0) & (start <= 1)).all()
    for turn in range(TURNS):
        users.respond(np.arange(rows), words(rows), reading(rows, warmth=0.4), streams, np.full(rows, turn))
        hidden = users.hidden()
        intensity, path, relief = (hidden[name] for name in ("intensity", "model_relief", "relief"))
        assert ((intensity >= -1e-6) & (intensity <= 1 + 1e-6)).all()
        np.testing.assert_allclose(path, start - intensity, atol=1e-6)  # a fall on the very scale of the intensity
        assert ((relief >= -1) & (relief <= 1)).all()
        np.testing.assert_array_equal(hidden["relief_points"], 4 * relief)
    if rows <= 3:  # from 5 to 2 is three of the four points between the ends, whoever tells it
        np.testing.assert_allclose(relief, 0.75)
        np.testing.assert_allclose(hidden["relief_points"], 3.0)
        np.testing.assert_allclose([start[0], intensity[0]], [1.0, 0.25])


def test_the_conversion_and_its_inverse():
    relief = np.array([-1.0, -0.25, 0.0, 0.5, 1.0, np.nan])
    np.testing.assert_array_equal(in_points(relief), [-4, -1, 0, 2, 4, np.nan])
    np.testing.assert_array_equal(from_points(in_points(relief)), relief)
