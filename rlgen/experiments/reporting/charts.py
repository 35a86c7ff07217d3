"""Charts as inline SVG: no script, no font and no network, readable at phone width.

Colours are CSS variables with fallbacks, so a chart follows the page's light or dark theme and
still stands alone as a file. All charts are drawn 460 units wide, which is near their size on a
phone, so that their text stays legible there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 460

COLOURS = {
    "proxy": "#0f766e",
    "gold": "#a16207",
    "muted": "#78716c",
    "faint": "#d6d3d1",
    "ink": "#292524",
    "good": "#15803d",
    "bad": "#b91c1c",
    "one": "#c2410c",
    "two": "#1d4ed8",
    "three": "#7c3aed",
    "four": "#0f766e",
}


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        name: label at its end, empty for none.
        x: positions.
        y: values; NaN breaks the line.
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
    """A mean with an interval, one row of an interval chart."""

    name: str
    mean: float
    low: float
    high: float


def var(colour: str) -> str:
    """A colour as CSS."""
    return f"var(--{colour},{COLOURS[colour]})"


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round numbers inside [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - raw))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def number(value: float) -> str:
    """A tick's label: short, thousands as k."""
    if abs(value) >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


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


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "muted", weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'style="fill:{var(colour)}">{escape(words)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.0, dash: str = "") -> str:
    dashed = f";stroke-dasharray:{dash}" if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'style="stroke:{var(colour)};stroke-width:{width}{dashed}"/>'
    )


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(label, quote=True)}" font-family="system-ui,sans-serif" font-size="12">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    pieces, pen_down = [], False
    for x, y in points:
        if math.isnan(y):
            pen_down = False
            continue
        pieces.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    return "".join(pieces)


def lines(
    series: Sequence[Series],
    levels: Sequence[Level] = (),
    *,
    label: str,
    x_name: str,
    height: int = 270,
    y_range: tuple[float, float] | None = None,
    whole_x: bool = False,
) -> str:
    """Lines over a common x axis, with dashed reference levels labelled at the right.

    Args:
        series: at least one with a finite value.
        levels: reference lines.
        label: what the chart shows, for screen readers and as its tooltip.
        x_name: name of the x axis.
        height: of the chart.
        y_range: of the y axis; fitted to the data by default.
        whole_x: label only whole numbers on the x axis.
    """
    shown = [v for s in series for v in (*s.y, *s.points) if not math.isnan(v)] + [level.value for level in levels]
    low, high = y_range or _padded(min(shown), max(shown))
    all_x = [v for s in series for v in s.x]
    left_x, right_x = min(all_x), max(all_x)
    x_ticks = ticks(left_x, right_x)
    if left_x == right_x:  # one position: in the middle
        left_x, right_x = left_x - 1, right_x + 1
    named = [s for s in series if s.name]
    longest = max((len(name) for name in (*(s.name for s in named), *(level.name for level in levels))), default=0)
    left, top, bottom = 40.0, 10.0, 34.0
    right = 14.0 + 6.9 * longest

    def px(value: float) -> float:
        return left + (value - left_x) / (right_x - left_x) * (WIDTH - left - right)

    def py(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    parts = []
    for value in ticks(low, high):
        parts.append(_line(left, py(value), WIDTH - right, py(value), "faint"))
        parts.append(_text(left - 6, py(value) + 4, number(value), "end"))
    parts += [
        _text(px(value), height - bottom + 16, number(value), "middle")
        for value in x_ticks
        if not whole_x or value == int(value)
    ]
    parts.append(_text((left + WIDTH - right) / 2, height - 3, x_name, "middle"))
    labels = []
    for level in levels:
        colour, weight, width = (series[0].colour, 700, 1.8) if level.strong else ("muted", 400, 1.0)
        labels.append((py(level.value), level.name, colour, weight))
        parts.append(_line(left, py(level.value), WIDTH - right, py(level.value), colour, width, "4 3"))
    for s in series:
        for x, y in zip(s.x, s.points, strict=bool(s.points)):
            if not math.isnan(y):
                fill = f"fill:{var(s.colour)};opacity:.28"
                parts.append(f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="2" style="{fill}"/>')
        stroke = f"stroke:{var(s.colour)};stroke-width:2.4;fill:none;stroke-linejoin:round"
        parts.append(f'<path d="{_path([(px(x), py(y)) for x, y in zip(s.x, s.y, strict=True)])}" style="{stroke}"/>')
        finite = [y for y in s.y if not math.isnan(y)]
        if s.name and finite:
            labels.append((py(finite[-1]), s.name, s.colour, 700))
    places = spread([place for place, *_ in labels], 14, top + 4, height - bottom)
    for place, (_, words, colour, weight) in zip(places, labels, strict=True):
        parts.append(_text(WIDTH - right + 5, place + 4, words, colour=colour, weight=weight))
    return _svg(height, parts, label)


def intervals(spans: Sequence[Span], *, label: str, x_name: str, colour: str = "proxy") -> str:
    """Differences with their intervals, one row each, beside a line at zero.

    A row whose interval lies above zero is filled, below zero it is red, and one that holds zero
    is hollow.
    """
    low, high = _padded(min(0.0, *(s.low for s in spans)), max(0.0, *(s.high for s in spans)))
    row, top, bottom, left, right = 40.0, 6.0, 36.0, 10.0, 14.0
    height = top + bottom + row * len(spans)

    def px(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - right)

    parts = []
    for value in ticks(low, high, 5):
        parts.append(_line(px(value), top, px(value), height - bottom, "faint"))
        parts.append(_text(px(value), height - bottom + 15, number(value), "middle"))
    parts.append(_line(px(0), top, px(0), height - bottom, "ink", 1.4))
    parts.append(_text(WIDTH / 2, height - 4, x_name, "middle"))
    for i, s in enumerate(spans):
        y = top + row * i + 27
        above, below = s.low > 0, s.high < 0
        tone = colour if above else "bad" if below else "muted"
        parts.append(_text(left, y - 12, s.name, colour="ink", weight=600))
        figures = f"{s.mean:+.2f}  [{s.low:+.2f}, {s.high:+.2f}]".replace("-", "\N{MINUS SIGN}")
        parts.append(_text(WIDTH - right, y - 12, figures, "end"))
        parts.append(_line(px(s.low), y, px(s.high), y, tone, 2.4))
        fill = var(tone) if above or below else "var(--paper,#fff)"
        parts.append(
            f'<circle cx="{px(s.mean):.1f}" cy="{y:.1f}" r="5" style="fill:{fill};stroke:{var(tone)};stroke-width:2"/>'
        )
    return _svg(height, parts, label)


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.06 * (high - low) if high > low else max(abs(high), 1.0) * 0.1
    return low - margin, high + margin


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Centred moving mean over `window` values, NaN left out."""
    half = window // 2
    result = []
    for i in range(len(values)):
        near = [v for v in values[max(0, i - half) : i + half + 1] if not math.isnan(v)]
        result.append(sum(near) / len(near) if near else math.nan)
    return result
