"""A family of one's own: a state and two functions, and everything else comes with the base class."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from examples.own_people import Curious
from rlgen.envs import WorldConfig
from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.seams import source_sha256
from rlgen.users import PeopleConfig, TheoryConfig, build


@pytest.fixture
def curious(utterances, segments):
    def make(rows=200, **config):
        users = build(Curious.Config(**config), rows, utterances, segments)
        return users, Streams.of(4, rows)

    return make


def test_its_name_config_and_hidden_state_are_derived(curious):
    users, _ = curious(ease=0.3)
    assert isinstance(users, Curious)
    assert users.config.family == "examples.own_people:Curious"
    assert Curious.Config.model_validate(users.config.model_dump()) == users.config
    assert users.hidden_names == ("intensity", "model_relief", "relief", "patience", "sadness", "fear", "anger")
    assert users.sha256 != curious(ease=0.4)[0].sha256
    assert pickle.loads(pickle.dumps(users)).sha256 == users.sha256


class Patient(Curious):
    """Inherits the config too."""

    def react(self, state, reply, draw):
        return replace(super().react(state, reply, draw), abandoned=np.zeros(len(state.intensity), dtype=bool))


def test_who_inherits_a_config_is_not_taken_for_the_base_class(curious, utterances, segments):
    config = WorldConfig(users=f"{__name__}:Patient").users
    assert config.family == f"{__name__}:Patient"
    assert pickle.loads(pickle.dumps(config)) == config
    assert WorldConfig(users={"family": f"{__name__}:Patient", "ease": 0.5}).users.ease == 0.5
    users = build(config, 3, utterances, segments)
    assert type(users) is Patient
    assert users.sha256 != curious(rows=3)[0].sha256
    assert Curious.Config().family == "examples.own_people:Curious"


def test_what_people_inherit_goes_into_their_hash(curious, monkeypatch, utterances, segments):
    before = build(Patient.Config(), 3, utterances, segments).sha256
    real = source_sha256
    monkeypatch.setattr("rlgen.users.people.source_sha256", lambda of: "changed" if of is Curious else real(of))
    assert build(Patient.Config(), 3, utterances, segments).sha256 != before


def test_what_it_says_of_a_reply_is_what_happens(curious, reading, words):
    users, streams = curious(ease=0.25)
    rows = np.arange(200)
    users.reset(rows, streams)
    start, patience = (users.hidden()[name] for name in ("intensity", "patience"))
    asked = reading(200, question=1.0, repetition=0.2, directiveness=0.4)
    users.respond(rows, words(200), asked, streams, np.zeros(200, dtype=int))
    now = users.hidden()
    np.testing.assert_allclose(now["intensity"], start - 0.25 * 0.8, atol=1e-6)
    np.testing.assert_allclose(now["relief"], 0.2, atol=1e-6)
    np.testing.assert_allclose(now["relief_points"], 0.8, atol=1e-5)
    np.testing.assert_allclose(now["patience"], patience - 0.25, atol=1e-6)


def test_ratings_come_every_two_or_three_replies_and_leaving_sounds_like_it(curious, reading, words, utterances):
    users, streams = curious(ease=0.0)
    rows = np.arange(200)
    users.reset(rows, streams)
    given, left = [], np.zeros(200, dtype=bool)
    for turn in range(8):
        feedback, said = users.respond(rows, words(200), reading(200), streams, np.full(200, turn))
        given.append(~np.isnan(feedback.rating))
        closing = utterances.phase[said.utterance] == 3
        np.testing.assert_array_equal(closing, feedback.abandoned)
        left |= feedback.abandoned
    assert {gap for person in np.array(given).T for gap in np.diff([-1, *np.flatnonzero(person)])} == {2, 3}


def test_a_config_says_what_its_people_have():
    with pytest.raises(ValueError, match=r"'examples.own_people:Curious' have no 'population'; they have scenario"):
        Curious.Config(population="guarded")
    with pytest.raises(ValueError, match="'theory' have no 'ease'"):
        TheoryConfig(ease=0.2)
    with pytest.raises(ValueError, match="not of 'theory'"):
        Curious.Config(family="theory")


def test_a_config_without_people_and_topics_that_are_not_there_are_refused(utterances, segments):
    class Nobody(PeopleConfig):
        pass

    with pytest.raises(Exception, match="Nobody is the Config of no people"):
        build(Nobody(), 2, utterances, segments)
    with pytest.raises(PopulationError, match="nowhere"):
        build(Curious.Config(topics=("nowhere",)), 2, utterances, segments)
