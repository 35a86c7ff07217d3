"""Charts as inline SVG, drawn by matplotlib: no script, no font and no network, readable at phone width.

Colours are CSS variables with fallbacks, so a chart follows the page's light or dark theme and
still stands alone as a file. All charts are drawn 380 points wide, which is near their size on a
phone, so that their words stay legible there.

Words are set in the reader's own font, and the room for them is reckoned in DejaVu Sans, the widest that is common.
None lies outside the picture or on another: names stand beside what is drawn, and are moved apart.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, MaxNLocator

from rlgen.experiments.display.numbers import UNKNOWN, decimals_for, signed, tick_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

COLOURS: Final = {
    "proxy": "#0f766e",
    "outcome": "#a16207",
    "muted": "#78716c",
    "faint": "#d6d3d1",
    "ink": "#292524",
    "bad": "#b91c1c",
    "one": "#c2410c",
    "two": "#1d4ed8",
    "three": "#7c3aed",
    "paper": "#fffffe",
}

WIDTH: Final = 380  # points
STYLE: Final[dict[Any, Any]] = {  # matplotlib types the names of these as literals
    "svg.fonttype": "none",
    "svg.hashsalt": "rlgen",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.parse_math": False,
    "axes.edgecolor": COLOURS["faint"],
    "axes.labelcolor": COLOURS["muted"],
    "text.color": COLOURS["muted"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.size": 0,
    "axes.spines.left": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
}
_GAP: Final = 14.0  # points between the middles of two names at a chart's right
_LEADER: Final = 13.0  # points from a line's end to its name
_NAME: Final = 130.0  # points that a name may take there
STEPS: Final = (1, 2, 2.5, 5, 10)  # between ticks
_ROW: Final = 42.0  # points of a row of an interval chart: words above, the mark in a band below


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        name: label at its end, empty for none.
        x: positions, finite.
        y: values; one that is not finite breaks the line.
        colour: a key of `COLOURS`.
        points: unsmoothed values at the same positions, drawn faintly, or empty.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str = "proxy"
    points: Sequence[float] = ()


@dataclass(frozen=True)
class Level:
    """A horizontal reference line; `strong` where it is the subject and not a reference."""

    name: str
    value: float
    strong: bool = False


@dataclass(frozen=True)
class Span:
    """A mean with an interval, one row of an interval chart; NaN where it is unknown."""

    name: str
    mean: float
    low: float
    high: float


def lines(
    series: Sequence[Series],
    levels: Sequence[Level] = (),
    *,
    label: str,
    x_name: str,
    y_name: str,
    height: float = 270,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Lines over a common x axis, with dashed reference levels, each named at the right.

    Args:
        series: at least one, with at least one position.
        levels: reference lines; one that is not finite is not drawn.
        label: what the chart shows, for screen readers and as its tooltip.
        x_name: name of the x axis, with its unit.
        y_name: name of the y axis, with its unit, which stands above it.
        height: of the chart in points, at least; it grows with the names that it has to hold.
        y_range: of the y axis; fitted to the data by default.
    """
    levels = [level for level in levels if math.isfinite(level.value)]
    height = max(height, 64 + _GAP * (sum(bool(s.name) for s in series) + len(levels) + 1))
    with mpl.rc_context(STYLE):
        figure, axes = _axes(height)
        shown = [v for s in series for v in (*s.y, *s.points) if math.isfinite(v)] + [level.value for level in levels]
        low, high = y_range or (padded(min(shown), max(shown)) if shown else (-1.0, 1.0))
        places = sorted({v for s in series for v in s.x})
        whole = all(float(v).is_integer() for v in places)
        axes.set(ylim=(low, high), xlim=(places[0], places[-1]) if len(places) > 1 else (places[0] - 1, places[0] + 1))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=whole, steps=STEPS))
        if len(places) == 1:
            axes.set_xticks(places)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.grid(axis="y", color=COLOURS["faint"], linewidth=0.8)
        if low < 0 < high:
            axes.axhline(0.0, color=COLOURS["muted"], linewidth=0.8)
        names: list[tuple[float, Text]] = []
        for level in levels:
            colour = COLOURS[series[0].colour] if level.strong else COLOURS["muted"]
            axes.axhline(level.value, color=colour, linewidth=1.8 if level.strong else 1.0, dashes=(4, 3))
            names.append((level.value, _named(axes, level.name, colour, level.strong)))
        for s in series:
            colour, values = COLOURS[s.colour], np.asarray(s.y, dtype=np.float64)
            finite = np.isfinite(values)
            if len(s.points):
                axes.plot(s.x, s.points, "o", color=colour, alpha=0.4, markersize=3.5, markeredgewidth=0, clip_on=False)
            axes.plot(s.x, np.where(finite, values, np.nan), color=colour, linewidth=2.2, solid_joinstyle="round")
            alone = finite & ~np.append(finite[1:], False) & ~np.insert(finite[:-1], 0, False)
            if alone.any():  # a line without a point would ask for room in a corner
                axes.plot(np.asarray(s.x)[alone], values[alone], "o", color=colour, markersize=5, clip_on=False)
            if s.name and finite.any():
                names.append((float(values[finite][-1]), _named(axes, s.name, colour, True)))
        if not shown:
            axes.text(0.5, 0.53, UNKNOWN, transform=axes.transAxes, ha="center")
        axes.set_xlabel(fitted(x_name, WIDTH - 60))
        axes.set_title(fitted(y_name, WIDTH - 20), loc="left", x=0, fontsize=11, color=COLOURS["muted"])
        _name_apart(figure, axes, names)
        return as_svg(figure, label)


def intervals(spans: Sequence[Span], *, label: str, x_name: str, colour: str = "proxy") -> str:
    """Differences with their intervals, one row each: words, and below them the interval beside a line at zero.

    A row whose interval lies above zero is filled, below zero it is red, and one that holds zero
    is hollow. One that is unknown says so.
    """
    ends = [v for s in spans for v in (s.low, s.mean, s.high) if math.isfinite(v)]
    low, high = padded(min(0.0, *ends), max(0.0, *ends)) if ends else (-1.0, 1.0)
    with mpl.rc_context(STYLE):
        figure, axes = _axes(_ROW * len(spans) + 46)
        axes.set(xlim=(low, high), ylim=(len(spans), 0), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.spines["bottom"].set_visible(False)
        for i, s in enumerate(spans):
            band, there = (i + 0.5, i + 0.95), all(math.isfinite(v) for v in (s.mean, s.low, s.high))
            axes.vlines(axes.get_xticks(), *band, color=COLOURS["faint"], linewidth=0.8)
            axes.vlines(0.0, *band, color=COLOURS["ink"], linewidth=1.3)
            figures = _figures(s) if there else UNKNOWN
            name = fitted(s.name, WIDTH - 30 - wide(figures), bold=True)
            at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
            axes.text(0.0, i + 0.27, name, **at, weight="bold", color=COLOURS["ink"])
            axes.text(1.0, i + 0.27, figures, **at, ha="right")
            if there:
                tone = colour if s.low > 0 else "bad" if s.high < 0 else "muted"
                face = "paper" if tone == "muted" else tone
                style: dict[str, Any] = {"color": COLOURS[tone], "linewidth": 2.2, "solid_capstyle": "butt"}
                axes.plot([s.low, s.high], [i + 0.725] * 2, **style)
                edge: dict[str, Any] = {"markeredgecolor": COLOURS[tone], "markeredgewidth": 2}
                axes.plot(s.mean, i + 0.725, "o", markersize=8, markerfacecolor=COLOURS[face], **edge)
        axes.set_xlabel(fitted(x_name, WIDTH - 20))
        return as_svg(figure, label)


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Centred moving mean over `window` values, those that are not finite left out."""
    half = window // 2
    result = []
    for i in range(len(values)):
        near = [v for v in values[max(0, i - half) : i + half + 1] if math.isfinite(v)]
        result.append(sum(near) / len(near) if near else math.nan)
    return result


class Ticks(Formatter):
    """As many decimals as tell the ticks apart, thousands as k, M or G, true minus signs."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Label of one tick."""
        return tick_labels([x])[0]

    def format_ticks(self, values: Any) -> list[str]:
        """Labels of an axis."""
        return tick_labels([float(v) for v in values])


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, layout="constrained")
    axes = figure.subplots()
    axes.patch.set_visible(False)
    axes.xaxis.set_major_formatter(Ticks())
    axes.yaxis.set_major_formatter(Ticks())
    return figure, axes


def _named(axes: Axes, name: str, colour: str, strong: bool) -> Text:
    """A name right of the axes, whose height is found in `_name_apart`."""
    weight = "bold" if strong else "normal"
    words = fitted(name, _NAME, strong)
    at: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (_LEADER, 0), "textcoords": "offset points"}
    return axes.annotate(words, (1.0, 0.5), **at, va="center", color=colour, weight=weight, annotation_clip=False)


def _name_apart(figure: Figure, axes: Axes, names: Sequence[tuple[float, Text]]) -> None:
    """Put the names beside their values, moved apart where these are near each other, with a line to each."""
    if not names:
        return
    figure.draw_without_rendering()  # the layout makes room for the names
    figure.set_layout_engine("none")
    box = axes.get_window_extent()
    wanted = [float(axes.transData.transform((0.0, value))[1]) for value, _ in names]
    for (_, text), at, place in zip(names, wanted, spread(wanted, _GAP, box.y0 + 3, box.y1 - 3), strict=True):
        text.set_y(place - box.y0 - box.height / 2)
        x = [1.0 + 1 / box.width, 1.0 + (_LEADER - 2) / box.width]
        y = [(at - box.y0) / box.height, (place - box.y0) / box.height]
        axes.plot(x, y, color=text.get_color(), linewidth=0.7, transform=axes.transAxes, clip_on=False)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart to at least `gap`, keeping their order, inside [low, high] where they fit."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed = [0.0] * len(positions)
    last = low - gap
    for i in order:
        last = max(positions[i], last + gap)
        placed[i] = last
    limit = high
    for i in reversed(order):
        if placed[i] > limit:
            placed[i] = limit
        limit = placed[i] - gap
    return placed


def wide(words: str, bold: bool = False) -> float:
    """Room in points that words take in DejaVu Sans."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    if not words:
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=11)
    return float(text_to_path.get_text_width_height_descent(words, font, False)[0])


def fitted(words: str, room: float, bold: bool = False) -> str:
    """Words, cut short where they do not fit into some points."""
    if wide(words, bold) <= room:
        return words
    while words and wide(words + "\N{HORIZONTAL ELLIPSIS}", bold) > room:
        words = words[:-1].rstrip()
    return words + "\N{HORIZONTAL ELLIPSIS}"


def _figures(s: Span) -> str:
    digits = decimals_for((s.low, s.high))
    if any(0 < abs(end) < 0.5 * 10**-digits for end in (s.low, s.high)):
        digits += 1  # an end that lies beside zero is not shown as zero
    return f"{signed(s.mean, digits)} [{signed(s.low, digits)}, {signed(s.high, digits)}]"


def padded(low: float, high: float) -> tuple[float, float]:
    """A range with a margin; one that is all but constant gets a tenth of its size, or of one at nothing."""
    size = max(abs(low), abs(high))
    margin = 0.06 * (high - low) if high - low > 1e-6 * size else (size or 1.0) * 0.1
    return low - margin, high + margin


def as_svg(figure: Figure, label: str) -> str:
    """The figure as an element for a page, its colours as CSS variables."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)  # as wide as the page has room
    svg = re.sub(r"font-family: [^;\"]*", "font-family: system-ui,sans-serif", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name},{colour})")
    told = escape(label, quote=True)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{told}" ', 1).replace(">", f"><title>{told}</title>", 1)
