"""Each client hears what it would hear alone, whoever else is there."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from rlgen.envs import World, world_config
from rlgen.envs.parts import load_parts
from rlgen.envs.pipeline import TextPipeline
from rlgen.errors import ActionError, ConfigError
from rlgen.experiments.serving.sessions import LONGEST, Sessions
from rlgen.generation import ConstantGenerator

DYNAMIC = "rlgen/SupportDynamic-v0"


def actions(seed, turns=40):
    return np.random.default_rng(seed).uniform(-1, 1, (turns, 4)).astype(np.float32)


def talk(session, seed, turns, split="train"):
    """What is heard over some turns, dialogues following on each other."""
    heard = [session.reset(seed, split)]
    for action in actions(seed, turns):
        heard.append(session.step(controls=action.tolist()))
        if heard[-1].ending:
            heard.append(session.reset())
    return heard


def alone(config, parts, seed, turns, realm="training"):
    """The same, of a world that nobody shares."""
    world = World(config, 1, parts=parts)
    world.record = True
    obs = world.reset(seed, realm=realm)
    heard = [(obs[0], "", None)]
    for action in actions(seed, turns):
        step = world.step(action[None])
        last = step.obs[0] if step.finished is None else step.finished.final_obs[0]
        heard.append((last, world.last.reply[0], float(step.reward[0])))
        if step.finished is not None:
            heard.append((step.obs[0], "", None))
    return heard


def in_threads(sessions, count, turns):
    found = [None] * count
    barrier = threading.Barrier(count)

    def one(i):
        session = sessions.open()
        barrier.wait()
        found[i] = talk(session, i, turns)
        session.close()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    return found


def test_sixteen_clients_at_once_hear_what_each_hears_alone(quick):
    found = in_threads(quick, 16, 20)
    for seed, heard in enumerate(found):
        expected = alone(quick.world.config, quick.world.parts, seed, 20)
        for one, (obs, _, reward) in zip(heard, expected, strict=True):
            assert np.float32(one.observation).tobytes() == obs.tobytes()
            assert one.reward == reward
    assert quick.rounds.clients == 0


def test_the_same_words_with_the_generator_that_all_share(spoken):
    found = in_threads(spoken, 4, 3)
    for seed, heard in enumerate(found):
        expected = alone(spoken.world.config, load_parts(spoken.world.config), seed, 3)
        for one, (obs, reply, reward) in zip(heard, expected, strict=True):
            assert one.reply == reply
            assert one.reward == pytest.approx(reward, abs=1e-3)  # an encoder in bf16 rounds by the batch
            assert one.observation == pytest.approx(obs.tolist(), abs=5e-3)
    assert spoken.rounds.turns / spoken.rounds.steps > 1.5


def test_who_waits_does_not_move_while_others_step(quick):
    waiting, stepping = quick.open(), quick.open()
    waiting.reset(1)
    stepping.reset(2)
    for action in actions(2, 3):
        stepping.step(controls=action.tolist())
    heard = [waiting.step(controls=action.tolist()) for action in actions(1, 2)]
    expected = alone(quick.world.config, quick.world.parts, 1, 2)[1:]
    assert [np.float32(one.observation).tobytes() for one in heard] == [obs.tobytes() for obs, _, _ in expected]
    waiting.close()
    stepping.close()


def test_words_of_ones_own_are_what_a_generator_that_says_them_would_do(spoken):
    text = "That sounds hard. What happened then?"
    parts = load_parts(spoken.world.config)
    speech = TextPipeline(ConstantGenerator(text), parts.pipeline.guard, parts.reader)
    world = World(spoken.world.config, 1, parts=replace(parts, pipeline=speech))
    world.reset(5)
    session = spoken.open()
    session.reset(5)
    for _ in range(3):
        step, heard = world.step(np.zeros((1, 4), np.float32)), session.step(text=text)
        assert heard.reply == text
        assert heard.reward == pytest.approx(float(step.reward[0]), abs=1e-6)
        assert heard.observation == pytest.approx(step.obs[0].tolist(), abs=1e-6)
    session.close()


def test_splits_share_no_person(quick):
    session = quick.open()
    opened = {split: session.reset(7, split).observation for split in ("train", "validation", "test")}
    assert len({tuple(obs) for obs in opened.values()}) == 3
    first = alone(quick.world.config, quick.world.parts, 7, 0, realm="evaluation")[0][0]
    assert np.float32(opened["test"]).tobytes() == first.tobytes()
    session.close()


def test_an_end_says_how_and_what_became_of_the_person(quick):
    session = quick.open()
    heard = talk(session, 3, 40)
    ended = [one for one in heard if one.ending]
    assert {one.ending for one in ended} <= {"completed", "abandoned", "limit"}
    for one in ended:
        assert one.turn == one.summary["length"]
        assert -1 <= one.summary["relief"] <= 1
    assert all(not one.summary for one in heard if not one.ending)
    rewards = [one.reward for one in heard[1 : heard.index(ended[0]) + 1]]
    assert ended[0].summary["return"] == pytest.approx(sum(rewards), abs=1e-5)
    session.close()


def test_mistakes_are_sentences_and_change_nothing(spoken, quick):
    session = spoken.open()
    with pytest.raises(ActionError, match="call reset"):
        session.step(text="hello")
    session.reset(1)
    wrong = [{}, {"text": "x", "controls": [0, 0, 0, 0]}, {"text": "  "}, {"text": "x" * (LONGEST + 1)}]
    wrong += [{"controls": controls} for controls in ([0.0, 0.0], [9.0, 0, 0, 0], [float("nan"), 0, 0, 0])]
    for given in wrong:
        with pytest.raises(ActionError):
            session.step(**given)
    assert session.turns == 0
    with pytest.raises(ConfigError, match="train, validation, test"):
        session.reset(1, "holdout")
    silent = quick.open()
    silent.reset(1)
    with pytest.raises(ActionError, match="no words"):
        silent.step(text="hello")
    assert silent.step(controls=[0.0, 0.0, 0.0, 0.0]).turn == 1
    session.close()
    silent.close()


def test_places_are_counted_and_given_back():
    sessions = Sessions(world_config(DYNAMIC, generator="shipped:surface"), clients=2)
    first, second, third = (sessions.open() for _ in range(3))
    first.reset(1)
    second.reset(2)
    with pytest.raises(ConfigError, match="all 2 places"):
        third.reset(3)
    first.close()
    first.close()
    third.reset(1)
    with pytest.raises(ActionError, match="call reset"):
        first.step(controls=[0.0] * 4)


def test_a_person_at_the_terminal_is_not_served():
    with pytest.raises(ConfigError, match="terminal"):
        Sessions(world_config(DYNAMIC, users={"family": "human"}))
