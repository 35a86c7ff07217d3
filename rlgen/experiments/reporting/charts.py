"""Charts as inline SVG: no script, no font and no network, readable at phone width.

Colours are CSS variables with fallbacks, so a chart follows the page's light or dark theme and
still stands alone as a file. All charts are drawn 380 units wide, which is near their size on a
phone, so that their text stays legible there.

The font is the reader's own, so room for words is reckoned with the widest that is common. No word
lies outside the picture, on another, or on a line: names stand above or beside what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from rlgen.experiments.display.numbers import UNKNOWN, decimals_for, signed, tick_labels

WIDTH = 380

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

_SIZE = 12  # of letters, in units
_TOP, _BOTTOM = 26.0, 38.0  # margins; above stands the y axis's name, below tick labels and the x axis's name
_LABEL_GAP = 14.0  # between the baselines of two names at a chart's right
_LEADER = 14.0  # from a line's end to its name
_ROW = 42.0  # of an interval chart: words above, the mark in a band below
_BAND = (20.0, 40.0)


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
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def text_width(words: str, bold: bool = False) -> float:
    """Room in units that words take in the widest of the common sans-serif fonts (DejaVu Sans), or a little more."""
    return sum(_em(letter) for letter in words) * _SIZE * (1.0 if bold else 0.92)


def _em(letter: str) -> float:
    if letter in "'ijl /\\|IJ,.\N{MIDDLE DOT}":
        return 0.38
    if letter in ":;-f!()[]t":
        return 0.48
    if letter in "mwMW@%&\N{HORIZONTAL ELLIPSIS}" or (ord(letter) > 0x24F and letter != "\N{MINUS SIGN}"):
        return 1.11
    return 0.86 if letter.isupper() or letter in "+<=>#~^\N{MINUS SIGN}" else 0.72


def fitted(words: str, room: float, bold: bool = False) -> str:
    """Words, cut short where they do not fit into some units."""
    if text_width(words, bold) <= room:
        return words
    while words and text_width(words + "\N{HORIZONTAL ELLIPSIS}", bold) > room:
        words = words[:-1].rstrip()
    return words + "\N{HORIZONTAL ELLIPSIS}"


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


def _dot(x: float, y: float, radius: float, style: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" style="{style}"/>'


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(label, quote=True)}" font-family="system-ui,sans-serif" font-size="{_SIZE}">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )


def _x_axis(values: Sequence[float], px: Callable[[float], float], y: float, name: str, middle: float) -> list[str]:
    """Labels of the ticks inside the picture, those left out that would touch the one before, and the axis's name."""
    parts, free = [], 0.0
    for value, words in zip(values, tick_labels(values), strict=True):
        half = text_width(words) / 2
        place = min(max(px(value), half), WIDTH - half)
        if place - half >= free:
            parts.append(_text(place, y, words, "middle"))
            free = place + half + 4
    name = fitted(name, WIDTH)
    half = text_width(name) / 2
    parts.append(_text(min(max(middle, half), WIDTH - half), y + 16, name, "middle"))
    return parts


def lines(
    series: Sequence[Series],
    levels: Sequence[Level] = (),
    *,
    label: str,
    x_name: str,
    y_name: str,
    height: float = 270,
    y_range: tuple[float, float] | None = None,
    whole_x: bool = False,
) -> str:
    """Lines over a common x axis, with dashed reference levels labelled at the right.

    Args:
        series: at least one, with at least one position.
        levels: reference lines; one that is not finite is not drawn.
        label: what the chart shows, for screen readers and as its tooltip.
        x_name: name of the x axis, with its unit.
        y_name: name of the y axis, with its unit.
        height: of the chart, at least; it grows with the names that it has to hold.
        y_range: of the y axis; fitted to the data by default.
        whole_x: label only whole numbers on the x axis.
    """
    levels = [level for level in levels if math.isfinite(level.value)]
    shown = [v for s in series for v in (*s.y, *s.points) if math.isfinite(v)] + [level.value for level in levels]
    low, high = y_range or (_padded(min(shown), max(shown)) if shown else (-1.0, 1.0))
    all_x = [v for s in series for v in s.x]
    left_x, right_x = min(all_x), max(all_x)
    x_ticks = [v for v in ticks(left_x, right_x) if not whole_x or v == int(v)]
    if left_x == right_x:  # one position: in the middle
        left_x, right_x = left_x - 1, right_x + 1
    y_ticks = ticks(low, high)
    y_words = tick_labels(y_ticks)
    names = [(s.name, True) for s in series if s.name] + [(level.name, level.strong) for level in levels if level.name]
    left = max(text_width(words) for words in y_words) + 8
    right = _LEADER + 2 + min(max(text_width(*name) for name in names), 150.0) if names else 14.0
    height = max(height, _TOP + _BOTTOM + _LABEL_GAP * (len(names) + 1))
    end, floor = WIDTH - right, height - _BOTTOM

    def px(value: float) -> float:
        return left + (value - left_x) / (right_x - left_x) * (end - left)

    def py(value: float) -> float:
        return floor - (value - low) / (high - low) * (floor - _TOP)

    parts = [_text(2, 12, fitted(y_name, WIDTH - 4))]
    for value, words in zip(y_ticks, y_words, strict=True):
        parts.append(_line(left, py(value), end, py(value), "muted" if value == 0 and low < 0 else "faint"))
        parts.append(_text(left - 6, py(value) + 4, words, "end"))
    parts += _x_axis(x_ticks, px, floor + 18, x_name, (left + end) / 2)
    labels = []
    for level in levels:
        colour, weight, width = (series[0].colour, 700, 1.8) if level.strong else ("muted", 400, 1.0)
        parts.append(_line(left, py(level.value), end, py(level.value), colour, width, "4 3"))
        if level.name:
            labels.append((py(level.value), level.name, colour, weight))
    for s in series:
        for x, y in zip(s.x, s.points, strict=bool(s.points)):
            if math.isfinite(y):
                parts.append(_dot(px(x), py(y), 2.2, f"fill:{var(s.colour)};opacity:.4"))
        parts += _curve([(px(x), py(y)) if math.isfinite(y) else None for x, y in zip(s.x, s.y, strict=True)], s.colour)
        finite = [y for y in s.y if math.isfinite(y)]
        if s.name and finite:
            labels.append((py(finite[-1]), s.name, s.colour, 700))
    places = spread([place for place, *_ in labels], _LABEL_GAP, _TOP + 2, floor)
    for place, (wanted, words, colour, weight) in zip(places, labels, strict=True):
        parts.append(_line(end + 1, wanted, end + _LEADER - 3, place, colour, 0.7))
        room = right - _LEADER
        parts.append(_text(end + _LEADER, place + 4, fitted(words, room, weight > 400), colour=colour, weight=weight))
    if not shown:
        parts.append(_text((left + end) / 2, py(0) - 6, UNKNOWN, "middle"))
    return _svg(height, parts, label)


def _curve(points: Sequence[tuple[float, float] | None], colour: str) -> list[str]:
    """A line through points, broken where there is None; a point that stands alone is a dot."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    drawn = "".join(
        f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for run in runs if len(run) > 1 for i, (x, y) in enumerate(run)
    )
    parts = [_dot(*run[0], 3.5, f"fill:{var(colour)}") for run in runs if len(run) == 1]
    if drawn:
        stroke = f"stroke:{var(colour)};stroke-width:2.4;fill:none;stroke-linejoin:round"
        parts.append(f'<path d="{drawn}" style="{stroke}"/>')
    return parts


def intervals(spans: Sequence[Span], *, label: str, x_name: str, colour: str = "proxy") -> str:
    """Differences with their intervals, one row each: words, and below them the interval beside a line at zero.

    A row whose interval lies above zero is filled, below zero it is red, and one that holds zero
    is hollow. One that is unknown says so.
    """
    ends = [v for s in spans for v in (s.low, s.mean, s.high) if math.isfinite(v)]
    low, high = _padded(min(0.0, *ends), max(0.0, *ends)) if ends else (-1.0, 1.0)
    left, right = 10.0, 10.0
    floor = 4 + _ROW * len(spans)

    def px(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - right)

    marks = ticks(low, high, 5)
    parts = []
    for i, s in enumerate(spans):
        top = 4 + _ROW * i
        y = top + sum(_BAND) / 2
        grid = [(value, "faint", 1.0) for value in marks] + [(0.0, "ink", 1.4)]
        parts += [_line(px(v), top + _BAND[0], px(v), top + _BAND[1], tone, wide) for v, tone, wide in grid]
        there = all(math.isfinite(v) for v in (s.mean, s.low, s.high))
        digits = decimals_for((s.low, s.high))
        if any(0 < abs(end) < 0.5 * 10**-digits for end in (s.low, s.high)):
            digits += 1  # an end that lies beside zero is not shown as zero
        low_end, high_end = signed(s.low, digits), signed(s.high, digits)
        figures = f"{signed(s.mean, digits)} [{low_end}, {high_end}]" if there else UNKNOWN
        room = WIDTH - left - right - text_width(figures) - 8
        parts.append(_text(left, top + 14, fitted(s.name, room, bold=True), colour="ink", weight=600))
        parts.append(_text(WIDTH - right, top + 14, figures, "end"))
        if there:
            parts += _interval(px(s.low), px(s.mean), px(s.high), y, s, colour)
    parts += _x_axis(marks, px, floor + 16, x_name, WIDTH / 2)
    return _svg(floor + _BOTTOM, parts, label)


def _interval(low: float, mean: float, high: float, y: float, span: Span, colour: str) -> list[str]:
    above, below = span.low > 0, span.high < 0
    tone = colour if above else "bad" if below else "muted"
    fill = var(tone) if above or below else "var(--paper,#fff)"
    return [_line(low, y, high, y, tone, 2.4), _dot(mean, y, 5, f"fill:{fill};stroke:{var(tone)};stroke-width:2")]


def _padded(low: float, high: float) -> tuple[float, float]:
    """A range with a margin; one that is all but constant gets a tenth of its size, or of one at nothing."""
    size = max(abs(low), abs(high))
    margin = 0.06 * (high - low) if high - low > 1e-6 * size else (size or 1.0) * 0.1
    return low - margin, high + margin


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Centred moving mean over `window` values, those that are not finite left out."""
    half = window // 2
    result = []
    for i in range(len(values)):
        near = [v for v in values[max(0, i - half) : i + half + 1] if math.isfinite(v)]
        result.append(sum(near) / len(near) if near else math.nan)
    return result
