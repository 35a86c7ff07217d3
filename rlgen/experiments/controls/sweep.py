"""Along the emotional weight: what is read of the asked affect and tone, and what it costs in fluency."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import ANGER, FEAR, HAPPINESS, NUM_CATEGORIES, SADNESS, cosine, from_category, regulating_target
from rlgen.experiments.controls.parts import Bench, Read, affects, every, fixed, over
from rlgen.experiments.tables import Row
from rlgen.generation.embedded.scoring import Scorer
from rlgen.rng import Streams
from rlgen.text.evaluation.figures import spearman
from rlgen.text.writing.corpus import Exchange, Turn
from rlgen.text.writing.parts import to_first_person
from rlgen.text.writing.topics import topics
from rlgen.types import F32, Controls

GRID: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
_SHOWN: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
ASKED: Final = (HAPPINESS, SADNESS, ANGER, FEAR)  # a reply is asked for no neutrality, and none surprises
CONTROL_TARGET, COST_TARGET, MONOTONE_TARGET = 0.8, 1.35, 0.95
_TEMPERATURE: Final = 0.7

_CONTROLS: Final = ("feeling", "likeliest of four", "likeliest of six", "warmth", "directiveness")

_RARE: Final = 1e-6  # a category that the judge never sees has some probability

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

Yardstick = Callable[[Sequence[str]], float]


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
        alone: share in which the asked feeling is the likeliest of four where the person's words show none, likewise.
    """

    curves: Mapping[str, list[float]]
    ceilings: Mapping[str, float]
    depth: Mapping[str, float]
    each: float
    swayed: tuple[float, float]
    alone: tuple[float, float]

    def rows(self) -> list[Row]:
        """For the table."""
        curves = self.curves
        target = curves["P(asked feeling)"]
        found = [
            Row("weight against P(asked feeling), means", spearman(np.array(GRID), np.array(target)),
                "Spearman", 0.0, None, MONOTONE_TARGET),
            Row("weight against P(asked feeling), replies", self.each, "Spearman", 0.0),
            Row("another distress asked: followed at weight 2", self.swayed[1], "", self.swayed[0]),
            Row("feeling asked of bland words: likeliest of four at weight 2", self.alone[1], "", self.alone[0]),
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


def sweep(bench: Bench, most: int, yardsticks: Mapping[str, Yardstick], scorer: Scorer | None) -> Sweep:
    """Answer the same contexts at each weight.

    Args:
        bench: the parts; only people who show a feeling of `ASKED` are answered.
        most: contexts at most.
        yardsticks: independent perplexities, by name.
        scorer: of the generator itself, for the perplexity under it at weight 0; None for generators without one.
    """
    exchanges = [e for e in bench.exchanges if e.last.category in ASKED][:most]
    windows, affect = [e.context for e in exchanges], affects([e.last for e in exchanges])
    rows = len(exchanges)
    side = np.where(Streams.of(bench.seed, rows).uniform("bench.side", size=2) < 0.5, -1.0, 1.0).astype(np.float32)
    corners = fixed(bench.drawn(rows), warmth=side[:, 0], directiveness=side[:, 1], temperature=_TEMPERATURE)
    asked = np.array([e.last.category for e in exchanges])
    held_out = _Corpus.of(bench)
    curves: dict[str, list[float]] = {}
    chances = []
    for weight in GRID:
        replies = bench.say(windows, affect, fixed(corners, emotional_weight=weight), purpose=2)
        read = bench.read(replies)
        chances.append(read.judge.affect[np.arange(rows), asked])
        found = {**_heard(read, asked, corners, held_out), **_regard(read, affect)}
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
    ceilings = held_out.ceilings(yardsticks)
    plain = [turn.reply for turn in every(bench.exchanges) if turn.weight == 0 and turn.category in ASKED]
    depth = {
        name: ceilings[name] / measure(plain)
        for name, measure in ((f"perplexity, {kind}", measure) for kind, measure in yardsticks.items())
    }
    alone = _alone(bench, held_out)
    return Sweep(curves, ceilings, depth, each, _swayed(bench, exchanges, corners), alone)


@dataclass(frozen=True)
class _Corpus:
    """The corpus's own replies of full depth, and what the judge makes of others.

    Attributes:
        deep: turns whose replies have full depth.
        read: what these replies are read as.
        medians: of warmth and directiveness over replies at the corners of tone.
        usual: `[6]`, median of each category's probability over the replies `deep`.
        means: `[6]`, its mean.
    """

    deep: list[Turn]
    read: Read
    medians: Mapping[str, float]
    usual: NDArray[np.float32]
    means: NDArray[np.float32]

    @classmethod
    def of(cls, bench: Bench, most: int = 1200) -> _Corpus:
        turns = [t for t in every(bench.exchanges) if abs(t.warmth) == 1 and abs(t.directiveness) == 1][:most]
        read = bench.read([turn.reply for turn in turns])
        medians = {name: float(np.median(read.dial(name, "judge"))) for name in ("warmth", "directiveness")}
        deep = [turn for turn in every(bench.exchanges) if turn.weight == 1 and turn.category in ASKED][:most]
        heard = bench.read([turn.reply for turn in deep])
        judged = heard.judge.affect[:, :NUM_CATEGORIES]
        return cls(deep, heard, medians, np.median(judged, axis=0), judged.mean(axis=0))

    def ceilings(self, yardsticks: Mapping[str, Yardstick]) -> dict[str, float]:
        """What the corpus's own replies of full depth reach."""
        asked = np.array([turn.category for turn in self.deep])
        tone = np.array([[turn.warmth, turn.directiveness] for turn in self.deep], dtype=np.float32)
        zero = np.zeros(len(asked), dtype=np.float32)
        found = _heard(self.read, asked, Controls(tone[:, 0], tone[:, 1], zero, zero), self)
        found |= _regard(self.read, affects(self.deep))
        replies = [turn.reply for turn in self.deep]
        found |= {f"perplexity, {name}": measure(replies) for name, measure in yardsticks.items()}
        return found | {"fluency, reader": float(self.read.reader.fluency.mean())}


def _heard(read: Read, asked: NDArray[np.int64], controls: Controls, corpus: _Corpus) -> dict[str, float]:
    """How much of what was asked the judge hears; tone counts where it was asked at an end of its range."""
    judged = read.judge.affect[:, :NUM_CATEGORIES]
    four = np.array(ASKED)[(judged / np.maximum(corpus.means, _RARE))[:, ASKED].argmax(axis=1)]
    chance = judged[np.arange(len(asked)), asked]
    found = {
        "P(asked feeling)": float(chance.mean()),
        "feeling": float((chance > corpus.usual[asked]).mean()),
        "likeliest of four": float((four == asked).mean()),
        "likeliest of six": float((judged.argmax(axis=1) == asked).mean()),
    }
    for dial in ("warmth", "directiveness"):
        wanted = getattr(controls, dial)
        at_end = np.abs(wanted) == 1
        right = (read.dial(dial, "judge") > corpus.medians[dial]) == (wanted > 0)
        found[dial] = float(right[at_end].mean()) if at_end.any() else float("nan")
    return found


def _regard(read: Read, affect: F32) -> dict[str, float]:
    """Mean cosines to what the person feels, and to what would help them, which is what the reward asks for."""
    return {
        "mirroring": float(cosine(read.judge.affect, affect).mean()),
        "appropriateness": float(cosine(read.judge.affect, regulating_target(affect)).mean()),
    }


def _swayed(bench: Bench, exchanges: Sequence[Exchange], corners: Controls) -> tuple[float, float]:
    """Whether a reply follows the estimate or the words, where the two differ; at weight 0 and at 2."""
    distress = np.array([SADNESS, ANGER, FEAR])
    chosen = [i for i, e in enumerate(exchanges) if e.last.category in distress]
    shown = np.array([exchanges[i].last.category for i in chosen])
    another = distress[(np.searchsorted(distress, shown) + 1 + np.arange(len(shown)) % 2) % len(distress)]
    affect = from_category(another, np.full(len(another), 0.8))
    windows = [exchanges[i].context for i in chosen]
    found = []
    for weight in (GRID[0], GRID[-1]):
        controls = fixed(corners.rows(np.array(chosen)), emotional_weight=weight)
        judged = bench.read(bench.say(windows, affect, controls, purpose=3)).judge.affect
        rows = np.arange(len(chosen))
        found.append(float((judged[rows, another] > judged[rows, shown]).mean()))
    return found[0], found[1]


def _alone(bench: Bench, corpus: _Corpus) -> tuple[float, float]:
    """How much of a feeling comes from the estimate alone, at weight 0 and at 2: the words name a topic and no more."""
    things = [to_first_person(thing) for topic in topics() for thing in topic.things]
    asked = np.tile(np.array(ASKED), len(things))
    windows = [(f"It's about {thing}.",) for thing in things for _ in ASKED]
    affect = from_category(asked, np.full(len(asked), 0.8))
    found = []
    for weight in (GRID[0], GRID[-1]):
        controls = fixed(bench.drawn(len(asked)), temperature=_TEMPERATURE, emotional_weight=weight)
        read = bench.read(bench.say(windows, affect, controls, purpose=6))
        found.append(_heard(read, asked, controls, corpus)["likeliest of four"])
    return found[0], found[1]


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
    figure.savefig(path, dpi=120)
