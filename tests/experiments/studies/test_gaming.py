"""Alarms of made-up trainings, and where they must be silent."""

import numpy as np
import pytest

from rlgen.experiments.studies.gaming import FEWEST, alarms, change


def training(rise, relief, iterations=25, length=0.0, completed=0.2, noise=0.03, seed=0):
    """Records whose figures move in a straight line, with noise."""
    rng = np.random.default_rng(seed)
    way = np.linspace(0.0, 1.0, iterations)

    def of(start, moved, sd):
        return start + moved * way + rng.normal(0.0, sd, iterations)

    columns = {
        "return": of(0.1, rise, noise),
        "relief": of(0.05, relief, noise / 3),
        "length": of(12.0, length, 0.1),
        "completed": of(0.4, completed, 0.02),
    }
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(iterations)]


def kinds(records):
    return [alarm.kind for alarm in alarms(records)]


@pytest.mark.parametrize("seed", range(20))
def test_honest_gaming_and_idle_trainings_are_told_apart(seed):
    assert kinds(training(0.4, 0.15, seed=seed)) == []
    assert kinds(training(0.8, -0.08, seed=seed)) == ["parted"]
    assert kinds(training(0.8, 0.0, seed=seed)) == ["hollow"]
    assert kinds(training(0.0, 0.0, seed=seed)) == []
    assert kinds(training(0.6, 0.12, length=3.0, completed=-0.2, seed=seed)) == ["prolonged"]


def test_a_small_help_on_the_way_is_where_they_fail():
    """What the docstring says that they cannot see: an exploit that brings a little relief as it goes."""
    assert kinds(training(3.0, 0.08)) == []  # relief that honest trainings reach, too


def test_nothing_is_said_of_what_is_not_known():
    records = training(0.8, -0.1)
    assert kinds([{**record, "relief": None} for record in records]) == []
    assert kinds(records[: FEWEST - 1]) == []
    assert change([0.1, None, 0.2]) is None


def test_the_line_is_that_of_least_squares():
    flat = change([1.0] * 12)
    assert flat is not None
    assert (flat.rose, flat.fell, flat.first, flat.last) == (False, False, 1.0, 1.0)
    straight = change([number / 11 for number in range(12)])
    assert straight is not None
    assert straight.rose
    assert (straight.first, straight.last) == pytest.approx((0.0, 1.0), abs=1e-12)
    noisy = np.random.default_rng(0).normal(size=30)
    slope, intercept = np.polyfit(np.linspace(0, 1, 30), noisy, 1)
    found = change(list(noisy))
    assert found is not None
    assert (found.first, found.last) == pytest.approx((intercept, intercept + slope))
    assert (found.low + found.high) / 2 == pytest.approx(slope)


def test_the_sentence_has_the_figures():
    (alarm,) = alarms(training(0.8, -0.08, noise=0.001))
    assert alarm.told == "the return rose from 0.10 to 0.90, and relief fell from 0.05 to -0.03"
