"""What a person looks at, in every mode that Gymnasium offers."""

import io
import sys

import gymnasium
import numpy as np
import pytest

from rlgen.envs import SupportDynamicEnv
from rlgen.envs.rendering import show

OKAY = {"kind": "constant", "text": "Okay."}

ID = "rlgen/SupportDynamic-v0"
ACTION = np.zeros(4, dtype=np.float32)


def made(mode, **kwargs):
    env = gymnasium.make(ID, render_mode=mode, generator={"kind": "constant", "text": "Okay, tell me more."}, **kwargs)
    env.reset(seed=0)
    return env


def test_text_shows_the_opening_then_the_turns():
    env = made("ansi")
    opening = env.render()
    said = env.unwrapped.world.opening().utterance[0]
    assert said in opening
    assert "opening" in opening
    env.step(ACTION)
    shown = env.render()
    record = env.unwrapped.world.last
    assert record.utterance[0] == said
    assert said in shown
    assert record.reply[0] in shown
    env.reset()
    assert env.unwrapped.world.opening().utterance[0] in env.render()
    assert said not in env.render()


def test_pictures_of_the_opening_and_of_a_turn():
    env = made("rgb_array")
    opening = env.render()
    env.step(ACTION)
    for picture in (opening, env.render()):
        assert picture.shape == (540, 960, 3)
        assert picture.dtype == np.uint8
        assert np.ptp(picture) > 100
    assert not np.array_equal(opening, env.render())


@pytest.mark.parametrize(("mode", "kind"), [("ansi_list", str), ("rgb_array_list", np.ndarray)])
def test_lists_of_them(mode, kind):
    env = made(mode)
    env.step(ACTION)
    env.step(ACTION)
    frames = env.render()
    assert len(frames) == 3
    assert all(isinstance(frame, kind) for frame in frames)


def test_human_mode_writes_each_turn(capsys):
    env = made("human")
    said = env.unwrapped.world.opening().utterance[0]
    assert said in capsys.readouterr().out
    env.step(ACTION)
    written = capsys.readouterr().out
    assert said in written
    assert "Okay, tell me more." in written
    assert env.render() is None


def test_every_mode_of_the_class_itself_as_entry_point():
    gymnasium.register(id="RlgenTest/Own-v0", entry_point=SupportDynamicEnv)
    try:
        for mode in ("human", "rgb_array_list"):
            assert gymnasium.make("RlgenTest/Own-v0", render_mode=mode, generator=OKAY).render_mode == mode
    finally:
        del gymnasium.registry["RlgenTest/Own-v0"]


def test_the_end_by_the_limit_is_told():
    env = made("ansi", max_turns=1)
    _, _, terminated, _, info = env.step(ACTION)
    assert terminated
    assert ("limit" in env.render()) == info["episode_summary"]["limit"]


def test_a_terminal_that_knows_few_signs_still_gets_its_line(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    show("recognised ▁▂ café")
    assert raw.getvalue().decode("cp1252").strip() == "recognised ?? café"
