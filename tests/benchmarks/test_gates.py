"""`python -m benchmarks.gates`: what names a step, and the exit status where a target is missed."""

import json

import pytest

from benchmarks import gates


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        ("Then email the tutor with two exact questions.", True),
        ("Maybe email that tutor, with two questions, exact ones.", True),
        ("Email the tutor.", False),
        ("Stop at ten in the evening and sleep.", False),
        ("", False),
    ],
)
def test_a_reply_names_a_step_by_most_of_its_words(reply, named):
    assert gates.names(reply, "email the tutor with two exact questions") == named


def test_a_generator_that_learned_other_things_misses_the_gates(trained, capsys, run_bench):
    assert run_bench("gates", "--generator", str(trained), "--dialogues", "10", "--json") == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["the person's own step taken up"]["value"] == 0
    assert rows["the person's own step taken up"]["target"] == 0.4
    assert 0 <= rows["another distress asked: followed at weight 1.5"]["value"] <= 1
    assert rows["replies that name a step"]["value"] == 0
