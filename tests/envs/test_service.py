"""Simulated people without a world say and show what they do in one."""

from __future__ import annotations

import numpy as np
import pytest

import rlgen
from examples.own_people import Curious
from examples.rate_a_chatbot import rated
from rlgen.errors import ConfigError

TEXTS = ("That sounds hard.", "What would help you most?", "You could write down what worries you.", "Take your time.")


@pytest.fixture(scope="module")
def theory():
    return rlgen.simulated_people("theory", 6, seed=3)


def test_words_ratings_and_ends_are_those_of_a_world(make_world, scripted, theory):
    world = make_world(6, generator=scripted())
    world.record = True
    world.reset(3, people=6)
    said = theory.reset()
    assert said == list(world.opening().utterance)
    while theory.here.any():
        here = theory.here.copy()
        result = world.step(np.zeros((6, 4), dtype=np.float32))
        last = world.last
        shown = theory.respond([text if there else "" for text, there in zip(last.reply, here, strict=True)])
        np.testing.assert_array_equal(shown.ratings[here], last.feedback.rating[here])
        np.testing.assert_array_equal(shown.engagement[here], last.feedback.engagement[here])
        limit = last.over & ~(last.feedback.completed | last.feedback.abandoned)
        ways = [(last.feedback.completed, "completed"), (last.feedback.abandoned, "abandoned"), (limit, "limit")]
        for flags, way in ways:
            assert [how == way for how in shown.left] == (flags & here).tolist()
        staying = np.flatnonzero(theory.here)
        assert [shown.utterances[i] for i in staying] == [world.opening().utterance[i] for i in staying]
        assert [shown.utterances[i] for i in np.flatnonzero(~here)] == [""] * int((~here).sum())
        if result.finished is not None:
            met = result.finished.person >= 0
            rows = result.finished.rows[met & here[result.finished.rows]]
            relief = 4 * result.finished.relief[np.isin(result.finished.rows, rows)]
            np.testing.assert_allclose(shown.relief_points[rows], relief, atol=1e-6)


def test_the_next_reset_meets_the_next_people_and_a_batch_is_as_good_as_one(theory):
    first = theory.first
    opening = theory.reset()
    assert theory.first == first + 6
    one = rlgen.simulated_people("theory", 1, seed=3)
    for _ in range(theory.first + 2):
        one.reset()
    assert one.reset() == [opening[2]]
    for text in TEXTS:
        many, alone = theory.respond([text] * 6), one.respond([text])
        assert many.utterances[2] == alone.utterances[0]
        np.testing.assert_array_equal(many.ratings[2], alone.ratings[0])


def test_figures_of_the_family_stand_beside(theory):
    assert theory.fidelity["figures"] == {}
    assert "nothing was measured" in theory.fidelity["statement"]


def test_a_chatbot_is_rated_and_people_of_ones_own_rate_too():
    found = rated(lambda dialogue: TEXTS[len(dialogue) // 2 % 4], people=12)
    assert 1 <= found["rating"] <= 5
    assert found["completed"] + found["abandoned"] + found["limit"] == pytest.approx(1.0)
    people = rlgen.simulated_people(Curious.Config(ease=0.6), 3)
    people.reset()
    ways = [people.respond(["What happened then?", "How was it?", "What do you need?"]).left for _ in range(3)]
    assert {"completed"} == {way for turn in ways for way in turn if way}


def test_mistakes_are_told_in_a_sentence(theory):
    with pytest.raises(ConfigError, match="at least one person"):
        rlgen.simulated_people("theory", 0)
    with pytest.raises(ConfigError, match="calibrated"):
        rlgen.simulated_people("nobody")
    with pytest.raises(ConfigError, match="list of 6 texts"):
        theory.respond("a text")
    with pytest.raises(ConfigError, match="list of 6 texts"):
        theory.respond([None] * 6)
    theory.first = -6
    with pytest.raises(ConfigError, match="call reset first"):
        theory.respond(["a"] * 6)
