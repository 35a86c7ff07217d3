import json
from pathlib import Path

import numpy as np
import pytest

from rlgen.errors import ConfigError
from rlgen.experiments.cli import main
from rlgen.experiments.commands.check import kind_of_part

EXAMPLES = Path(__file__).parents[3] / "examples"


def greedy(trace):
    """Pays more for rows that come later: it depends on the batch."""
    return np.arange(len(trace.turn), dtype=float)


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("rlgen/Support-v0", "env"),
        ("CartPole-v1", "env"),
        (f"{EXAMPLES / 'own_reward.py'}:curious", "reward"),
        (f"{EXAMPLES / 'llm_judge.py'}:Judge", "reward"),
        (f"{EXAMPLES / 'own_people.py'}:Curious", "users"),
        (f"{EXAMPLES / 'own_recognizer.py'}:Loudness", "recognizer"),
        ("rlgen.generation:ConstantGenerator", "generator"),
        ("shipped:generator", "generator"),
        ("shipped:recognizer", "recognizer"),
        ("theory", "users"),
        ("ratings", "reward"),
        ({"kind": "constant", "text": "Go on."}, "generator"),
        ({"family": "theory"}, "users"),
    ],
)
def test_what_a_part_is(part, kind):
    assert kind_of_part(part) == kind


def test_what_cannot_be_told_is_asked_for():
    with pytest.raises(ConfigError, match="no id of an environment"):
        kind_of_part("rlgen/Suport-v0")
    with pytest.raises(ConfigError, match="--kind"):
        kind_of_part("json:dumps")


def test_laws_that_hold_are_a_line_each(capsys):
    assert main(["check", "FrozenLake-v1", "--num-envs", "2"]) == 0
    out = capsys.readouterr().out
    assert "ok    the same seed and actions give the same episodes" in out
    assert "-     other seeds, rows and episodes begin otherwise (not tried: " in out
    assert main(["check", "CartPole-v1", "--num-envs", "2"]) == 2  # its own batch draws for all rows at once
    assert "FAULT a row does not depend on how many there are" in capsys.readouterr().out
    assert main(["check", f"{EXAMPLES / 'own_reward.py'}:curious", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["holds"]) == ("reward", True)


def test_a_fault_is_a_sentence_and_status_two(capsys):
    assert main(["check", f"{__file__}:greedy"]) == 2
    out = capsys.readouterr().out
    assert "FAULT" in out
    assert "laws hold" in out.splitlines()[-1]
