"""From everybody's outcomes to figures with intervals: what `comparison.json` and the page are made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any, Final

import numpy as np

from rlgen.experiments.statistics import (
    Band,
    Estimate,
    Interval,
    Resampled,
    as_dict,
    curve,
    difference,
    estimate,
    holm,
    order_agreement,
    pareto_front,
    probability_of_improvement,
    profile,
    resample,
)
from rlgen.experiments.studies.compared import METRICS, Compared, Curve
from rlgen.experiments.studies.overoptimisation import overoptimisation
from rlgen.rng import person_number

ALPHA: Final = 0.05
WORST: Final = 0.1
GOLD: Final = ("relief", "mean_rating", "completed")
_POINTS: Final = 41  # of a profile
_BAITS: Final = ("engagement", "cost", "length")

Scores = Mapping[str, Resampled]


def summary(compared: Compared, seed: int = 0) -> dict[str, Any]:
    """All figures of a comparison, for JSON; `rlgen.experiments.studies.verdicts` puts them in words.

    A run's score is its mean over people, a design's the interquartile mean of its runs. Which designs are told apart
    is decided by p-values adjusted for all pairs (Holm); the intervals beside them are plain.

    Args:
        compared: outcomes of all policies on the same people.
        seed: of the resampling.
    """
    metrics = {
        name: scores
        for name in METRICS
        if (tables := compared.tables(name)) and (scores := _resampled(compared, tables, seed))
    }
    gold = next((name for name in GOLD if name in metrics and _known(metrics[name])), GOLD[-1])
    scores = metrics[gold]
    yardsticks = {
        name: _resampled(compared, tables, seed)
        for name in compared.trained
        if len(tables := compared.measured_by(name)) == len(compared.designs)
    }
    order = sorted(scores, key=lambda name: -np.nan_to_num(scores[name].value, nan=-np.inf))
    return {
        "env": compared.env,
        "people": compared.people,
        "people_seed": compared.people_seed,
        "world": compared.world,
        "told": compared.told,
        "command": compared.command,
        "program": dict(compared.program),
        "gold": gold,
        "alpha": ALPHA,
        "order": order,
        "designs": _designs(compared, metrics, yardsticks, gold, seed),
        "pairs": _pairs(scores, [name for name in order if name in compared.trained]),
        "baselines": _beside(scores, order, compared),
        "yardsticks": {name: {of: _told(estimate(x)) for of, x in by.items()} for name, by in yardsticks.items()},
        "agreement": _agreement(compared, metrics, yardsticks),
        "gamed": _gamed(compared, metrics, yardsticks, scores),
        "front": _front(compared, metrics, gold),
        "profiles": _profiles(compared, gold, seed),
        "curves": {name: _curve(compared.curves[name]) for name in compared.trained if compared.curves.get(name)},
    }


def table_csv(compared: Compared) -> str:
    """One line per policy and person, with its outcomes and its return by every design."""
    yardsticks = [name for name in compared.trained if compared.measured_by(name)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["design", "seed", "person", *METRICS, *(f"return by {name}" for name in yardsticks)])
    numbers = [person_number(compared.people_seed, index) for index in range(compared.people)]
    for name, design in compared.designs.items():
        unknown = np.full((len(design.runs), compared.people), np.nan)
        tables = [compared.outcomes[name].get(metric, unknown) for metric in METRICS]
        tables += [compared.yardsticks.get(name, {}).get(by, unknown) for by in yardsticks]
        for row, run in enumerate(design.runs):
            shown = [[f"{value:.5g}" for value in table[row].tolist()] for table in tables]
            writer.writerows(zip([name] * compared.people, [run.seed] * compared.people, numbers, *shown, strict=True))
    return buffer.getvalue()


def _resampled(compared: Compared, tables: Mapping[str, Any], seed: int, share: float = 1.0) -> dict[str, Resampled]:
    return resample(tables, fixed=compared.baselines, share=share, seed=seed)


def _known(scores: Scores) -> bool:
    return all(np.isfinite(found.value) for found in scores.values())


def _told(found: Interval) -> dict[str, Any]:
    """For JSON; an interval that is over people alone says so."""
    told: dict[str, Any] = as_dict(found)
    return {**told, "over": found.over} if isinstance(found, Estimate) else told


def _apart(found: Estimate, adjusted: float) -> dict[str, Any]:
    """A difference: `told` is its sign where it is told apart from zero, else 0."""
    sign = int(np.sign(found.mean)) if adjusted < ALPHA else 0
    p = None if np.isnan(adjusted) else float(f"{adjusted:.4g}")
    return {**_told(found), "p": p, "told": sign}


def _designs(
    compared: Compared, metrics: Mapping[str, Scores], yardsticks: Mapping[str, Scores], gold: str, seed: int
) -> dict[str, Any]:
    tails = {name: _resampled(compared, compared.tables(name), seed, WORST) for name in {gold, "return"} & set(metrics)}
    found: dict[str, Any] = {}
    for name, design in compared.designs.items():
        own = yardsticks.get(name, {}).get(name)
        found[name] = {
            "description": design.description,
            "kind": design.kind,
            "seeds": len(design.runs),
            "runs": [asdict(run) for run in design.runs],
            "outcomes": {metric: _told(estimate(by[name])) for metric, by in metrics.items() if name in by},
            "by_run": {gold: _listed(metrics[gold][name].seeds)},
            "own_return": None if own is None else _told(estimate(own)),
            "worst_tenth": {metric: _told(estimate(by[name])) for metric, by in tails.items() if name in by},
        }
    return found


def _pairs(scores: Scores, order: list[str]) -> list[dict[str, Any]]:
    """Every pair of designs, the one ahead first."""
    gaps = {(a, b): difference(scores[a], scores[b]) for a, b in combinations(order, 2)}
    adjusted = holm({pair: gap.p for pair, gap in gaps.items()})
    return [
        {
            "first": a,
            "second": b,
            **_apart(gap, adjusted[a, b]),
            "improvement": _told(probability_of_improvement(scores[a], scores[b])),
        }
        for (a, b), gap in gaps.items()
    ]


def _beside(scores: Scores, order: list[str], compared: Compared) -> list[dict[str, Any]]:
    """Every design beside every baseline."""
    gaps = {
        (a, b): difference(scores[a], scores[b])
        for a in order
        if a in compared.trained
        for b in order
        if b in compared.baselines
    }
    adjusted = holm({pair: gap.p for pair, gap in gaps.items()})
    return [{"design": a, "baseline": b, **_apart(gap, adjusted[a, b])} for (a, b), gap in gaps.items()]


def _agreement(
    compared: Compared, metrics: Mapping[str, Scores], yardsticks: Mapping[str, Scores]
) -> dict[str, dict[str, Any]]:
    """Proxy -> gold outcome -> Kendall's tau of the two orders of the designs."""
    if len(compared.trained) < 2:
        return {}
    designs = compared.trained

    def of_designs(scores: Scores) -> dict[str, Resampled]:
        return {name: scores[name] for name in designs}

    proxies = {f"return by {name}": scores for name, scores in yardsticks.items()}
    proxies |= {name: metrics[name] for name in ("engagement", "length") if name in metrics and _known(metrics[name])}
    golds = [name for name in GOLD if name in metrics and _known(metrics[name])]
    return {
        proxy: {name: _told(order_agreement(of_designs(scores), of_designs(metrics[name]))) for name in golds}
        for proxy, scores in proxies.items()
    }


def _gamed(
    compared: Compared, metrics: Mapping[str, Scores], yardsticks: Mapping[str, Scores], gold: Scores
) -> list[dict[str, Any]]:
    """Where policies of a design earn more by its reward than others do, and are of less use to people.

    Both have to be told from zero: the larger of the two p-values counts, adjusted for all that were looked at.
    """
    gaps = {
        (name, other): (difference(by[name], by[other]), difference(gold[name], gold[other]))
        for name, by in yardsticks.items()
        for other in compared.designs
        if other != name
    }
    p = {pair: max(own.p, of.p) if own.mean > 0 > of.mean else 1.0 for pair, (own, of) in gaps.items()}
    adjusted = holm(p)
    found = []
    for name, other in gaps:
        if adjusted[name, other] >= ALPHA or np.isnan(adjusted[name, other]):
            continue
        own, of = gaps[name, other]
        risen = {}
        for bait in _BAITS:
            if bait in metrics and (gap := difference(metrics[bait][name], metrics[bait][other])).low > 0:
                risen[bait] = _told(gap)
        found.append(
            {
                "design": name,
                "than": other,
                "own_return": _told(own),
                "gold": _told(of),
                "p": float(f"{adjusted[name, other]:.4g}"),
                "risen": risen,
            }
        )
    return found


def _front(compared: Compared, metrics: Mapping[str, Scores], gold: str) -> dict[str, Any]:
    """Whom no other is better than in all of gold outcome, engagement and cost; how often so when drawn anew."""
    wanted = {gold: 1.0, "engagement": 1.0, "cost": -1.0}
    axes = {name: sign for name, sign in wanted.items() if name in metrics and _known(metrics[name])}
    names = list(compared.designs)
    if not axes:
        return {"axes": [], "designs": {}}
    values = [np.array([sign * metrics[axis][name].value for name in names]) for axis, sign in axes.items()]
    drawn = [
        np.stack([sign * (found := metrics[axis][name]).statistic(found.both) for name in names], axis=1)
        for axis, sign in axes.items()
    ]
    often = pareto_front(*drawn).mean(axis=0)
    return {
        "axes": list(axes),
        "designs": {
            name: {"on": bool(on), "often": round(float(share), 4)}
            for name, on, share in zip(names, pareto_front(*values), often, strict=True)
        },
    }


def _profiles(compared: Compared, gold: str, seed: int) -> dict[str, Any]:
    """Share of people who reach each value of the gold outcome."""
    tables = compared.tables(gold)
    values = np.concatenate([table.ravel() for table in tables.values()])
    values = values[np.isfinite(values)]
    if not len(values):
        return {"thresholds": [], "designs": {}}
    low, high = np.quantile(values, [0.005, 0.995])
    at = np.linspace(low, high, _POINTS)
    found = profile(tables, at, fixed=compared.baselines, seed=seed)
    return {"thresholds": _listed(at), "designs": {name: _band(band) for name, band in found.items()}}


def _curve(points: Curve) -> dict[str, Any]:
    steps, returns, relief, kl = zip(*points, strict=True)
    found = overoptimisation(np.stack(kl), np.stack(relief))
    return {
        "step": [int(step) for step in steps],
        "return": _band(curve(np.stack(returns))),
        "relief": _band(curve(np.stack(relief))),
        "kl": _band(curve(np.stack(kl))),
        "overoptimisation": None if found is None else asdict(found),
    }


def _band(band: Band) -> dict[str, list[float | None]]:
    return {name: _listed(getattr(band, name)) for name in ("mean", "low", "high")}


def _listed(values: Any) -> list[float | None]:
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
