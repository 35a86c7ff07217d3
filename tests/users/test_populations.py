"""Sub-populations: each is what its name says, in both families, and refuses what it cannot be."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.text.utterances import CRISIS, with_crisis
from rlgen.users import CalibratedConfig, TheoryConfig, build
from rlgen.users.calibrated.config import calibrated_people
from rlgen.users.calibrated.parameters import read_fit
from rlgen.users.expression.topics import topics_of
from rlgen.users.settings import Population
from rlgen.users.theory.coefficients import TheoryCoefficients
from rlgen.users.theory.config import theory_people

FAMILIES = (TheoryConfig, CalibratedConfig)


def test_every_population_exists_in_both_families(parameters):
    for population in get_args(Population):
        theory_people(TheoryCoefficients(), population)
        calibrated_people(parameters, population)


@pytest.mark.parametrize("config", FAMILIES)
def test_people_in_crisis_speak_of_it_and_of_nothing_else(config, segments, reading, words):
    bank = with_crisis()
    users = build(config(population="crisis"), 40, bank, segments)
    streams = Streams.of(1, 40)
    opening = users.reset(np.arange(40), streams)
    intensity = users.hidden()["intensity"]
    heard = np.arange(40), words(40), reading(40, warmth=0.4), streams
    said = [opening, *(users.respond(*heard, np.full(40, turn))[1] for turn in range(12))]
    assert {bank.topics[i] for i in users.voices.topic} == {CRISIS}
    assert (bank.topic[np.stack([expression.utterance for expression in said])] == bank.topics.index(CRISIS)).all()
    general = build(config(), 40, bank, segments)
    general.reset(np.arange(40), Streams.of(1, 40))
    assert intensity.mean() > general.hidden()["intensity"].mean()
    assert CRISIS not in {bank.topics[i] for i in general.voices.topic}


def test_crisis_needs_its_bank_and_has_one_topic(utterances, segments):
    with pytest.raises(PopulationError, match="no topic 'crisis'"):
        build(TheoryConfig(population="crisis"), 2, utterances, segments)
    for narrower in ({"scenario": "workplace"}, {"topics": ("exam",)}):
        with pytest.raises(PopulationError, match="drop scenario and topics"):
            build(TheoryConfig(population="crisis", **narrower), 2, with_crisis(), segments)
    with pytest.raises(PopulationError, match=r"none of the topics|topics held"):
        topics_of(with_crisis().topics, None, (CRISIS,))


def test_people_in_crisis_wear_no_masks_and_wish_for_no_length():
    assert theory_people(TheoryCoefficients(), "general").showing.masked > 0
    assert theory_people(TheoryCoefficients(), "crisis").showing.masked == 0
    fitted = read_fit("shipped:calibrated_users").member(None)
    assert fitted.words is not None
    assert calibrated_people(fitted, "general").words == fitted.words
    crisis = calibrated_people(fitted, "crisis")
    assert crisis.words is None
    assert crisis.valence is None
