"""People of one's own and other people's chatbots: the examples run, and a world takes what they define."""

import runpy
from pathlib import Path

import gymnasium
import numpy as np

import rlgen  # noqa: F401 - registers the ids
from examples.own_people import Curious

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_own_people_run_as_a_script(capsys):
    runpy.run_path(str(EXAMPLES / "own_people.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "How did that feel?" in printed
    assert len((EXAMPLES / "own_people.py").read_text().splitlines()) <= 60
    assert len((EXAMPLES / "rate_a_chatbot.py").read_text().splitlines()) <= 60


def test_a_world_takes_them_by_name_and_as_a_class():
    named = {"family": "examples.own_people:Curious", "ease": 0.4}
    envs = [gymnasium.make("rlgen/SupportDynamic-v0", users=users) for users in (named, Curious.Config(ease=0.4))]
    shown = []
    for env in envs:
        obs = [env.reset(seed=5)[0]]
        obs += [env.step(np.full(4, 0.2, dtype=np.float32))[0] for _ in range(2)]
        shown.append(np.array(obs))
        assert env.unwrapped.world.config.users.ease == 0.4
    np.testing.assert_array_equal(*shown)
