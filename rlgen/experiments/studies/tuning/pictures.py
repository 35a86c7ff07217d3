"""The landscape of a search: how the score went, and how it goes with each field and with the two that matter most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from rlgen.experiments.display.pictures import save_png
from rlgen.experiments.studies.tuning.study import SMALLER, Choice, TuneStudy, told_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = {"default": "#c2410c", "random": "#a8a29e", "sampler": "#0f766e", "winner": "#1d4ed8"}
_COLUMNS: Final = 3
_FAR: Final = 3.0  # interquartile ranges beyond the quartiles


def draw(study: TuneStudy, result: Mapping[str, Any], file: Path) -> None:
    """Write the landscape as a PNG.

    Args:
        study: what was tuned.
        result: as of `findings.found`.
        file: to write.

    Raises:
        DataError: it cannot be written.
    """
    order = list(result["importance"]) or list(study.space)
    panels = len(order) + 2
    rows = -(-panels // _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 3.1 * rows), layout="constrained")
    axes = list(np.ravel(figure.subplots(rows, _COLUMNS, squeeze=False)))
    _history(axes[0], study, result)
    for place, name in zip(axes[1:], order, strict=False):
        _against(place, study, result, name)
    if len(order) > 1:
        _pair(figure, axes[len(order) + 1], study, result, order[0], order[1])
    for unused in axes[panels if len(order) > 1 else panels - 1 :]:
        unused.set_visible(False)
    axes[0].legend(loc="best", fontsize=8, frameon=False)
    figure.suptitle(
        f"{study.name}: {study.objectives[0]} of {len(result['trials'])} trials (those far out at the edge)",
        fontsize=11,
    )
    save_png(figure, file)


def _scored(study: TuneStudy, result: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], float]]:
    """Trials with their scores; those far out are drawn at the edge, so that the others are told apart."""
    first = study.objectives[0]
    trials = [each for each in result["trials"] if each["score"]]
    scores = np.array([each["score"][first] for each in trials])
    low, high = np.quantile(scores, [0.25, 0.75])
    edges = low - _FAR * (high - low), high + _FAR * (high - low)
    return list(zip(trials, np.clip(scores, *edges).tolist(), strict=True))


def _kind(result: Mapping[str, Any], each: Mapping[str, Any]) -> str:
    if result["winner"] == f"trial {each['number']}":
        return "winner"
    return each["by"] if each["by"] in ("default", "random") else "sampler"


def _points(axes: Axes, result: Mapping[str, Any], points: list[tuple[Mapping[str, Any], float, float]]) -> None:
    for kind, size in (("random", 22), ("sampler", 22), ("default", 60), ("winner", 60)):
        chosen = [(x, y) for each, x, y in points if _kind(result, each) == kind]
        if chosen:
            marker = "D" if kind in ("default", "winner") else "o"
            x, y = zip(*chosen, strict=True)
            axes.scatter(x, y, s=size, c=_COLOURS[kind], marker=marker, label=kind, zorder=3)


def _plainly(axes: Axes, x_name: str, y_name: str) -> None:
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.grid(color="#e7e5e4", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def _history(axes: Axes, study: TuneStudy, result: Mapping[str, Any]) -> None:
    """Scores in the order of the trials, and the best so far."""
    scored = _scored(study, result)
    _points(axes, result, [(each, each["number"], score) for each, score in scored])
    best = (np.minimum if study.objectives[0] in SMALLER else np.maximum).accumulate([score for _, score in scored])
    numbers = [each["number"] for each, _ in scored]
    axes.step(numbers, best, where="post", color="#78716c", linewidth=1.2, label="best so far")
    for each in result["trials"]:
        if not each["score"]:
            axes.axvline(each["number"], color="#e7e5e4", linewidth=3, zorder=1)
    _plainly(axes, "trial (grey: left early)", study.objectives[0])


def _places(study: TuneStudy, name: str, trials: list[Mapping[str, Any]]) -> list[float]:
    """Where the values of a field lie on an axis; choices by their order, a little apart."""
    dimension = study.space[name]
    if not isinstance(dimension, Choice):
        return [float(each["values"][name]) for each in trials]
    shift = np.random.default_rng(0).uniform(-0.15, 0.15, len(trials))
    return [dimension.choices.index(each["values"][name]) + float(by) for each, by in zip(trials, shift, strict=True)]


def _scale(axes: Axes, study: TuneStudy, name: str, axis: str) -> None:
    dimension = study.space[name]
    if isinstance(dimension, Choice):
        labels = [told_value(choice) for choice in dimension.choices]
        (axes.set_xticks if axis == "x" else axes.set_yticks)(range(len(labels)), labels, fontsize=8)
    elif dimension.log:
        (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
        scale = axes.xaxis if axis == "x" else axes.yaxis
        scale.set_major_locator(LogLocator(subs=(1, 2, 5)))
        scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        scale.set_minor_formatter(NullFormatter())


def _against(axes: Axes, study: TuneStudy, result: Mapping[str, Any], name: str) -> None:
    """Score against one field."""
    scored = _scored(study, result)
    x = _places(study, name, [each for each, _ in scored])
    _scale(axes, study, name, "x")
    _points(axes, result, [(each, at, score) for (each, score), at in zip(scored, x, strict=True)])
    share = result["importance"].get(name)
    _plainly(
        axes, name.rpartition(".")[2] + ("" if share is None else f" (importance {share:.0%})"), study.objectives[0]
    )


def _pair(figure: Figure, axes: Axes, study: TuneStudy, result: Mapping[str, Any], one: str, two: str) -> None:
    """The two fields that matter most, the score as colour."""
    scored = _scored(study, result)
    trials = [each for each, _ in scored]
    _scale(axes, study, one, "x")
    _scale(axes, study, two, "y")
    x, y = _places(study, one, trials), _places(study, two, trials)
    dots = axes.scatter(x, y, c=[score for _, score in scored], cmap="viridis", s=36, zorder=3)
    figure.colorbar(dots, ax=axes, label=study.objectives[0])
    _plainly(axes, one.rpartition(".")[2], two.rpartition(".")[2])
