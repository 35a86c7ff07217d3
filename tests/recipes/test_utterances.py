"""`python -m recipes.utterances`: counts, samples and exchanges of what was asked for."""

from __future__ import annotations

import re

import numpy as np
import pytest

from recipes.utterances import PROGRAM, main
from rlgen import artifacts
from rlgen.affect import CATEGORIES, SADNESS
from rlgen.experiments.cli import call
from rlgen.text.utterances import FILE, KIND, SHIPPED, utterances


@pytest.fixture
def show(capsys, monkeypatch):
    """Runs the command on a wide screen; gives what it printed."""
    monkeypatch.setenv("COLUMNS", "400")

    def run(*argv, status=0):
        assert call(PROGRAM, main, argv) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return run


def test_counts_are_those_of_the_bank(show):
    bank = utterances()
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in show("--samples", "0").splitlines()]
    found = {cells[0]: [int(cell) for cell in cells[1:]] for cells in rows if cells and cells[0] in bank.topics}
    assert len(found) == len(bank.topics)
    assert sum(counts[-1] for counts in found.values()) == len(bank)
    for i, topic in enumerate(bank.topics):
        expected = np.bincount(bank.category[bank.topic == i], minlength=len(CATEGORIES)).tolist()
        assert found[topic] == [*expected, sum(expected)]


def test_samples_are_of_the_topic_and_category_asked_for_and_follow_the_seed(show):
    bank, topic = utterances(), utterances().topics[1]
    asked = ["--topic", topic, "--category", "sadness", "--samples", "9"]
    printed = show(*asked)
    said = [line.strip() for line in printed.splitlines() if re.match(r"  \S", line)]
    there = set(np.array(bank.text)[(bank.topic == 1) & (bank.category == SADNESS)].tolist())
    assert len(set(said)) == len(said) == 9
    assert set(said) <= there
    assert len(re.findall(rf"^{re.escape(topic)}, sadness \d\.\d\d, ", printed, re.MULTILINE)) == 9
    assert show(*asked) == printed
    assert show(*asked, "--seed", "1") != printed
    everything = show("--topic", topic, "--category", "sadness", "--samples", "100000")
    assert {line.strip() for line in everything.splitlines() if re.match(r"  \S", line)} == there


def test_exchanges_of_the_corpus_are_as_many_as_asked(show):
    topic = utterances().topics[2]
    printed = show("--corpus", "3", "--topic", topic, "--category", "anger")
    assert printed.splitlines().count(topic) == 3
    turns = [line.split()[0] for line in printed.splitlines() if re.match(r"  \S", line)]
    assert turns[::2] == ["person"] * (len(turns) // 2)
    assert turns[1::2] == ["supporter"] * (len(turns) // 2)


@pytest.mark.parametrize("option", ["topic", "category"])
def test_an_unknown_name_is_answered_with_those_that_there_are(show, option):
    told = show(f"--{option}", "nothing", status=2)
    assert f"{option} was 'nothing': it is one of" in told
    assert len(told.strip().splitlines()) == 1


def test_the_shipped_bank_is_what_the_command_writes(tmp_path):
    assert call(PROGRAM, main, ["--out", str(tmp_path / "bank")]) == 0
    made, kept = (artifacts.load(source, KIND).file(FILE) for source in (tmp_path / "bank", SHIPPED))
    with np.load(made) as one, np.load(kept) as other:
        assert set(one.files) == set(other.files)
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])
