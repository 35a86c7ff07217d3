"""What is measured on words from turn to turn, against series whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.utterances import Talk, alike, follows, main


def talk(*text, embedding=None):
    n = len(text)
    unit = np.eye(n, 8, dtype=np.float32) if embedding is None else np.asarray(embedding, dtype=np.float32)
    return Talk(np.zeros(n, np.float32), np.zeros(n, np.float32), unit, list(text))


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_jumps_and_correlation_of_an_autoregressive_series(rho):
    rng = np.random.default_rng(0)
    series = []
    for _ in range(2000):
        values = [rng.normal()]
        for _ in range(9):
            values.append(rho * values[-1] + np.sqrt(1 - rho**2) * rng.normal())
        series.append(np.array([50.0, *values], dtype=np.float32))  # what opens is left out
    jump, correlation = follows(series)
    assert correlation == pytest.approx(rho, abs=0.02)
    assert jump == pytest.approx(2 / np.sqrt(np.pi) * np.sqrt(1 - rho), abs=0.02)


def test_repetitions_are_counted_per_dialogue_and_pairs_over_all():
    different = talk("I lost my job last week.", "Nobody called me.", "It rains.")
    clause = talk("I lost my job last week, and it hurts.", "Well, I LOST my job last week.", "It rains.")
    again = talk("It rains.", "It rains.")
    assert alike([different]) == (0, 0, 0)
    assert alike([clause, different]) == (0, 0.5, 0)
    assert alike([again, clause]) == (0.5, 0.5, 0)
    near = talk("a", "b", "c", embedding=[[1, 0], [0.9, np.sqrt(0.19)], [0, 1]])
    assert alike([near])[2] == pytest.approx(1 / 3)
    assert alike([talk("It rains.", "No.", "It rains.")], turns=2)[0] == 0


def test_the_command_measures_both_families(capsys):
    assert main(["--people", "20", "--json"]) == 0
    found = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    people = ("theory, no memory", "theory", "calibrated, no memory", "calibrated")
    figures = {name.partition(": ")[2] for name in found}
    assert set(found) == {f"{who}: {figure}" for who in people for figure in figures}
    for who in people:
        assert all(-1 <= found[f"{who}: {of} correlation"] <= 1 for of in ("intensity", "valence"))
        assert all(0 <= found[f"{who}: {share}"] <= 1 for share in ("an utterance twice", "a clause twice"))
    assert len({tuple(found[f"{who}: {figure}"] for figure in sorted(figures)) for who in people}) == len(people)
