"""A real person in the people's place: what they tell is passed on, and nothing is made up."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rlgen.config import validate
from rlgen.errors import ConfigError, DataError
from rlgen.rng import Streams
from rlgen.types import Words
from rlgen.users import Answer, HumanConfig, HumanUsers, build

ONE = Streams.of(0, 1)


class Scripted:
    """Says what it was given, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = iter(answers)
        self.asked = []

    def begin(self):
        return next(self.answers)

    def answer(self, reply, rate):
        self.asked.append((reply, rate))
        return next(self.answers)


def meet(*answers, **config):
    person = Scripted(*answers)
    return HumanUsers(HumanConfig(**config), person), person


def respond(users, turn, reading, text="a reply"):
    return users.respond(np.arange(1), Words(np.array([[-1]]), [text]), reading(1), ONE, np.array([turn]))


def test_words_come_as_they_were_said_on_one_line_and_without_signals():
    users, _ = meet(Answer("I’m \x1b[31mlost\n here"))
    expression = users.reset(np.array([0]), ONE)
    assert expression.text == ["I'm [31mlost here"]
    assert expression.segment.tolist() == expression.utterance.tolist() == [-1]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_rating_is_asked_every_so_often_and_the_guarded_text_is_what_is_shown(reading, every):
    users, person = meet(*[Answer("x")] * 7, rate_every=every)
    users.reset(np.array([0]), ONE)
    for turn in range(6):
        respond(users, turn, reading, f"reply {turn}")
    assert person.asked == [(f"reply {turn}", (turn + 1) % every == 0) for turn in range(6)]


def test_feedback_is_what_was_told(reading):
    leaving = (None, "completed", "abandoned")
    users, _ = meet(Answer("x"), *(Answer("y", rating, why) for rating, why in zip((None, 5, 1), leaving, strict=True)))
    users.reset(np.array([0]), ONE)
    found = [respond(users, turn, reading)[0] for turn in range(3)]
    np.testing.assert_array_equal([f.rating[0] for f in found], [np.nan, 5, 1])
    assert [(bool(f.completed[0]), bool(f.abandoned[0])) for f in found] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert all(f.engagement.tolist() == [0.5] for f in found)


@pytest.mark.parametrize(
    ("first", "last", "relief"), [(4, 2, 0.5), (2, 5, -0.75), (None, 2, np.nan), (4, None, np.nan)]
)
def test_relief_is_the_fall_that_the_person_tells(reading, first, last, relief):
    users, _ = meet(Answer("x", intensity=first), Answer("y"), Answer("", leaving="completed", intensity=last))
    users.reset(np.array([0]), ONE)
    respond(users, 0, reading)
    hidden = users.hidden()
    assert set(hidden) == {"intensity", "model_relief", "relief", "relief_points"}
    np.testing.assert_array_equal(hidden["relief"], [np.nan], "unknown until it is told again, not nothing")
    respond(users, 1, reading)
    hidden = users.hidden()
    np.testing.assert_array_equal(hidden["relief"], [relief])
    np.testing.assert_array_equal(hidden["model_relief"], hidden["relief"])
    np.testing.assert_array_equal(hidden["relief_points"], [4 * relief])
    told = last if last is not None else first
    np.testing.assert_array_equal(hidden["intensity"], [(told - 1) / 4])
    assert users.hidden_names == ()


def test_a_new_dialogue_forgets_the_last_one(reading):
    users, _ = meet(Answer("x", intensity=5), Answer("", leaving="completed", intensity=1), Answer(""))
    users.reset(np.array([0]), ONE)
    respond(users, 0, reading)
    users.reset(np.array([0]), ONE)
    assert np.isnan(users.hidden()["intensity"]).all()


@pytest.mark.parametrize("wrong", [{"rating": 0}, {"rating": 6}, {"rating": 2.5}, {"intensity": 9}])
def test_what_is_not_on_the_scale_is_named(wrong):
    with pytest.raises(DataError, match=rf"{next(iter(wrong))} was"):
        Answer("x", **wrong)


def test_one_person_holds_one_dialogue_and_cannot_be_copied():
    users, _ = meet(Answer("x"))
    with pytest.raises(ConfigError, match="num_envs 1"):
        users.reset(np.array([0, 1]), Streams.of(0, 2))
    with pytest.raises(ConfigError, match="real person"):
        copy.deepcopy(users)


def test_nobody_is_made_from_a_config_alone(utterances, segments):
    with pytest.raises(ConfigError, match="rlgen chat"):
        build(HumanConfig(), 1, utterances, segments)


@pytest.mark.parametrize(
    "wrong", [{"effect_scale": 2.0}, {"population": "guarded"}, {"scenario": "workplace"}, {"rate_every": 0}]
)
def test_what_cannot_be_set_on_a_real_person_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        validate(HumanConfig, wrong, "here")
