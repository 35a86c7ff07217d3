"""Charts: gaps, and that no word leaves the picture or touches a line, a mark or another word."""

import re
from itertools import combinations, pairwise
from math import inf, nan
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from rlgen.experiments.reporting import charts
from rlgen.experiments.reporting.charts import Level, Series, Span

_METRICS = TextToPath()
SVG = "{http://www.w3.org/2000/svg}"
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
    """Of words at 11 points in DejaVu Sans, the widest of the common fonts, by its own metrics."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if weight >= 600 else "normal", size=11)
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
        defined = {id(e) for defs in root.iter(f"{SVG}defs") for e in defs.iter()}
        for element in root.iter():
            if id(element) in defined:
                continue
            if element.tag == f"{SVG}text":
                self.words.append(element.text or "")
                self.boxes.append(self._of_text(element))
            elif element.tag == f"{SVG}path" and "none" not in element.attrib.get("style", "").split("stroke: ")[-1]:
                numbers = [float(v) for v in re.findall(r"-?[\d.]+(?:e-?\d+)?", element.attrib.get("d", ""))]
                points = np.reshape(numbers, (-1, 2))
                if not len(points):
                    continue
                pairs = pairwise(points)
                self.marks.append(np.concatenate([np.linspace(a, b, 200) for a, b in pairs] or [points]))
            elif element.tag == f"{SVG}use":
                x, y = number(element, "x"), number(element, "y")
                self.marks.append(np.array([[x - 2, y], [x + 2, y], [x, y - 2], [x, y + 2]]))

    @staticmethod
    def _of_text(element):
        x, y, words = number(element, "x"), number(element, "y"), element.text or ""
        style = element.attrib["style"]
        wide = width(words, 700 if "font-weight: 700" in style else 400)
        anchor = re.search(r"text-anchor: (\w+)", style)[1]
        left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
        return left, y - 8.4, left + wide, y + 2.7  # capitals and descenders of DejaVu at 11 points

    def check(self):
        _, _, wide, high = self.box
        for words, (left, top, right, bottom) in zip(self.words, self.boxes, strict=True):
            assert left >= -0.1, f"{words!r} is cut off at the left"
            assert right <= wide + 0.1, f"{words!r} is cut off at the right"
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
            assert (mark >= -2.5).all()
            assert (mark <= np.array([wide, high]) + 2.5).all()


@pytest.mark.parametrize("kind", _VALUES)
@pytest.mark.parametrize("shape", ["alone", "small", "with a ladder", "named series", "one point"])
def test_no_word_of_a_line_chart_is_cut_off_or_struck_through(kind, shape):
    values = _VALUES[kind]
    steps = [2048, 4096, 6144, 8192]
    levels, high = [], 300
    series = [Series("", steps, charts.smoothed(values, 3), "outcome", values)]
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
    assert max(e.attrib["d"].count("M") for e in root.iter(f"{SVG}path")) == 2
    lonely = charts.lines([Series("", [0, 1, 2], [1.0, nan, 2.0])], label="l", x_name="t", y_name="y")
    assert lonely.count("<use") == 2  # a point between gaps is seen
    ElementTree.fromstring(charts.intervals([Span("a", 0.1, -0.1, 0.3)], label="l", x_name="d"))
    assert charts.smoothed([1.0, nan, 3.0], 3) == [1.0, 2.0, 3.0]
