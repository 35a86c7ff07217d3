"""Charts: ticks, labels, gaps."""

from xml.etree import ElementTree

import numpy as np

from rlgen.experiments.reporting import charts


def test_ticks_are_round_and_inside():
    assert charts.ticks(0, 50_000) == [0, 10_000, 20_000, 30_000, 40_000, 50_000]
    found = charts.ticks(-0.13, 0.92)
    assert all(-0.13 <= t <= 0.92 for t in found)
    assert 3 <= len(found) <= 7
    assert charts.ticks(1.0, 1.0) == [1.0]


def test_labels_are_spread_in_order_and_stay_inside():
    placed = charts.spread([50, 51, 52, 10], 14, 0, 100)
    assert placed[3] < placed[0] < placed[1] < placed[2]
    assert min(np.diff(sorted(placed))) >= 14 - 1e-9
    assert all(0 <= p <= 100 for p in placed)


def test_charts_are_well_formed_and_break_at_gaps():
    svg = charts.lines(
        [charts.Series("a <b>", [0, 1, 2], [1.0, float("nan"), 2.0])],
        [charts.Level("level", 1.5)],
        label="x & y",
        x_name="t",
    )
    root = ElementTree.fromstring(svg)
    path = next(e for e in root.iter() if e.tag.endswith("path"))
    assert path.attrib["d"].count("M") == 2
    ElementTree.fromstring(charts.intervals([charts.Span("a", 0.1, -0.1, 0.3)], label="l", x_name="d"))
    assert charts.smoothed([1.0, float("nan"), 3.0], 3) == [1.0, 2.0, 3.0]
