"""Charts: ticks, gaps, and that no word leaves the picture or touches a line, a mark or another word."""

import re
from itertools import combinations
from math import inf, nan
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from rlgen.experiments.reporting import charts
from rlgen.experiments.reporting.charts import Level, Series, Span

_METRICS = TextToPath()
_LADDER = ["random", "centre", "fixed", "by emotion", "by turn", "untrained", "trained"]
_VALUES = {
    "negative": [-0.048, -0.0456, -0.0441, -0.0462],
    "across zero": [-0.2, -0.01, 0.05, 0.12],
    "tiny": [-3e-9, 1e-9, 2e-9, -1e-9],
    "huge": [-4.2e12, 3.1e11, 1e12, -2.2e10],
    "thousands": [-12_500, -11_250, 800, 3_000],
    "constant": [-0.25] * 4,
    "all zero": [0.0] * 4,
    "constant but for noise": [1.0, 1.0 + 1e-12, 1.0, 1.0],
    "large and near each other": [-1_000_000.5, -1_000_000.25, -1_000_000.0, -1_000_000.75],
    "gaps": [nan, -0.4, nan, inf],
    "unknown": [nan] * 4,
}


def width(words: str, weight: int) -> float:
    """Of words at 12 units in DejaVu Sans, the widest of the common fonts, by its own metrics."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if weight >= 600 else "normal", size=12)
    if not words.strip():
        return 0.0
    return _METRICS.get_text_width_height_descent(words, font, False)[0]


def number(element, name):
    return float(element.attrib[name])


class Picture:
    """Boxes `(left, top, right, bottom)` of a chart's words, and points of all that is drawn."""

    def __init__(self, svg: str):
        root = ElementTree.fromstring(svg)
        self.box = tuple(float(v) for v in root.attrib["viewBox"].split())
        self.words, self.boxes, self.marks = [], [], []
        for element in root.iter():
            tag = element.tag.rpartition("}")[2]
            if tag == "text":
                self.words.append(element.text or "")
                self.boxes.append(self._of_text(element))
            elif tag == "line":
                ends = [number(element, name) for name in ("x1", "y1", "x2", "y2")]
                self.marks.append(np.linspace(ends[:2], ends[2:], 400))
            elif tag == "path":
                numbers = [float(v) for v in re.findall(r"-?[\d.]+", element.attrib["d"])]
                self.marks.append(np.reshape(numbers, (-1, 2)))
            elif tag == "circle":
                x, y, r = (number(element, name) for name in ("cx", "cy", "r"))
                self.marks.append(np.array([[x - r, y], [x + r, y], [x, y - r], [x, y + r]]))

    @staticmethod
    def _of_text(element):
        x, y, words = number(element, "x"), number(element, "y"), element.text or ""
        wide = width(words, int(element.attrib["font-weight"]))
        left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[element.attrib["text-anchor"]] * wide
        return left, y - 9.2, left + wide, y + 2.9  # capitals and descenders of DejaVu at 12 units

    def check(self):
        _, _, wide, high = self.box
        for words, (left, top, right, bottom) in zip(self.words, self.boxes, strict=True):
            assert left >= 0, f"{words!r} is cut off at the left"
            assert right <= wide, f"{words!r} is cut off at the right"
            assert top >= 0, f"{words!r} is cut off above"
            assert bottom <= high, f"{words!r} is cut off below"
            for mark in self.marks:
                x, y = mark[:, 0], mark[:, 1]
                inside = (x > left) & (x < right) & (y > top) & (y < bottom)
                assert not inside.any(), f"{words!r} is struck through at {mark[inside][0]}"
        for (one, a), (two, b) in combinations(zip(self.words, self.boxes, strict=True), 2):
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, f"{one!r} lies on {two!r}"
        for mark in self.marks:
            assert np.isfinite(mark).all()
            assert (mark >= -0.1).all()
            assert (mark <= np.array([wide, high]) + 0.1).all()


@pytest.mark.parametrize("kind", _VALUES)
@pytest.mark.parametrize("shape", ["alone", "small", "with a ladder", "named series", "one point"])
def test_no_word_of_a_line_chart_is_cut_off_or_struck_through(kind, shape):
    values = _VALUES[kind]
    steps = [2048, 4096, 6144, 8192]
    levels, high = [], 300
    series = [Series("", steps, charts.smoothed(values, 3), "gold", values)]
    if shape == "small":
        high = 190
    elif shape == "with a ladder":
        finite = [v for v in values if np.isfinite(v)] or [0.0]
        levels = [
            Level(name, float(v), name == "trained")
            for name, v in zip(_LADDER, np.linspace(min(finite), max(finite), 7), strict=True)
        ]
    elif shape == "named series":
        series = [Series(f"policy number {i} with a name of its own", steps, values, "one") for i in range(30)]
    elif shape == "one point":
        series = [Series("", steps[:1], values[1:2], "one")]
    picture = Picture(charts.lines(series, levels, label="l", x_name="environment steps", y_name="relief", height=high))
    picture.check()
    assert kind != "unknown" or levels or "unknown" in picture.words


@pytest.mark.parametrize("kind", _VALUES)
def test_no_word_of_an_interval_chart_is_cut_off_or_struck_through(kind):
    values = _VALUES[kind]
    size = max((abs(v) for v in values if np.isfinite(v)), default=1.0)
    names = ["controls by emotion", "random", "a policy whose name is much longer than there is room", "W" * 60]
    spans = [Span(n, v, v - 0.3 * size, v + 0.2 * size) for n, v in zip(names, values, strict=True)]
    picture = Picture(charts.intervals(spans, label="l", x_name="difference in relief, of the whole scale of 1 to 5"))
    picture.check()
    assert sum(words == "unknown" for words in picture.words) == sum(not np.isfinite(v) for v in values)


def test_the_sign_of_a_figure_is_seen():
    svg = charts.lines(
        [Series("", [0, 1], [-0.0456, -0.0441])],
        label="alignment",
        x_name="environment steps",
        y_name="relief",
        height=190,
    )
    picture = Picture(svg)
    negative = [w for w in picture.words if w.startswith("\N{MINUS SIGN}0.04")]
    assert len(negative) >= 2
    assert not any(w.startswith("-") for w in picture.words)
    words = Picture(charts.intervals([Span("centre", -0.004, -0.008, 0.0)], label="l", x_name="d")).words
    assert "\N{MINUS SIGN}0.0040 [\N{MINUS SIGN}0.0080, 0.0000]" in words


def test_width_of_words_is_never_reckoned_too_small():
    for words in (
        "emotional weight",
        "\N{MINUS SIGN}0.0456",
        "WWW mmm",
        "+12.50 [-3, 4]",
        "WILL fit; 100% O(Q)",
        "ijl",
    ):
        for weight in (400, 700):
            reckoned = charts.text_width(words, weight > 400)
            assert width(words, weight) <= reckoned <= 1.6 * width(words, weight), words


def test_ticks_are_round_and_inside():
    assert charts.ticks(0, 50_000) == [0, 10_000, 20_000, 30_000, 40_000, 50_000]
    found = charts.ticks(-0.13, 0.92)
    assert all(-0.13 <= t <= 0.92 for t in found)
    assert 3 <= len(found) <= 7
    assert charts.ticks(1.0, 1.0) == [1.0]
    assert charts.ticks(-3e-9, 2e-9) == [-3e-9, -2e-9, -1e-9, 0.0, 1e-9, 2e-9]


def test_labels_are_spread_in_order_and_stay_inside():
    placed = charts.spread([50, 51, 52, 10], 14, 0, 100)
    assert placed[3] < placed[0] < placed[1] < placed[2]
    assert min(np.diff(sorted(placed))) >= 14 - 1e-9
    assert all(0 <= p <= 100 for p in placed)


def test_charts_are_well_formed_and_break_at_gaps():
    svg = charts.lines(
        [Series("a <b>", [0, 1, 2, 3, 4], [1.0, 1.1, nan, 2.0, 2.1])],
        [Level("level", 1.5)],
        label="x & y",
        x_name="t",
        y_name="y",
    )
    root = ElementTree.fromstring(svg)
    path = next(e for e in root.iter() if e.tag.endswith("path"))
    assert path.attrib["d"].count("M") == 2
    lonely = charts.lines([Series("", [0, 1, 2], [1.0, nan, 2.0])], label="l", x_name="t", y_name="y")
    assert lonely.count("<circle") == 2  # a point between gaps is seen
    ElementTree.fromstring(charts.intervals([Span("a", 0.1, -0.1, 0.3)], label="l", x_name="d"))
    assert charts.smoothed([1.0, nan, 3.0], 3) == [1.0, 2.0, 3.0]
