"""What a comparison says, in words that follow from its figures and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rlgen.experiments.display.numbers import decimals_for, plain
from rlgen.experiments.evaluation.verdict import TITLES

WORDS: Final = {
    "relief": "relief",
    "relief_points": "relief in survey points",
    "mean_rating": "rating",
    "completed": "completion",
    "abandoned": "abandonment",
    "limit": "dialogues cut at the limit",
    "length": "turns",
    "cost": "cost",
    "engagement": "engagement",
    "return": "return",
}
_LISTED: Final = 3  # names in one list of a sentence
_GAMED: Final = 2  # designs of which it is told in full how they are gamed


@dataclass(frozen=True)
class Verdict:
    """The outcome of a comparison; each a sentence or a few, empty where there is nothing to say.

    Attributes:
        headline: which design is best, by how much, on how many seeds and people; and whether for other people too.
        standing: what is told apart from it, and what is not.
        gaming: which designs earn more by their own reward and bring less.
        baselines: how the designs stand beside what nobody trained.
        proxies: which reward orders the designs as the gold outcome does, and which does not.
        caution: what these figures cannot tell: one seed, unfinished trainings.
        method: how intervals and decisions were made.
    """

    headline: str
    standing: str
    gaming: str
    baselines: str
    proxies: str
    caution: str
    method: str


def judge(summary: Mapping[str, Any]) -> Verdict:
    """The verdict on a comparison, from what `rlgen.experiments.studies.summary.summary` found."""
    return Verdict(
        _headline(summary),
        _standing(summary),
        _gaming(summary),
        _baselines(summary),
        _proxies(summary),
        _caution(summary),
        _method(summary),
    )


def shown(name: str) -> str:
    """A design's or a baseline's name for people; a design's as it is typed, in quotes where it is an outcome's too."""
    return f'"{name}"' if name in WORDS else TITLES.get(name, name)


def span(low: float, high: float) -> str:
    """`0.05 to 0.09`: the ends of an interval on one side of zero, with decimals that show neither as zero."""
    low, high = sorted((abs(low), abs(high)))
    digits = decimals_for((low, high))
    while digits < 6 and (0 < low < 0.5 * 10**-digits or plain(low, digits) == plain(high, digits)):
        digits += 1
    return f"{plain(low, digits)} to {plain(high, digits)}"


def listed(names: Iterable[str], most: int | None = None) -> str:
    """`a, b and c`, or `a, b, c and 4 more`."""
    words = [shown(name) for name in names]
    if most is not None and len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def trained(summary: Mapping[str, Any]) -> list[str]:
    """Names of the designs, the best first."""
    return [name for name in summary["order"] if summary["designs"][name]["kind"] == "design"]


def lone(summary: Mapping[str, Any]) -> list[str]:
    """Designs of which one policy was trained."""
    return [name for name in trained(summary) if summary["designs"][name]["seeds"] == 1]


def pair(summary: Mapping[str, Any], first: str, second: str) -> dict[str, Any]:
    """First minus second; the ends are turned round where the pair was kept the other way."""
    for found in summary["pairs"]:
        if (found["first"], found["second"]) == (first, second):
            return dict(found)
        if (found["first"], found["second"]) == (second, first):
            ends = {"mean": found["mean"], "low": found["high"], "high": found["low"]}
            turned = {name: None if value is None else -value for name, value in ends.items()}
            return {**found, **turned, "first": first, "second": second, "told": -found["told"]}
    raise KeyError((first, second))


def _size(summary: Mapping[str, Any]) -> str:
    """`10 seeds a design and 1,000 people`."""
    counts = sorted({summary["designs"][name]["seeds"] for name in trained(summary)})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    many = f"{seeds} seed{'s' if counts[-1] > 1 else ''} a design"
    return f"{many} and {summary['people']:,} {'person' if summary['people'] == 1 else 'people'}"


def _gold(summary: Mapping[str, Any]) -> str:
    return WORDS[summary["gold"]]


def _more(summary: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """`0.05 to 0.09 more relief (0.2 to 0.4 survey points)`."""
    told = f"{span(found['low'], found['high'])} more {_gold(summary)}"
    if summary["gold"] == "relief":
        told += f" ({span(4 * found['low'], 4 * found['high'])} survey points)"
    return told


def _known(summary: Mapping[str, Any], name: str) -> float | None:
    value = summary["designs"][name]["outcomes"][summary["gold"]]["mean"]
    return None if value is None else float(value)


def _headline(summary: Mapping[str, Any]) -> str:
    told, met = _ahead(summary), summary.get("transfer")
    others = len(met["kinds"]) - 1 if met else 0
    if met is None or others < 1 or len(trained(summary)) < 2:
        return told
    if met["holds"] == 0:
        return f"For the people of the training alone: {told[0].lower()}{told[1:]}"
    if met["holds"] == others:
        return f"{told} Nor does another design bring more to any of {others} other kinds of people."
    return f"{told} For {others - met['holds']} of {others} other kinds of people another design brings more."


def _ahead(summary: Mapping[str, Any]) -> str:
    """Which design is best with the people of the comparison."""
    designs, gold = trained(summary), _gold(summary)
    best = designs[0]
    value = _known(summary, best)
    if value is None:
        return f"Which design is better cannot be said: {gold} of {listed(designs, _LISTED)} is unknown."
    on = f"On {_size(summary)}"
    if len(designs) == 1:
        ends = summary["designs"][best]["outcomes"][summary["gold"]]
        interval = f" [{plain(ends['low'])}, {plain(ends['high'])}]"
        return f"{on}, {shown(best)} brings {plain(value)}{interval} of {gold}; one design alone is no comparison."
    behind = [name for name in designs[1:] if pair(summary, best, name)["told"] > 0]
    if not behind:
        what = "policies" if lone(summary) else "designs"
        return f"{on}, the {what} of {listed(designs, _LISTED)} are not told apart by the {gold} that they bring."
    found = pair(summary, best, behind[0])
    beside = designs[1 : designs.index(behind[0])]
    alone = best in lone(summary)
    who = f"the one policy of {shown(best)}" if alone else shown(best)
    told = f"{on}, {who} brings {_more(summary, found)} than {'that of ' if alone else ''}{shown(behind[0])}"
    if beside:
        return f"{told}, but is not told apart from {listed(beside, _LISTED)}."
    return f"{told}, the {'only other design' if len(designs) == 2 else 'next best'}."


def _standing(summary: Mapping[str, Any]) -> str:
    designs = trained(summary)
    if len(designs) < 2 or _known(summary, designs[0]) is None:
        return ""
    best, gold = designs[0], _gold(summary)
    gaps = {name: pair(summary, best, name) for name in designs[1:]}
    behind = [f"{shown(name)} by {span(gap['low'], gap['high'])}" for name, gap in gaps.items() if gap["told"] > 0]
    tied = [f"{shown(name)} ({_open(gap)})" for name, gap in gaps.items() if gap["told"] == 0]
    pieces = []
    if behind:
        pieces.append(f"{shown(best)} is better in {gold} than {listed(behind, _LISTED)}")
    if tied:
        pieces.append(f"not told apart from {'it' if behind else shown(best)}: {listed(tied, _LISTED)}")
    told = "; ".join(pieces)
    others = [p for p in summary["pairs"] if best not in (p["first"], p["second"])]
    if len(others) > 1:
        apart = sum(p["told"] != 0 for p in others)
        told += f". Of the {len(others)} pairs among the others, {apart or 'none'} are told apart"
    return f"{told if behind else told[0].upper() + told[1:]}."


def _open(gap: Mapping[str, Any]) -> str:
    """The interval of a pair that is not told apart."""
    if gap["low"] is None:
        return "unknown"
    digits = decimals_for((gap["low"], gap["high"]))
    ends = f"{plain(gap['low'], digits)} to {plain(gap['high'], digits)}"
    return f"{ends}, which is not enough among so many pairs" if gap["low"] > 0 else ends


def _gaming(summary: Mapping[str, Any]) -> str:
    by_design: dict[str, list[Mapping[str, Any]]] = {}
    for found in summary["gamed"]:
        by_design.setdefault(found["design"], []).append(found)
    if by_design:
        worst = sorted(by_design, key=lambda name: min(each["gold"]["high"] for each in by_design[name]))
        told = [_gamed(summary, name, by_design[name]) for name in worst[:_GAMED]]
        if rest := worst[_GAMED:]:
            told.append(f"So {'is' if len(rest) == 1 else 'are'} {listed(rest)}, by less.")
        return " ".join(told)
    if len(summary["yardsticks"]) < 2:
        return ""
    return (
        "No design is seen to be gamed: none has policies that earn more by its own reward than others and bring less "
        f"{_gold(summary)}, as far as these seeds and people can tell."
    )


def _gamed(summary: Mapping[str, Any], name: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Told against the other that has the most more."""
    worst = min(found, key=lambda each: each["gold"]["high"])
    own, gold = worst["own_return"], worst["gold"]
    risen = [
        f"{WORDS[bait]}{'' if i else ' rose'} by {span(up['low'], up['high'])}"
        for i, (bait, up) in enumerate(worst["risen"].items())
    ]
    also = f", while {listed(risen)}" if risen else ""
    rest = [each["than"] for each in found if each is not worst]
    more = f" The same holds against {listed(rest, _LISTED)}." if rest else ""
    return (
        f"{shown(name)} is being gamed: by its own reward its policies earn {span(own['low'], own['high'])} more than "
        f"{_those_of(summary, worst['than'])}, and bring {span(gold['low'], gold['high'])} less {_gold(summary)}"
        f"{also}.{more}"
    )


def _those_of(summary: Mapping[str, Any], name: str) -> str:
    return f"{'those of' if summary['designs'][name]['kind'] == 'design' else 'the baseline'} {shown(name)}"


def _baselines(summary: Mapping[str, Any]) -> str:
    if not summary["baselines"]:
        return ""
    names = [name for name in summary["order"] if summary["designs"][name]["kind"] == "baseline"]
    best = names[0]
    if _known(summary, best) is None:
        return ""
    beside = [found for found in summary["baselines"] if found["baseline"] == best]
    pieces = [
        f"{words} {listed(chosen, 2 * _LISTED)}"
        for sign, words in ((1, "better than it:"), (0, "not told apart:"), (-1, "worse:"))
        if (chosen := [found["design"] for found in beside if found["told"] == sign])
    ]
    which = f"Of the baselines, {shown(best)} brings" if len(names) > 1 else f"The baseline, {shown(best)}, brings"
    return f"{which} {'the most ' if len(names) > 1 else ''}{_gold(summary)}, {plain(_known(summary, best))}; " + (
        "; ".join(pieces) + "."
    )


def _proxies(summary: Mapping[str, Any]) -> str:
    gold = summary["gold"]
    taus = {
        proxy.removeprefix("return by "): found[gold]
        for proxy, found in summary["agreement"].items()
        if proxy.startswith("return by ") and found.get(gold, {}).get("mean") is not None
    }
    if len(taus) < 2 or len(trained(summary)) < 3:  # the order of two is right or wrong
        return ""
    ordered = sorted(taus, key=lambda name: -taus[name]["mean"])
    first, last = ordered[0], ordered[-1]

    def told(name: str) -> str:
        return f"{plain(taus[name]['mean'])} [{plain(taus[name]['low'])}, {plain(taus[name]['high'])}]"

    if math.isclose(taus[first]["mean"], taus[last]["mean"]):
        return f"Every reward orders the designs by {_gold(summary)} alike: Kendall's tau {told(first)}."
    return (
        f"The reward that orders the designs most as {_gold(summary)} does is that of {shown(first)}, Kendall's tau "
        f"{told(first)}; the least that of {shown(last)}, {told(last)}."
    )


def _caution(summary: Mapping[str, Any]) -> str:
    pieces = []
    if summary["gold"] != "relief":
        pieces.append(f"Nobody knows the relief of these people: {_gold(summary)} stands in its place.")
    if alone := lone(summary):
        whole = len(alone) == len(trained(summary))
        which = "One policy was trained a design" if whole else f"One policy was trained of {listed(alone, _LISTED)}"
        pieces.append(
            f"{which}: an interval over seeds cannot be given. Intervals are over people only and tell of these "
            "policies; another seed may turn the order round. Train at least three, better ten."
        )
    short = [
        name for name in trained(summary) if any(run["step"] < run["of"] for run in summary["designs"][name]["runs"])
    ]
    if short:
        pieces.append(f"Not trained to the end: {listed(short, _LISTED)}.")
    steps = {run["step"] for name in trained(summary) for run in summary["designs"][name]["runs"]}
    if len(steps) > 1 and not short:
        pieces.append(f"Not all were trained equally long: {min(steps):,} to {max(steps):,} steps.")
    return " ".join(pieces)


def _method(summary: Mapping[str, Any]) -> str:
    over = "people alone" if len(lone(summary)) == len(trained(summary)) else "seeds and people, both drawn anew"
    told = (
        "A design's figure is the interquartile mean over its seeds of each policy's mean over people. Intervals are "
        f"95 % intervals over {over}; differences are paired over people, who are the same for all policies."
    )
    if len(summary["pairs"]) < 2:
        return told
    return (
        f"{told} Two designs are told apart where Holm's p, adjusted for all {len(summary['pairs'])} pairs, is below "
        f"{summary['alpha']}; the intervals beside it are not adjusted."
    )
