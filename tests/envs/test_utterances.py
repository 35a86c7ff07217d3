"""What is heard of own words and of silence, with the banks' tables as the oracle."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from rlgen.affect import NUM_CATEGORIES
from rlgen.envs import World, world_config
from rlgen.envs.rendering import turn_text
from rlgen.envs.utterances import read_utterances, recognize
from rlgen.errors import ConfigError
from rlgen.generation import ConstantGenerator
from rlgen.types import Expression
from rlgen.users import build

ALL = np.ones((4, 3), dtype=bool)


class InOwnWords:
    """Simulated people who say the bank's words as if they were their own; `silent` gives no signals."""

    def __init__(self, users, bank, silent=False):
        self.users, self.bank, self.silent = users, bank, silent
        self.hidden_names, self.sha256 = users.hidden_names, users.sha256

    def own(self, expression):
        text = [self.bank.text[i] for i in expression.utterance]
        segment = np.full_like(expression.segment, -1) if self.silent else expression.segment
        return Expression(expression.utterance, segment, text)

    def reset(self, rows, streams):
        return self.own(self.users.reset(rows, streams))

    def respond(self, *args):
        feedback, expression = self.users.respond(*args)
        return feedback, self.own(expression)

    def hidden(self):
        return self.users.hidden()


@pytest.fixture
def own_world(config, parts, scripted):
    """A world of people who speak in their own words."""

    def make(num_envs, silent=False, generator=None):
        users = build(config.users, num_envs, parts.utterances, parts.segments)
        speech = replace(parts, pipeline=type(parts.pipeline)(generator or scripted(), None, parts.reader))
        return World(config, num_envs, parts=speech, users=InOwnWords(users, parts.utterances, silent))

    return make


@pytest.fixture
def bank_world(config, parts, scripted):
    def make(num_envs):
        return World(
            config, num_envs, parts=replace(parts, pipeline=type(parts.pipeline)(scripted(), None, parts.reader))
        )

    return make


def said(parts, *texts, segment=-1, utterance=-1):
    rows = len(texts)
    return Expression(np.full(rows, utterance), np.full(rows, segment), list(texts))


def test_the_banks_words_said_as_own_are_heard_as_the_bank_has_them(parts):
    index = np.array([0, 17, 4000, 17])
    looked_up = read_utterances(parts, Expression(index, index))
    read = read_utterances(parts, Expression(index, index, [parts.utterances.text[i] for i in index]))
    assert read.text == looked_up.text
    np.testing.assert_array_equal(read.topic, looked_up.topic)
    for name, apart in (("embedding", 2e-3), ("reading", 1e-3), ("context", 2e-3)):  # the package's table is rounded
        np.testing.assert_allclose(getattr(read, name), getattr(looked_up, name), atol=apart)


def test_what_is_heard_of_a_row_does_not_depend_on_the_others(parts):
    texts = ["I lost my job.", "", "ok", "Everything at home is falling apart, and nobody listens to me. " * 9]
    many = read_utterances(parts, said(parts, *texts))
    for i, text in enumerate(texts):
        alone = read_utterances(parts, said(parts, text))
        for name in ("embedding", "reading", "context"):
            assert getattr(many, name)[i].tobytes() == getattr(alone, name)[0].tobytes()
    assert np.isfinite(many.reading).all()
    assert (np.abs(many.context) <= 1).all()
    assert (many.topic == -1).all()


def test_without_signals_the_estimate_is_what_the_words_say(parts):
    expression = said(parts, "I am so sad and alone.", "I am terrified of tomorrow.", "ok", "This makes me furious!")
    heard = read_utterances(parts, expression)
    estimate = recognize(parts, expression, heard, ALL)
    np.testing.assert_array_equal(estimate.affect, heard.reading[:, :8])
    share = estimate.affect[:, :NUM_CATEGORIES].astype(float)
    np.testing.assert_allclose(share.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(estimate.uncertainty[:, 0], -(share * np.log(share)).sum(1) / np.log(6), atol=1e-5)
    assert not estimate.vector.any()
    assert not estimate.present.any()
    # the documented spread, from the labels of the bank of theory people
    np.testing.assert_allclose(estimate.uncertainty[:, 1:], np.tile([0.323, 0.208], (4, 1)), atol=0.001)
    np.testing.assert_array_equal(estimate.uncertainty[:, 1:], np.tile(parts.words_sd, (4, 1)))


def test_rows_with_signals_keep_the_recognizers_estimate(parts):
    rows = np.array([0, 1, 2, 3])
    segment = np.array([5, -1, 9, -1])
    expression = Expression(rows, segment)
    heard = read_utterances(parts, expression)
    present = np.array([[True, True, False]] * 4)
    estimate = recognize(parts, expression, heard, present)
    table = parts.table.look_up(np.array([5, 9]), present[:2])
    for name in ("vector", "affect", "uncertainty", "present"):
        np.testing.assert_array_equal(getattr(estimate, name)[[0, 2]], getattr(table, name))
    np.testing.assert_array_equal(estimate.affect[[1, 3]], parts.utterance_reading.affect[[1, 3]])
    assert not estimate.present[[1, 3]].any()


def test_a_world_of_own_words_is_the_world_of_the_bank_where_the_words_are_the_same(own_world, bank_world, run, draw):
    actions = draw(24, 6)  # long enough for rows to begin anew at different turns
    own, bank = run(own_world(6), actions), run(bank_world(6), actions)
    # The bank's words come from a table that is rounded; people mind what is read, so that now and then one of them
    # says something else from there on, until the row begins anew.
    apart = np.abs(own[0] - bank[0]).max(axis=-1) > 5e-3
    assert apart.mean() < 0.05
    assert apart.any(axis=0).sum() <= 1
    same = ~apart[1:]  # rewards and ends come with the observation after the action
    np.testing.assert_allclose(own[1][same], bank[1][same], atol=1e-3)
    np.testing.assert_array_equal(own[2][same], bank[2][same])
    assert 0 < own[2].sum() < own[2].size


def test_own_words_cost_one_more_encoder_call_a_step_and_the_banks_none(own_world, bank_world, draw):
    for world, expected in ((own_world(5), 2), (bank_world(5), 1)):
        world.reset(0)
        for action in draw(3, 5):
            before = world.calls()["encoder"]
            finished = world.step(action).finished
            begun_anew = finished is not None and expected == 2
            assert world.calls()["encoder"] - before == expected + begun_anew


def test_a_restart_of_some_rows_leaves_the_others_as_they_were(own_world, draw):
    world = own_world(4, silent=True)
    world.reset(3)
    (action,) = draw(1, 4)
    world.record = True
    obs = world.step(action).obs
    kept = copy.deepcopy(world.last)
    after = world.restart(np.array([1, 3]))
    assert world.last.utterance == kept.utterance
    assert world.last.next_utterance == kept.next_utterance
    np.testing.assert_array_equal(world.last.estimate.affect, kept.estimate.affect)
    np.testing.assert_array_equal(after[[0, 2]], obs[[0, 2]])
    assert (after[[1, 3]] != obs[[1, 3]]).any(axis=1).all()
    world.step(action)
    assert [len(texts) for texts in world._state().window] == [5, 3, 5, 3]
    assert world.last.utterance[1] == world._state().window[1][0]


def test_a_state_of_own_words_continues_to_the_bit(own_world, draw, check_continuation):
    check_continuation(own_world(3, silent=True), own_world(3, silent=True), draw(10, 3))


def test_observations_of_silent_people_are_finite_and_within_their_space(own_world, draw):
    world = own_world(4, silent=True, generator=ConstantGenerator("I hear you."))
    for action in draw(4, 4):
        obs = world.reset(0) if world._dialogues is None else world.step(action).obs
        assert all(world.single_observation_space.contains(row) for row in obs)
        assert not world.layout.unflatten(obs)["present"].any()


def test_an_unknown_topic_is_not_shown(own_world, draw):
    world = own_world(2, silent=True)
    world.record = True
    world.reset(0)
    world._state().said.topic[1] = -1
    world.step(draw(1, 2)[0])
    assert turn_text(world.last, 0).startswith(f"turn 1  ({world.last.topic[0]})\n")
    assert turn_text(world.last, 1).startswith("turn 1\n")
    assert world.last.topic[1] == ""


def test_nobody_observes_a_state_that_nobody_knows(config, parts):
    users = InOwnWords(build(config.users, 1, parts.utterances, parts.segments), parts.utterances)
    users.hidden_names = ()
    with pytest.raises(ConfigError, match="privileged"):
        World(world_config("rlgen/SupportDynamic-v0", observation="privileged"), 1, parts=parts, users=users)
