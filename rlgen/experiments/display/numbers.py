"""Figures as a person reads them: true minus signs, no sign on zero, `unknown` for what nobody knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

UNKNOWN: Final = "unknown"

_MINUS: Final = "\N{MINUS SIGN}"
_SUFFIXES: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_PLAIN: Final = (1e-4, 1e13)  # outside these sizes figures get a power of ten


def plain(value: float | None, decimals: int = 2) -> str:
    """`1.25`, `−0.30`, `0.00`, or `unknown`."""
    return _figure(value, decimals, "-")


def signed(value: float | None, decimals: int = 2) -> str:
    """`+1.25`, `−0.30`, `0.00`, or `unknown`."""
    return _figure(value, decimals, "+")


def share(value: float | None) -> str:
    """`38%`, or `unknown`."""
    return f"{value:.0%}" if value is not None and math.isfinite(value) else UNKNOWN


def decimals_for(values: Sequence[float], least: int = 2, most: int = 6) -> int:
    """Decimals that show two digits of the largest of some figures, so that small ones are not all zero."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest == 0 or largest >= 1000:
        return 0 if largest else least
    return min(max(least, 1 - math.floor(math.log10(largest))), most)


def tick_labels(values: Sequence[float]) -> list[str]:
    """Labels of an axis: as many decimals as tell its ticks apart, thousands as k, M or G.

    Args:
        values: evenly spaced ticks, finite.
    """
    largest = max((abs(v) for v in values), default=0.0)
    if largest == 0:
        return ["0"] * len(values)
    step = min((b - a for a, b in pairwise(values)), default=largest)
    if not _PLAIN[0] <= max(step, largest / 1e4) or not largest < _PLAIN[1]:
        return [_power(v) for v in values]
    scale, suffix = next(((s, name) for s, name in _SUFFIXES if largest >= s and step >= s / 100), (1.0, ""))
    decimals = next((d for d in range(7) if all(_whole(v / scale * 10**d, step / scale * 10**d) for v in values)), 7)
    return ["0" if v == 0 else f"{v / scale:.{decimals}f}{suffix}".replace("-", _MINUS) for v in values]


def _whole(value: float, step: float) -> bool:
    return abs(value - round(value)) < 0.01 * step


def _power(value: float) -> str:
    """`2.5e−7`."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}".replace("-", _MINUS)


def _figure(value: float | None, decimals: int, sign: str) -> str:
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) >= 1e7 or (0 < abs(value) < 1e-5 and decimals > 5):
        return f"+{_power(value)}" if sign == "+" and value > 0 else _power(value)
    words = f"{value:{sign}.{decimals}f}"
    return (words.lstrip("+-") if float(words) == 0 else words).replace("-", _MINUS)
