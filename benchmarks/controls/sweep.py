"""Along the emotional weight: what is read of the asked affect and tone, and what it costs in fluency."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.controls.heard import ASKED, TEMPERATURE, WEIGHTS, Corpus, Yardstick, heard, regard
from benchmarks.controls.parts import Bench, affects, every, fixed, over
from benchmarks.readers.figures import spearman
from recipes.generator.scoring import Scorer
from recipes.writing.corpus import Exchange
from rlgen.affect import ANGER, FEAR, SADNESS, from_category
from rlgen.experiments.display.pictures import save_png
from rlgen.experiments.display.tables import Row
from rlgen.rng import Streams
from rlgen.types import Controls

GRID: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
_SHOWN: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
CONTROL_TARGET, COST_TARGET, MONOTONE_TARGET = 0.8, 1.35, 0.95

_CONTROLS: Final = ("feeling", "likeliest of four", "likeliest of six", "warmth", "directiveness")

_COLOURS: Final = {
    "feeling": "#c2410c",
    "likeliest of four": "#a16207",
    "warmth": "#0f766e",
    "directiveness": "#1d4ed8",
}
_READINGS: Final = {
    "P(asked feeling)": ("P(asked feeling), judge", "#c2410c"),
    "mirroring": ("mirroring, cosine", "#7c3aed"),
    "appropriateness": ("appropriateness, cosine", "#0f766e"),
    "fluency, reader": ("fluency, reader", "#78716c"),
}


@dataclass(frozen=True)
class Sweep:
    """Figures at each weight of `GRID`, and the same for the corpus's own replies of full depth.

    Attributes:
        curves: name -> one figure a weight. `P(asked feeling)` is the judge's mean probability of the category in
            the estimate; `likeliest of six` and `likeliest of four` are shares of replies in which it is the
            likeliest of all categories, and of `ASKED` after division by the judge's mean over the corpus (its
            training texts were seldom afraid); `feeling`, `warmth` and `directiveness` are shares on the asked side
            of the judge's median over the corpus, with tone asked at -1 or 1; `perplexity, ...` are of the replies.
        ceilings: name -> the corpus's own figure, where it has one.
        depth: yardstick -> perplexity of the corpus's own replies of full depth over that of its plain ones: words
            of feeling are rarer than others, which is no lack of fluency.
        each: Spearman of weight and the judge's probability over single replies.
        swayed: of replies asked for another distress than the person's, the share that the judge gives more
            probability to what was asked than to what the person shows, at weight 0 and at the greatest.
    """

    curves: Mapping[str, list[float]]
    ceilings: Mapping[str, float]
    depth: Mapping[str, float]
    each: float
    swayed: tuple[float, float]

    def rows(self) -> list[Row]:
        """For the table."""
        curves = self.curves
        target = curves["P(asked feeling)"]
        found = [
            Row("weight against P(asked feeling), means", spearman(np.array(GRID), np.array(target)),
                "Spearman", 0.0, None, MONOTONE_TARGET),
            Row("weight against P(asked feeling), replies", self.each, "Spearman", 0.0),
            Row("another distress asked: followed at weight 2", self.swayed[1], "", self.swayed[0]),
        ]  # fmt: skip
        for yardstick in self.yardsticks():
            for name in _CONTROLS:
                value, weight = best(curves[name], curves[yardstick])
                label = f"control: {name}, best by {yardstick.partition(', ')[2]} (weight {weight:g})"
                ceiling = self.ceilings[name]
                found.append(Row(label, value, "", ceiling, over(value, ceiling), CONTROL_TARGET))
        for name, ratio in self.depth.items():
            found.append(Row(f"{name}: deep over plain in the corpus itself", ratio, "", 1.0, ratio))
        for name, curve in curves.items():
            for weight in _SHOWN:
                value = curve[GRID.index(weight)]
                rise = over(value, curve[0]) if name.startswith("perplexity") else None
                found.append(Row(f"{name} at weight {weight:g}", value, "", self.ceilings.get(name), rise))
        return found

    def yardsticks(self) -> list[str]:
        """Names of the perplexities, the one that rises most along the weight first."""
        names = [name for name in self.curves if name.startswith("perplexity")]
        return sorted(names, key=lambda name: -max(self.curves[name]) / self.curves[name][0])

    def table(self) -> str:
        """All curves as CSV."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["weight", *self.curves])
        for i, weight in enumerate(GRID):
            writer.writerow([weight, *(f"{curve[i]:.6g}" for curve in self.curves.values())])
        return buffer.getvalue()


def best(control: Sequence[float], perplexity: Sequence[float]) -> tuple[float, float]:
    """The greatest control at an allowed cost, and its weight."""
    allowed = [(value, w) for value, cost, w in zip(control, perplexity, GRID, strict=True)
               if cost <= COST_TARGET * perplexity[0]]  # fmt: skip
    return max(allowed)


def sweep(bench: Bench, corpus: Corpus, most: int, yardsticks: Mapping[str, Yardstick], scorer: Scorer | None) -> Sweep:
    """Answer the same contexts at each weight.

    Args:
        bench: the parts; only people who show a feeling of `ASKED` are answered.
        corpus: what the judge makes of the bench's own replies.
        most: contexts at most.
        yardsticks: independent perplexities, by name.
        scorer: of the generator itself, for the perplexity under it at weight 0; None for generators without one.
    """
    exchanges = [e for e in bench.exchanges if e.last.category in ASKED][:most]
    windows, affect = [e.context for e in exchanges], affects([e.last for e in exchanges])
    rows = len(exchanges)
    side = np.where(Streams.of(bench.seed, rows).uniform("bench.side", size=2) < 0.5, -1.0, 1.0).astype(np.float32)
    corners = fixed(bench.drawn(rows), warmth=side[:, 0], directiveness=side[:, 1], temperature=TEMPERATURE)
    asked = np.array([e.last.category for e in exchanges])
    curves: dict[str, list[float]] = {}
    chances = []
    for weight in GRID:
        replies = bench.say(windows, affect, fixed(corners, emotional_weight=weight), purpose=2)
        read = bench.read(replies)
        chances.append(read.judge.affect[np.arange(rows), asked])
        found = {**heard(read, asked, corners, corpus), **regard(read, affect)}
        found["intensity, reader"] = float(read.reader.intensity.mean())
        found["fluency, reader"] = float(read.reader.fluency.mean())
        found |= {f"perplexity, {name}": measure(replies) for name, measure in yardsticks.items()}
        if scorer is not None:
            tone = np.zeros((rows, 2), dtype=np.float32)
            own = scorer.score(windows, replies, affect, tone, np.zeros(rows, dtype=np.float32))
            found["perplexity, unconditioned self"] = own.perplexity
        for name, value in found.items():
            curves.setdefault(name, []).append(value)
    each = spearman(np.repeat(GRID, rows), np.concatenate(chances))
    ceilings = corpus.ceilings(yardsticks)
    plain = [turn.reply for turn in every(bench.exchanges) if turn.weight == 0 and turn.category in ASKED]
    depth = {
        name: ceilings[name] / measure(plain)
        for name, measure in ((f"perplexity, {kind}", measure) for kind, measure in yardsticks.items())
    }
    return Sweep(
        curves,
        ceilings,
        depth,
        each,
        (swayed(bench, exchanges, corners, WEIGHTS[0]), swayed(bench, exchanges, corners, WEIGHTS[1])),
    )


def swayed(bench: Bench, exchanges: Sequence[Exchange], corners: Controls, weight: float) -> float:
    """How often a reply follows the estimate at an emotional weight, where estimate and words name another distress."""
    distress = np.array([SADNESS, ANGER, FEAR])
    chosen = [i for i, e in enumerate(exchanges) if e.last.category in distress]
    shown = np.array([exchanges[i].last.category for i in chosen])
    another = distress[(np.searchsorted(distress, shown) + 1 + np.arange(len(shown)) % 2) % len(distress)]
    affect = from_category(another, np.full(len(another), 0.8))
    controls = fixed(corners.rows(np.array(chosen)), emotional_weight=weight)
    judged = bench.read(bench.say([exchanges[i].context for i in chosen], affect, controls, purpose=3)).judge.affect
    rows = np.arange(len(chosen))
    return float((judged[rows, another] > judged[rows, shown]).mean())


def draw(found: Sweep, path: Path) -> None:
    """The trade-off of control and fluency, the readings and the costs along the weight, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4.6), layout="constrained")
    trade, readings, costs = figure.subplots(1, 3)
    dearest = found.yardsticks()[0]
    cost = np.array(found.curves[dearest]) / found.curves[dearest][0]
    trade.axhline(CONTROL_TARGET, color="#78716c", linewidth=1, linestyle="--")
    trade.axvline(COST_TARGET, color="#78716c", linewidth=1, linestyle="--")
    for name, colour in _COLOURS.items():
        curve = found.curves[name]
        trade.plot(cost, curve, marker="o", markersize=4, color=colour, label=name)
        for i in (0, len(GRID) // 2, len(GRID) - 1):
            trade.annotate(
                f"{GRID[i]:g}", (cost[i], curve[i]), textcoords="offset points", xytext=(4, 5), fontsize=8, color=colour
            )
    trade.set_xlabel(f"{dearest}, over that at weight 0")
    trade.set_ylabel("share in which the judge hears what was asked")
    trade.set_title("Control against cost, marked by weight", fontsize=10, loc="left")
    for name, (label, colour) in _READINGS.items():
        readings.plot(GRID, found.curves[name], marker="o", markersize=4, color=colour, label=label)
    readings.set_title("What is read", fontsize=10, loc="left")
    for name, colour in zip(found.yardsticks(), ("#c2410c", "#1d4ed8", "#0f766e"), strict=False):
        rise = np.array(found.curves[name]) / found.curves[name][0]
        costs.plot(GRID, rise, marker="o", markersize=4, color=colour, label=name)
    costs.axhline(COST_TARGET, color="#78716c", linewidth=1, linestyle="--")
    costs.set_title("What it costs, over weight 0", fontsize=10, loc="left")
    costs.set_ylim(bottom=0)
    for axes in (readings, costs):
        axes.set_xlabel("emotional weight")
    for axes in (trade, readings):
        axes.set_ylim(0, 1)
    for axes in (trade, readings, costs):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="best", fontsize=8, frameon=False)
    save_png(figure, path)
