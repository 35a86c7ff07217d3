"""A world in shards gives what one world gives, whatever the number of shards."""

import json
import pickle

import numpy as np
import pytest

from rlgen.envs import World
from rlgen.envs.shards.pieces import joined, pieces_of
from rlgen.errors import ActionError, ConfigError, PartError
from rlgen.governance import verify

ROWS, STEPS = 7, 16


def leaves(thing):
    """Everything in a step, flat, as bytes and values."""
    if isinstance(thing, np.ndarray):
        return [thing.tobytes(), thing.dtype, thing.shape]
    if isinstance(thing, dict):
        return [(name, leaves(value)) for name, value in thing.items()]
    if hasattr(thing, "__dataclass_fields__"):
        return [(name, leaves(getattr(thing, name))) for name in thing.__dataclass_fields__]
    return [thing]


def goes_as(one, other, actions):
    """Both worlds, already at the same place, go on alike, to the bit; returns how many dialogues ended."""
    ended = 0
    for action in actions:
        step = other.step(action)
        assert leaves(one.step(action)) == leaves(step)
        ended += 0 if step.finished is None else len(step.finished.rows)
    return ended


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_a_world_in_shards_is_the_world_to_the_bit(sharded, surface, draw, shards):
    config = surface()
    one, other = World(config, ROWS), sharded(config, ROWS, shards)
    assert other.single_observation_space == one.single_observation_space
    assert (other.layout, other.sha256, other.encoder) == (one.layout, one.sha256, one.encoder)
    assert one.reset(5).tobytes() == other.reset(5).tobytes()
    assert goes_as(one, other, draw(STEPS, ROWS)) > 2
    assert one.restart(np.arange(ROWS)).tobytes() == other.restart(np.arange(ROWS)).tobytes()
    assert goes_as(one, other, draw(STEPS, ROWS, 1)) > 2
    assert leaves(one.hidden()) == leaves(other.hidden())


FAMILIES = [
    {"family": "theory"},
    pytest.param({"family": "calibrated"}, marks=pytest.mark.slow),
    {"family": "theory", "population": "crisis"},
    "tests.envs.shards.own:Counting",
    "tests.envs.shards.own:Bare",
]


@pytest.mark.parametrize("people", FAMILIES, ids=str)
def test_a_state_goes_on_in_any_number_of_shards(sharded, surface, draw, people):
    """From one process to two shards, to three, and back to one; each time to the bit."""
    config = surface(users=people)
    whole = World(config, ROWS)
    whole.reset(3)
    steps = draw(4 * STEPS, ROWS)
    for action in steps[:STEPS]:
        whole.step(action)
    state, at = whole.state(), STEPS
    for make in (lambda: sharded(config, ROWS, 2), lambda: sharded(config, ROWS, 3), lambda: World(config, ROWS)):
        other = make()
        obs = other.load_state(pickle.loads(pickle.dumps(state)))
        assert obs.tobytes() == whole._observe().tobytes()
        goes_as(whole, other, steps[at : at + STEPS])
        state, at = other.state(), at + STEPS


def test_what_a_design_knows_of_all_rows_is_known_in_every_shard(sharded, surface, draw):
    """A running deviation is one of all rows: shards tell each other in the middle of a step."""
    reward = {
        "name": "spread",
        "terms": {"alignment": {"weight": 1.0, "normalise": 2.0}, "engagement": {"weight": 0.5, "normalise": 3.0}},
        "allow_prolonging": True,
        "feedback": {"noise": 0.5, "delay": 1},
    }
    config = surface(reward=reward)
    one, other = World(config, ROWS), sharded(config, ROWS, 3)
    assert one.reset(5).tobytes() == other.reset(5).tobytes()
    goes_as(one, other, draw(STEPS, ROWS))
    third = sharded(config, ROWS, 2)
    third.load_state(other.state())
    goes_as(one, third, draw(STEPS, ROWS, 1))


def test_words_are_the_same_and_floats_within_1e_5(sharded, surface, trained, draw, tmp_path):
    """With a generator that speaks: its batches are smaller, its words are not others."""
    config = surface(generator=str(trained))
    one, other = World(config, 5, tmp_path / "one.jsonl"), sharded(config, 5, 2, audit=tmp_path / "two.jsonl")
    np.testing.assert_allclose(one.reset(2), other.reset(2), atol=1e-5)
    for action in draw(20, 5):
        step, expected = other.step(action), one.step(action)
        np.testing.assert_allclose(step.obs, expected.obs, atol=1e-5)
        np.testing.assert_allclose(step.reward, expected.reward, atol=1e-5)
        assert (step.terminated == expected.terminated).all()
    windows = [text for data, _ in other.state()["pieces"] for text in pickle.loads(data)["dialogues"].window]
    assert windows == one.state()["dialogues"].window
    other.note({"event": "here"})
    one.note({"event": "here"})
    told = [lines(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    assert told[0] == told[1]
    assert sum(line["event"] == "intervention" for line in told[1]) > 3
    assert all(verify(tmp_path / name).intact for name in ("one.jsonl", "two.jsonl"))


def lines(path):
    """What an audit log tells, without times, hashes and salt."""
    names = ("event", "row", "turn", "decision", "reason")
    return [{name: line.get(name) for name in names} for line in map(json.loads, path.read_text().splitlines())]


def test_parts_of_ones_own_fail_in_the_same_sentence(sharded, surface, draw):
    config = surface(reward="tests.envs.shards.own:fails_later", max_turns=6)
    messages = []
    for world in (World(config, 4), sharded(config, 4, 2)):
        world.reset(0)
        for action in draw(3, 4):
            world.step(action)
        with pytest.raises(PartError, match="fails_later: it raised ZeroDivisionError") as error:
            world.step(action)
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert "in fails_later" in error.value.__notes__[0]  # the shard's traceback
    with pytest.raises(ConfigError, match="have ended; make it anew"):
        world.step(np.zeros((4, 4), np.float32))


def test_what_is_wrong_is_told_of_the_whole_and_harms_nobody(sharded, surface):
    world = sharded(surface(), 4, 2)
    world.reset(0)
    for wrong in (np.zeros((3, 4)), np.full((4, 4), np.nan), np.full((4, 4), 2.0)):
        with pytest.raises(ActionError):
            world.step(wrong)
    assert world.step(np.zeros((4, 4))).obs.shape[0] == 4
    fewer = World(surface(), 3)
    fewer.reset(0)
    with pytest.raises(ConfigError, match="not of a world with these people and this many"):
        world.load_state(fewer.state())
    with pytest.raises(ConfigError, match="shards was 5: 4 dialogues are split over 1 to 4 processes"):
        sharded(surface(), 4, 5)
    with pytest.raises(ConfigError, match="cannot be pickled"):
        sharded(surface(reward=lambda trace: trace.turn), 4, 2)


def test_people_whose_state_knows_no_rows_are_refused_in_another_number(sharded, surface, draw):
    config = surface(users="tests.envs.shards.own:Together")
    world = sharded(config, 5, 2)
    world.reset(0)
    for action in draw(STEPS, 5):
        world.step(action)
    state = world.state()
    sharded(config, 5, 2).load_state(state)
    with pytest.raises(
        ConfigError, match=r"people\.users\.met: what these people keep there cannot be told apart by rows"
    ):
        sharded(config, 5, 3).load_state(state)


def test_rows_are_found_in_pieces():
    pieces = [(b"a", np.arange(3)), (b"b", np.array([2, 5]))]
    found = [(data, rows.tolist()) for data, rows in pieces_of(pieces, 2, 4)]
    assert found == [(b"a", [2]), (b"b", [2])]
    assert joined([{"a": np.ones(2)}, {"a": np.zeros(1)}])["a"].tolist() == [1, 1, 0]
