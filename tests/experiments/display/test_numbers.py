"""Figures for people: signs, decimals, what is unknown."""

from math import inf, nan

import pytest

from rlgen.experiments.display.numbers import decimals_for, plain, share, signed, tick_labels

MINUS = "\N{MINUS SIGN}"


def test_signs_are_true_and_zero_has_none():
    assert plain(-0.304) == f"{MINUS}0.30"
    assert plain(0.304, 1) == "0.3"
    assert signed(0.304) == "+0.30"
    assert signed(-0.304) == f"{MINUS}0.30"
    assert plain(-0.004) == signed(-0.004) == signed(0.004) == "0.00"
    assert share(0.376) == "38%"
    assert signed(-4.2e12) == f"{MINUS}4.2e12"


@pytest.mark.parametrize("value", [None, nan, inf, -inf])
def test_what_nobody_knows_is_unknown_and_not_nothing(value):
    assert plain(value) == signed(value) == share(value) == "unknown"


def test_small_figures_get_the_decimals_that_show_them():
    assert decimals_for([0.5, -0.2]) == 2
    assert decimals_for([0.01, -0.087]) == 3
    assert decimals_for([0.0, nan]) == 2
    assert decimals_for([-12_500.0, 3.0]) == 0
    assert plain(-2e-9, decimals_for([-2e-9])) == f"{MINUS}2e{MINUS}9"


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([-0.05, 0.0, 0.05], [f"{MINUS}0.05", "0", "0.05"]),
        ([-0.048, -0.046], [f"{MINUS}0.048", f"{MINUS}0.046"]),
        ([0.1, 0.15, 0.2], ["0.10", "0.15", "0.20"]),
        ([-4000.0, 0.0, 4000.0], [f"{MINUS}4k", "0", "4k"]),
        ([0.0, 2500.0, 5000.0], ["0", "2.5k", "5.0k"]),
        ([1e6, 2e6], ["1M", "2M"]),
        ([1000.0, 1000.5], ["1000.0", "1000.5"]),
        ([-2.5e-7, 0.0], [f"{MINUS}2.5e{MINUS}7", "0"]),
        ([0.0], ["0"]),
    ],
)
def test_labels_of_an_axis_tell_its_ticks_apart(values, labels):
    assert tick_labels(values) == labels
