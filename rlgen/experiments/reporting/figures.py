"""The charts of a run's report, from its metrics and its evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rlgen.experiments.evaluation.verdict import title
from rlgen.experiments.reporting.charts import Level, Series, Span, intervals, lines, smoothed
from rlgen.types import CONTROL_RANGES

CONTROLS = tuple(name.replace("_", " ") for name in CONTROL_RANGES)
# What the axes show, with its unit.
_AXES = {"return": "return", "relief": "relief, \N{MINUS SIGN}1 to 1 (\N{MULTIPLICATION SIGN} 4: survey points)"}
_COLOURS = ("one", "two", "three", "proxy")
# Short names that fit beside a curve.
_SHORT = {
    "random": "random",
    "centre": "centre",
    "fixed": "fixed",
    "emotion_table": "by emotion",
    "schedule": "by turn",
    "untrained": "untrained",
}


def _column(metrics: Sequence[Mapping[str, Any]], *keys: str) -> list[float]:
    values = []
    for record in metrics:
        found: Any = record
        for key in keys:
            found = found.get(key) if found is not None else None
        values.append(math.nan if found is None else float(found))
    return values


def _known(value: float | None) -> float:
    """A figure of an evaluation; NaN where it is unknown."""
    return math.nan if value is None else value


def term_names(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the reward terms, in the order of the design."""
    return list(dict.fromkeys(name for record in metrics for name in record["terms"]))


def _curve(
    metrics: Sequence[Mapping[str, Any]],
    keys: tuple[str, ...],
    colour: str,
    levels: Sequence[Level],
    label: str,
    y_name: str,
    high: int,
) -> str | None:
    values = _column(metrics, *keys)
    if all(math.isnan(v) for v in values):
        return None
    steps = _column(metrics, "step")
    window = max(3, len(values) // 8)
    series = Series("", steps, smoothed(values, window), colour, values)
    return lines([series], levels, label=label, x_name="environment steps", y_name=y_name, height=high)


def curves(metrics: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any] | None) -> dict[str, str]:
    """Learning curves: return and relief with the baselines as levels, and every reward term.

    Returns:
        name -> SVG; charts without any finite value are left out.
    """
    if not metrics:
        return {}
    levels: dict[str, list[Level]] = {"return": [], "relief": []}
    if evaluation is not None:
        for what, found in levels.items():
            found += [
                Level(_SHORT.get(name, name), _known(policy[what]["mean"]), name == evaluation["reference"])
                for name, policy in evaluation["policies"].items()
            ]
    drawn = {
        what: _curve(metrics, (what,), colour, levels[what], f"{what} per dialogue while training", _AXES[what], 310)
        for what, colour in (("return", "proxy"), ("relief", "outcome"))
    }
    for name in term_names(metrics):
        drawn[f"term_{name}"] = _curve(
            metrics,
            ("terms", name),
            "proxy",
            (),
            f"reward term {name} per dialogue while training",
            "part of the return",
            200,
        )
    return {name: svg for name, svg in drawn.items() if svg is not None}


def comparisons(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Paired differences to every baseline, in return and in relief: name -> SVG."""
    drawn = {}
    ordered = sorted(evaluation["differences"], key=lambda name: -evaluation["policies"][name]["return"]["mean"])
    for what, colour in (("return", "proxy"), ("relief", "outcome")):
        spans = []
        for name in ordered:
            found = evaluation["differences"][name][what]
            spans.append(Span(title(name), *(_known(found[key]) for key in ("mean", "low", "high"))))
        if spans:
            label = f"paired differences in {what}, {title(evaluation['reference'])} minus each baseline"
            x_name = f"difference in {_AXES[what]}"
            drawn[f"difference_{what}"] = intervals(spans, label=label, x_name=x_name, colour=colour)
    return drawn


def by_turn(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Mean action by turn: name -> SVG."""
    found = evaluation["behaviour"]["by_turn"]
    turns = [int(turn) + 1 for turn in found]
    series = [
        Series(name, turns, [row["mean"][i] for row in found.values()], _COLOURS[i]) for i, name in enumerate(CONTROLS)
    ]
    chart = lines(
        series,
        label="mean actions by turn",
        x_name="turn",
        y_name="mean action, \N{MINUS SIGN}1 to 1",
        height=340,
        y_range=(-1.0, 1.0),
    )
    return {"by_turn": chart}
