"""`python -m benchmarks.precision`: the same people in two types of arithmetic."""

import json

import numpy as np
import pytest

from benchmarks import precision
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.policies.baselines import Fixed


def test_what_computes_alike_is_not_apart_and_people_are_paired(fake_world):
    first, again = (evaluate(fake_world(4), Fixed(), 12) for _ in range(2))
    assert (precision.apart(first, again).low, precision.apart(first, again).high) == (0.0, 0.0)
    again.values["return"] += 0.25
    moved = precision.apart(first, again)
    assert moved.low == moved.high == pytest.approx(0.25)
    assert np.ptp(first.values["return"]) > 0.0  # unpaired, people would drown so small a difference


def test_a_generator_without_arithmetic_earns_the_same_in_both_types(capsys):
    told = ["--generator", "{kind: constant, text: Go on.}", "--people", "6", "--num-envs", "3", "--json"]
    assert precision.main(told) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]
    assert {row["value"] for row in rows if "minus" in row["name"]} == {0.0}
    assert len(rows) == 3 * 5
