"""The page of a comparison: one file that needs nothing beside itself, the verdict first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import numpy as np

import rlgen
from rlgen.experiments.display.numbers import UNKNOWN, plain, share, signed
from rlgen.experiments.evaluation.verdict import in_both_units
from rlgen.experiments.reporting.page import Cell, Table, over_interval, render
from rlgen.experiments.studies.compared import Compared, SamePerson
from rlgen.experiments.studies.gaming import KINDS
from rlgen.experiments.studies.plots import Line, Point, Row, endings, panels, rows, scatter
from rlgen.experiments.studies.verdicts import WORDS, judge, listed, lone, pair, shown, trained

_AXES: Final = {
    "relief": "relief, \N{MINUS SIGN}1 to 1 (\N{MULTIPLICATION SIGN} 4: survey points)",
    "mean_rating": "rating, 1 to 5",
    "completed": "share of dialogues that were completed",
    "engagement": "engagement, 0 to 1",
    "cost": "cost a dialogue",
}
_FULL: Final = 2.0  # standard deviations from a column's mean that are coloured fully
_DEEPEST: Final = 0.62  # opacity of a cell


@dataclass(frozen=True)
class Heat:
    """A cell of a coloured table: text, what stands small below it, tone, opacity, whether it is marked."""

    text: str
    small: str = ""
    tone: str = "heat"
    depth: float = 0.0
    own: bool = False


def page(compared: Compared, summary: Mapping[str, Any]) -> str:
    """The page as HTML.

    Args:
        compared: for the dialogues.
        summary: what `rlgen.experiments.studies.summary.summary` made of it.
    """
    verdict = judge(summary)
    return render(
        "comparison.html",
        title=f"{', '.join(trained(summary)[:3])}: reward designs compared in {summary['env']}",
        summary=summary,
        verdict=verdict,
        gold=WORDS[summary["gold"]],
        gamed=bool(summary["gamed"]),
        tiles=_tiles(summary),
        plots=plots(summary),
        outcomes=_outcomes(summary),
        pairs=_pairs(summary),
        yardsticks=_yardsticks(summary),
        agreement=_agreement(summary),
        alarms=_alarms(summary),
        overoptimised=_overoptimised(summary),
        transfer=_transfer(summary),
        dialogues=[_side_by_side(met) for met in compared.dialogues if _has_words(met)],
        runs=_runs(summary),
        commands=list(dict.fromkeys(_commands(summary))),
        version=rlgen.__version__,
    )


def plots(summary: Mapping[str, Any]) -> dict[str, str]:
    """The charts by name, as SVG; one that has nothing to show is left out."""
    order, gold, designs = summary["order"], summary["gold"], summary["designs"]
    named, axis = WORDS[gold], _AXES[gold]
    drawn = {
        "ranking": rows(
            [_row(summary, name, designs[name]["outcomes"][gold], designs[name]["by_run"][gold]) for name in order],
            label=f"{named} by design, the best first, with 95 % intervals: {_read(summary, order, gold)}",
            x_name=axis,
        ),
        "worst": rows(
            [_row(summary, name, designs[name]["worst_tenth"][gold]) for name in order],
            label=f"{named} of the worst-off tenth of people, by design, with 95 % intervals",
            x_name=f"{named} of the worst-off tenth",
        ),
    }
    if all("cost" in designs[name]["outcomes"] for name in order):
        cost = [_row(summary, name, designs[name]["outcomes"]["cost"]) for name in order]
        label = f"cost by design, with 95 % intervals: {_read(summary, order, 'cost')}"
        drawn["cost"] = rows(cost, label=label, x_name=_AXES["cost"], colour="bad")
    if all("limit" in designs[name]["outcomes"] for name in order):
        ended = {
            name: (
                _number(designs[name]["outcomes"]["completed"]["mean"]),
                _number(designs[name]["outcomes"]["limit"]["mean"]),
                _number(designs[name]["outcomes"]["abandoned"]["mean"]),
            )
            for name in order
        }
        baselines = [name for name in order if designs[name]["kind"] == "baseline"]
        label = "how dialogues end, by design: share completed, cut at the limit of turns, abandoned"
        drawn["endings"] = endings({_title(name): v for name, v in ended.items()}, label=label,
                                   baselines=[_title(name) for name in baselines])  # fmt: skip
    at = summary["profiles"]["thresholds"]
    if at:
        found = {_title(name): _line(at, summary["profiles"]["designs"][name]) for name in order}
        label = f"performance profiles: share of people whose {named} is at least a value, by design, with 95 % bands"
        drawn["profiles"] = panels(found, label=label, x_name=f"at least so much {named}", share=True)
    drawn |= {f"front_{name}": svg for name in ("engagement", "cost") if (svg := _front(summary, name))}
    return drawn | _curves(summary)


def _front(summary: Mapping[str, Any], beside: str) -> str:
    gold, axes = summary["gold"], summary["front"]["axes"]
    if beside not in axes or gold not in axes or len(summary["order"]) < 2:
        return ""
    points = []
    for name in summary["order"]:
        found = summary["designs"][name]
        x, y = (_ends(found["outcomes"][axis]) for axis in (gold, beside))
        on = summary["front"]["designs"][name]["on"]
        points.append(Point(_title(name), x, y, on, found["kind"] == "baseline"))
    front = [_title(name) for name, found in summary["front"]["designs"].items() if found["on"]]
    label = f"{WORDS[gold]} and {WORDS[beside]} of each design; on the Pareto front: {', '.join(front)}"
    return scatter(points, label=label, x_name=_AXES[gold], y_name=_AXES[beside])


def _curves(summary: Mapping[str, Any]) -> dict[str, str]:
    """Learning curves of the designs: relief on one scale, each one's own return on its own."""
    names = [name for name in trained(summary) if name in summary["curves"]]
    best = max(
        (_number(found["outcomes"][summary["gold"]]["mean"]) for found in summary["designs"].values()
         if found["kind"] == "baseline"),
        default=math.nan,
    )  # fmt: skip
    drawn = {}
    for what, colour, told in (
        ("relief", "outcome", "relief of the people met while training"),
        ("return", "proxy", "return by a design's own reward while training"),
    ):
        found = {name: summary["curves"][name] for name in names if any(_finite(summary["curves"][name][what]["mean"]))}
        if found:
            drawn[f"curves_{what}"] = panels(
                {name: _line(curve["step"], curve[what]) for name, curve in found.items()},
                label=f"{told}, by steps and design, with 95 % bands over seeds",
                x_name="environment steps",
                colour=colour,
                shared=what == "relief",
                level=best if what == "relief" and summary["gold"] == "relief" else math.nan,
            )
    far = {name: curve for name in names if (curve := summary["curves"][name])["overoptimisation"] is not None}
    if far:
        at = {name: [math.sqrt(max(_number(kl), 0.0)) for kl in curve["kl"]["mean"]] for name, curve in far.items()}
        drawn["overoptimisation"] = panels(
            {name: _line(at[name], curve["relief"]) for name, curve in far.items()},
            label="relief and return while training, by how far the policy went from the one that it began as",
            x_name="root of the divergence from the policy at the start, in nats a turn",
            beside={name: _line(at[name], curve["return"]) for name, curve in far.items()},
        )
    return drawn


def _title(name: str) -> str:
    return shown(name)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _finite(values: Sequence[float | None]) -> Iterator[bool]:
    return (value is not None for value in values)


def _ends(found: Mapping[str, Any]) -> tuple[float, float, float]:
    return _number(found["mean"]), _number(found["low"]), _number(found["high"])


def _line(x: Sequence[float], found: Mapping[str, Sequence[float | None]]) -> Line:
    return Line(x, *([_number(value) for value in found[name]] for name in ("mean", "low", "high")))


def _row(summary: Mapping[str, Any], name: str, found: Mapping[str, Any], runs: Sequence[float | None] = ()) -> Row:
    baseline = summary["designs"][name]["kind"] == "baseline"
    return Row(_title(name), *_ends(found), [_number(value) for value in runs], baseline)


def _read(summary: Mapping[str, Any], order: Sequence[str], metric: str) -> str:
    """What a chart of rows shows, in words."""
    return ", ".join(f"{_title(name)} {plain(summary['designs'][name]['outcomes'][metric]['mean'])}" for name in order)


def _tiles(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    designs = trained(summary)
    best, count = summary["designs"][designs[0]], len(designs)
    outcomes = best["outcomes"]
    told = [
        (plain(outcomes["relief"]["mean"]), f"relief with {shown(designs[0])}, \N{MINUS SIGN}1 to 1", "outcome")
        if "relief" in outcomes
        else None,
        (share(outcomes["completed"]["mean"]), "of its dialogues completed", "") if "completed" in outcomes else None,
        (f"{plain(outcomes['mean_rating']['mean'])}", "rating of its replies, 1 to 5", "")
        if "mean_rating" in outcomes
        else None,
        (str(count), f"reward design{'s' if count > 1 else ''}", ""),
        (str(sum(summary["designs"][name]["seeds"] for name in designs)), "policies trained", ""),
        (f"{summary['people']:,}", "people, the same for all", ""),
    ]
    return [tile for tile in told if tile is not None]


def _outcomes(summary: Mapping[str, Any]) -> Table:
    """The proxy, and beside it what it was to be a proxy of."""
    columns: list[tuple[Cell, Callable[[Mapping[str, Any]], Mapping[str, Any] | None], Callable[..., str]]] = [
        (("own return", "the proxy"), lambda found: found["own_return"], plain)
    ]
    for name, head, say in (
        ("relief", ("relief", "\N{MINUS SIGN}1 to 1"), plain),
        ("mean_rating", ("rating", "1 to 5"), plain),
        ("completed", "completed", share),
        ("abandoned", "abandoned", share),
        ("length", "turns", lambda value: plain(value, 1)),
        ("engagement", "engagement", plain),
        ("cost", "cost", lambda value: plain(value, 3)),
    ):
        if any(name in found["outcomes"] for found in summary["designs"].values()):
            columns.append((head, lambda found, name=name: found["outcomes"].get(name), say))  # type: ignore[misc]
    tail = summary["gold"]
    columns.insert(2, (("worst tenth", WORDS[tail]), lambda found: found["worst_tenth"].get(tail), plain))
    body: list[tuple[bool, Sequence[Cell]]] = []
    for name in summary["order"]:
        found = summary["designs"][name]
        kind = "baseline" if found["kind"] == "baseline" else f"{found['seeds']} seed{'s' * (found['seeds'] > 1)}"
        cells: list[Cell] = [(_title(name), kind)]
        for _, pick, say in columns:
            value = pick(found)
            cells.append("\N{EN DASH}" if value is None else over_interval(value, say))
        body.append((name == trained(summary)[0], cells))
    return ["design", *(head for head, _, _ in columns)], body


def _pairs(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Column minus row, of which the better stands in the column."""
    names = trained(summary)
    if len(names) < 2:
        return None
    most = max((abs(p["mean"]) for p in summary["pairs"] if p["mean"] is not None), default=0.0) or 1.0
    alone = len(lone(summary)) > 0
    body = []
    for i, second in enumerate(names[1:]):
        cells: list[Heat | None] = []
        for first in names[: i + 1]:
            gap = pair(summary, first, second)
            if gap["mean"] is None:
                cells.append(Heat(UNKNOWN))
                continue
            depth = _DEEPEST * max(0.25, min(1.0, abs(gap["mean"]) / most)) if gap["told"] else 0.0
            small = f"{plain(gap['low'])} to {plain(gap['high'])}"
            if not alone:
                small += f"\n{share(gap['improvement']['mean'])}"
            cells.append(Heat(signed(gap["mean"]), small, "heat" if gap["told"] >= 0 else "cold", depth))
        body.append((second, cells + [None] * (len(names) - 2 - i)))
    return {"head": names[:-1], "rows": body, "alone": alone}


def _yardsticks(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the policies of each row earn by the reward of each column, coloured by the column's own spread."""
    if not summary["yardsticks"]:
        return None
    gold, order = summary["gold"], summary["order"]
    columns = {WORDS[gold]: {name: summary["designs"][name]["outcomes"][gold] for name in order}}
    columns |= {name: summary["yardsticks"][name] for name in trained(summary) if name in summary["yardsticks"]}
    coloured = {name: _coloured(column, order, name) for name, column in columns.items()}
    body = [
        (_title(name), summary["designs"][name]["kind"] == "baseline", [column[name] for column in coloured.values()])
        for name in order
    ]
    return {"head": list(columns), "rows": body}


def _coloured(column: Mapping[str, Any], order: Sequence[str], own: str) -> dict[str, Heat]:
    values = np.array([_number(column[name]["mean"]) for name in order])
    known = values[np.isfinite(values)]
    middle, spread = (known.mean(), known.std()) if len(known) else (0.0, 0.0)
    cells = {}
    for name, value in zip(order, values.tolist(), strict=True):
        far = (value - middle) / spread if spread > 0 and math.isfinite(value) else 0.0
        depth = _DEEPEST * min(1.0, abs(far) / _FULL)
        cells[name] = Heat(plain(value), "", "heat" if far >= 0 else "cold", depth, name == own)
    return cells


def _agreement(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """How much alike each proxy and each true outcome order the designs."""
    found = summary["agreement"]
    if not found or len(trained(summary)) < 3:
        return None
    golds = list(next(iter(found.values())))
    body = []
    for proxy, taus in found.items():
        cells = []
        for gold in golds:
            value = taus[gold]["mean"]
            ends = "" if value is None else f"{plain(taus[gold]['low'])} to {plain(taus[gold]['high'])}"
            tone = "heat" if (value or 0.0) >= 0 else "cold"
            cells.append(Heat(plain(value), ends, tone, _DEEPEST * abs(value or 0.0)))
        body.append((proxy, cells))
    return {"head": [WORDS[name] for name in golds], "rows": body}


def _alarms(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Designs in whose trainings an alarm rang, with what the first of them said; and the others."""
    found = summary.get("alarms")
    if not found:
        return None
    rung = {name: [run for run in found[name] if run] for name in trained(summary)}
    body: list[tuple[bool, Sequence[Cell]]] = []
    for name, runs in rung.items():
        if runs:
            kinds = [str(sum(any(alarm["kind"] == kind for alarm in run) for run in runs)) for kind in KINDS]
            body.append((False, [(name, runs[0][0]["told"]), f"{len(runs)} of {len(found[name])}", *kinds]))
    silent = [name for name, runs in rung.items() if not runs]
    return {"table": (["design", "alarms", *KINDS], body), "silent": listed(silent) if silent else ""}


def _overoptimised(summary: Mapping[str, Any]) -> str:
    """Which designs were trained past the place where they help most."""
    found = {name: curve["overoptimisation"] for name, curve in summary["curves"].items() if curve["overoptimisation"]}
    past = {name: fit for name, fit in found.items() if fit["low"] is not None and fit["low"] > 0}
    if not past:
        return "By the fitted curves no design is seen to lose relief by having been trained too far."
    told = [f"{name} {plain(fit['lost'])} [{plain(fit['low'])}, {plain(fit['high'])}]" for name, fit in past.items()]
    return f"By the fitted curves relief was lost by training on past its largest value: {'; '.join(told)}."


def _transfer(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Relief that every design brings to other kinds of people, coloured within a kind."""
    met = summary.get("transfer")
    if met is None:
        return None
    names = [name for name in trained(summary) if name in next(iter(met["kinds"].values()))["relief"]]
    body = []
    for kind, found in met["kinds"].items():
        cells = list(_coloured(found["relief"], names, found["best"]).values())
        tau = found["tau"]
        agreed = Heat("") if tau is None else Heat(plain(tau["mean"]), f"{plain(tau['low'])} to {plain(tau['high'])}")
        body.append((kind, [*cells, agreed]))
    return {"head": [*names, "tau"], "rows": body, "sentence": met["sentence"], "told": met.get("told", "")}


def _has_words(met: SamePerson) -> bool:
    return len(met.under) == 2 and all(turns and "reply" in turns[0] for turns in met.under.values())


def _side_by_side(met: SamePerson) -> dict[str, Any]:
    """Turns of two dialogues beside each other, and which is the first that differs."""
    names = list(met.under)
    turns = []
    parted: int | None = None
    for number, sides in enumerate(zip_longest(*met.under.values())):
        one, two = sides
        said = one["said"] if one and two and one["said"] == two["said"] else None
        same = said is not None and one["reply"] == two["reply"]
        if not same and parted is None:
            parted = number
        turns.append({"number": number + 1, "said": said, "same": same, "sides": list(zip(names, sides, strict=True))})
    ends = [
        (name, outcome, in_both_units(outcome["relief"], outcome["relief_points"]))
        for name, record in met.under.items()
        if (outcome := record[-1].get("outcome"))
    ]
    return {"person": met.person, "rule": met.rule, "names": names, "turns": turns, "parted": parted, "ends": ends}


def _runs(summary: Mapping[str, Any]) -> Table:
    body: list[tuple[bool, Sequence[Cell]]] = []
    for name in trained(summary):
        for run in summary["designs"][name]["runs"]:
            steps = f"{run['step']:,}" + (f" of {run['of']:,}" if run["step"] < run["of"] else "")
            body.append((False, [name, str(run["seed"]), steps, run["config"][:12], run["policy"][:12], run["path"]]))
    return ["design", "seed", "steps", "config hash", "policy sha256", "run"], body


def _commands(summary: Mapping[str, Any]) -> Iterator[str]:
    for name in trained(summary):
        yield from (run["command"] for run in summary["designs"][name]["runs"] if run["command"])
    if summary["command"]:
        yield summary["command"]
