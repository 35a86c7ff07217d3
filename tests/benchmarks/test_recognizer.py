"""`python -m benchmarks.recognizer`: figures of the shipped recognizer."""

import json

import pytest


def test_bench_prints_one_line_of_json(capsys, run_bench):
    assert run_bench("recognizer", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["speech+face, accuracy"]["value"] > rows["speech+face, accuracy"]["baseline"]
    assert rows["guessing at random, accuracy"]["value"] == pytest.approx(1 / 6)
