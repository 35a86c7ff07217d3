"""The charts of a comparison: rows of designs, small multiples of curves, and what is given up for what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlgen.experiments.display.numbers import UNKNOWN, decimals_for, plain
from rlgen.experiments.reporting.charts import COLOURS, STEPS, STYLE, WIDTH, Ticks, as_svg, fitted, padded, wide

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW: Final = 25.0  # points of a row
_NAMES: Final = 122.0  # points at most that names take at the left
_FIGURES: Final = 46.0  # and figures at the right
_PANEL: Final = 112.0  # points of height of a small multiple
_HEAD: Final = 26.0  # of which its name
_TICKS: Final = 36.0  # points at its left
_UNDER: Final = 38.0  # points below all of them
Box = tuple[float, float, float, float]
_BARE: Final[dict[Any, Any]] = {"axes.spines.bottom": False}


@dataclass(frozen=True)
class Row:
    """A design in a chart of rows.

    Attributes:
        name: of the design.
        mean: NaN where it is unknown.
        low: lower end of the interval; NaN where there is none.
        high: upper end.
        runs: figures of its single policies, drawn faintly.
        baseline: drawn hollow and grey.
    """

    name: str
    mean: float
    low: float
    high: float
    runs: Sequence[float] = ()
    baseline: bool = False


@dataclass(frozen=True)
class Line:
    """A curve with a band; NaN breaks either."""

    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Point:
    """A design in a scatter: where, intervals along both axes, and whether it is on the front."""

    name: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    front: bool
    baseline: bool = False


def rows(shown: Sequence[Row], *, label: str, x_name: str, colour: str = "outcome") -> str:
    """One row a design: name, interval with its middle and the single policies, figure.

    Args:
        shown: from top to bottom.
        label: what the chart shows, for screen readers and as its tooltip.
        x_name: name of the axis, with its unit.
        colour: a key of `COLOURS`.
    """
    ends = [v for row in shown for v in (row.mean, row.low, row.high, *row.runs) if math.isfinite(v)]
    low, high = padded(min(ends), max(ends)) if ends else (-1.0, 1.0)
    digits = decimals_for([row.mean for row in shown])
    with mpl.rc_context({**STYLE, **_BARE}):
        figure, axes = _framed(shown)
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.grid(axis="x", color=COLOURS["faint"], linewidth=0.8)
        if low < 0 < high:
            axes.axvline(0.0, color=COLOURS["muted"], linewidth=1.0)
        for i, row in enumerate(shown):
            tone = COLOURS["muted" if row.baseline else colour]
            if math.isfinite(row.low) and math.isfinite(row.high):
                axes.plot([row.low, row.high], [i, i], color=tone, linewidth=2.4, solid_capstyle="butt")
            if len(row.runs) > 1:
                axes.plot(row.runs, [i + 0.3] * len(row.runs), "o", color=tone, markersize=3, alpha=0.45, mew=0)
            if math.isfinite(row.mean):
                face = COLOURS["paper"] if row.baseline else tone
                axes.plot(row.mean, i, "o", markersize=7, markerfacecolor=face, markeredgecolor=tone, mew=1.8)
            figures = plain(row.mean, digits) if math.isfinite(row.mean) else UNKNOWN
            axes.text(1.02, i, figures, transform=axes.get_yaxis_transform(), va="center", color=COLOURS["ink"])
        axes.set_xlabel(fitted(x_name, WIDTH - 40))
        return as_svg(figure, label)


def endings(shown: Mapping[str, tuple[float, float, float]], *, label: str, baselines: Sequence[str] = ()) -> str:
    """How dialogues end, a bar a design: completed, cut at the limit, abandoned; shares in [0, 1]."""
    marked = [Row(name, math.nan, math.nan, math.nan, baseline=name in baselines) for name in shown]
    with mpl.rc_context({**STYLE, **_BARE}):
        figure, axes = _framed(marked, right=6.0, below=4.0)
        axes.set(xlim=(0, 1), xticks=[])
        for i, parts in enumerate(shown.values()):
            start = 0.0
            for share, colour in zip(parts, ("proxy", "faint", "one"), strict=True):
                if not math.isfinite(share):
                    continue
                axes.barh(i, share, left=start, height=0.68, color=COLOURS[colour], linewidth=0)
                if share >= 0.095:
                    ink = COLOURS["ink" if colour == "faint" else "paper"]
                    at: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9.5}
                    axes.text(start + share / 2, i, f"{share:.0%}", color=ink, **at)
                start += share
        return as_svg(figure, label)


def panels(
    shown: Mapping[str, Line],
    *,
    label: str,
    x_name: str,
    colour: str = "outcome",
    shared: bool = True,
    level: float = math.nan,
    share: bool = False,
    beside: Mapping[str, Line] | None = None,
) -> str:
    """Small multiples, a design each: its curve with its band, the others faint behind it.

    Args:
        shown: name -> curve.
        label: what the chart shows, for screen readers and as its tooltip.
        x_name: name of the common x axis, with its unit.
        colour: a key of `COLOURS`.
        shared: whether all have one y axis; else each has its own and no others behind it.
        level: a dashed line in all of them.
        share: whether y is a share, shown from 0 to 1.
        beside: a second curve of each, thin, on a scale of its own without figures.
    """
    columns = 1 if len(shown) == 1 else 2
    down = math.ceil(len(shown) / columns)
    height = _PANEL * down + _UNDER
    everything = [v for line in shown.values() for v in (*line.mean, *line.low, *line.high, level) if math.isfinite(v)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        for i, (name, line) in enumerate(shown.items()):
            column, row = i % columns, i // columns
            across = (WIDTH - 4) / columns
            axes = figure.add_axes(
                (
                    (column * across + _TICKS) / WIDTH,
                    (_UNDER + (down - 1 - row) * _PANEL) / height,
                    (across - _TICKS - 6) / WIDTH,
                    (_PANEL - _HEAD) / height,
                )
            )
            axes.patch.set_visible(False)
            axes.xaxis.set_major_formatter(Ticks())
            axes.yaxis.set_major_formatter(Ticks())
            axes.xaxis.set_major_locator(MaxNLocator(2, steps=STEPS))
            axes.yaxis.set_major_locator(MaxNLocator(3, steps=STEPS))
            below = i + columns < len(shown)  # another panel, with the same x axis
            axes.tick_params(labelsize=9, pad=3, labelbottom=not below, labelleft=not (shared and column))
            axes.grid(axis="y", color=COLOURS["faint"], linewidth=0.8)
            if shared and everything:
                axes.set_ylim((0, 1.02) if share else padded(min(everything), max(everything)))
                others = [np.column_stack([other.x, other.mean]) for other in shown.values()]
                axes.add_collection(LineCollection(others, colors=COLOURS["faint"], linewidths=1.0))
            if math.isfinite(level):
                axes.axhline(level, color=COLOURS["muted"], linewidth=1.0, dashes=(4, 3))
            axes.fill_between(line.x, line.low, line.high, color=COLOURS[colour], alpha=0.22, linewidth=0)
            axes.plot(line.x, line.mean, color=COLOURS[colour], linewidth=2.0)
            if beside is not None:
                other = axes.twinx()
                other.set_axis_off()
                other.plot(beside[name].x, beside[name].mean, color=COLOURS["proxy"], linewidth=1.4, dashes=(3, 1.5))
            axes.set_title(fitted(name, across - _TICKS - 6, True), loc="left", fontsize=10.5, weight="bold",
                           color=COLOURS["ink"])  # fmt: skip
        figure.text(0.5, 4 / height, fitted(x_name, WIDTH - 40), ha="center", fontsize=11, color=COLOURS["muted"])
        return as_svg(figure, label)


def scatter(shown: Sequence[Point], *, label: str, x_name: str, y_name: str, height: float = 330) -> str:
    """Designs by two outcomes, each with its name; filled on the front, hollow where another is better in all."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, layout="constrained")
        axes = figure.subplots()
        axes.patch.set_visible(False)
        axes.xaxis.set_major_formatter(Ticks())
        axes.yaxis.set_major_formatter(Ticks())
        known = [p for p in shown if math.isfinite(p.x[0]) and math.isfinite(p.y[0])]
        for axis, setter in (("x", axes.set_xlim), ("y", axes.set_ylim)):
            ends = [v for p in known for v in getattr(p, axis) if math.isfinite(v)]
            if ends:
                low, high = padded(min(ends), max(ends))
                setter(low - 0.04 * (high - low), high + 0.04 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axes.grid(color=COLOURS["faint"], linewidth=0.8)
        for p in known:
            tone = COLOURS["muted" if p.baseline else "outcome"]
            style: dict[str, Any] = {"color": tone, "linewidth": 1.2, "alpha": 0.55}
            axes.plot(p.x[1:], [p.y[0]] * 2, **style)
            axes.plot([p.x[0]] * 2, p.y[1:], **style)
            face = tone if p.front else COLOURS["paper"]
            axes.plot(p.x[0], p.y[0], "o", markersize=8, markerfacecolor=face, markeredgecolor=tone, mew=1.8, zorder=3)
        axes.set_xlabel(fitted(x_name, WIDTH - 60))
        axes.set_title(fitted(y_name, WIDTH - 20), loc="left", x=0, fontsize=11, color=COLOURS["muted"])
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        _name(axes, known)
        return as_svg(figure, label)


def _framed(shown: Sequence[Row], right: float = _FIGURES, below: float = 36.0) -> tuple[Figure, Axes]:
    """Axes with a row for each name at the left, and room for figures at the right."""
    names = [fitted(row.name, _NAMES, not row.baseline) for row in shown]
    left = 10 + max(wide(name, not row.baseline) for name, row in zip(names, shown, strict=True))
    height = _ROW * len(shown) + below + 4
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    axes = figure.add_axes((left / WIDTH, below / height, 1 - (left + right) / WIDTH, 1 - (below + 4) / height))
    axes.patch.set_visible(False)
    axes.xaxis.set_major_formatter(Ticks())
    axes.set(ylim=(len(shown) - 0.5, -0.5), yticks=[])
    for i, (name, row) in enumerate(zip(names, shown, strict=True)):
        style: dict[str, Any] = {"ha": "right", "va": "center", "color": COLOURS["muted" if row.baseline else "ink"]}
        axes.text(-8 / (WIDTH - left - right), i, name, transform=axes.get_yaxis_transform(), **style,
                  weight="normal" if row.baseline else "bold")  # fmt: skip
    return figure, axes


def _name(axes: Axes, shown: Sequence[Point]) -> None:
    """Write each name where it lies on no point and no other name, as near to its point as there is room."""
    box = axes.get_window_extent()
    at = [axes.transData.transform((p.x[0], p.y[0])) - (box.x0, box.y0) for p in shown]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in at]
    for p, (x, y) in sorted(zip(shown, at, strict=True), key=lambda item: -item[1][1]):
        name = fitted(p.name, _NAMES)
        across, up = wide(name), 11.0
        best: tuple[float, Box] | None = None
        for reach in (9.0, 16.0, 26.0, 38.0, 52.0, 70.0, 95.0):
            for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
                middle = (x + np.cos(angle) * (reach + across / 2), y + np.sin(angle) * (reach + up / 2))
                spot = (middle[0] - across / 2, middle[1] - up / 2, middle[0] + across / 2, middle[1] + up / 2)
                outside = spot[0] < 0 or spot[1] < 0 or spot[2] > box.width or spot[3] > box.height
                nearer = sum(_away(spot, other) < reach for other in at) - 1  # one is its own point
                cost = reach + 1e3 * outside + 1e2 * sum(_overlap(spot, other) for other in taken) + 60 * nearer
                if best is None or cost < best[0]:
                    best = cost, spot
        assert best is not None
        spot = best[1]
        taken.append(spot)
        near = _nearest(spot, (x, y))
        if math.dist(near, (x, y)) > 10:
            line = np.array([(x, y), near]) / (box.width, box.height)
            axes.plot(*line.T, color=COLOURS["ink"], linewidth=0.7, transform=axes.transAxes, zorder=1)
        colour = COLOURS["muted" if p.baseline else "ink"]
        at_middle = (spot[0] / box.width, (spot[1] + spot[3]) / 2 / box.height)
        ground: dict[str, Any] = {"facecolor": COLOURS["paper"], "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
        style: dict[str, Any] = {"transform": axes.transAxes, "va": "center", "color": colour, "bbox": ground}
        axes.text(*at_middle, name, **style)


def _nearest(box: Box, point: Sequence[float]) -> tuple[float, float]:
    return min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])


def _away(box: Box, point: Sequence[float]) -> float:
    return math.dist(_nearest(box, point), point)


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
