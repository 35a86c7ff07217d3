"""What an evaluation says, in words that follow from its figures and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlgen.experiments.display.numbers import UNKNOWN, plain, signed

TITLES = {
    "random": "random actions",
    "centre": "centre controls",
    "fixed": "fixed controls",
    "emotion_table": "controls by emotion",
    "schedule": "schedule by turn",
    "untrained": "untrained policy",
    "trained": "trained policy",
}

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Verdict:
    """The outcome of an evaluation.

    Attributes:
        headline: one sentence.
        standing: one sentence on how it stands against each baseline.
        outcome: one sentence on relief, which the reward does not contain.
        worst: one sentence on the worst-off tenth of people.
        warning: set where the reward rose and relief did not.
        won: baselines whose interval of the difference lies above zero.
        tied: whose interval holds zero.
        lost: whose interval lies below zero.
    """

    headline: str
    standing: str
    outcome: str
    worst: str
    warning: str
    won: tuple[str, ...]
    tied: tuple[str, ...]
    lost: tuple[str, ...]


def title(name: str) -> str:
    """A policy's name for people."""
    return TITLES.get(name, name.replace("_", " "))


def _count(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    words = [title(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def borrowed(names: Sequence[str]) -> str:
    """A sentence on baselines that were not fitted for the world they were measured in."""
    return f"Not fitted for this world but for the id's own: {listed(names)}."


def sign(interval: Mapping[str, float | None]) -> int:
    """1 above zero, -1 below, 0 where the interval holds zero or is missing."""
    low, high = interval["low"], interval["high"]
    if low is None or high is None:
        return 0
    return int(low > 0) - int(high < 0)


def figures(interval: Mapping[str, float | None], digits: int = 2) -> str:
    """`+0.12 [+0.05, +0.19]`, or `unknown`."""
    if interval["mean"] is None:
        return UNKNOWN
    return f"{signed(interval['mean'], digits)} [{signed(interval['low'], digits)}, {signed(interval['high'], digits)}]"


def in_both_units(relief: float | None, points: float | None) -> str:
    """`0.12 on a scale of −1 to 1 (0.48 survey points)`, or `unknown`."""
    if relief is None:
        return UNKNOWN
    return f"{plain(relief)} on a scale of \N{MINUS SIGN}1 to 1 ({plain(points)} survey points)"


def judge(evaluation: Mapping[str, Any]) -> Verdict:
    """The verdict on the reference policy of an evaluation.

    Args:
        evaluation: what `rlgen evaluate` wrote.
    """
    reference, differences = _reference(evaluation), evaluation["differences"]
    by_sign: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for name, found in differences.items():
        by_sign[sign(found["return"])].append(name)
    won, tied, lost = (tuple(by_sign[s]) for s in (1, 0, -1))
    if not differences:
        return Verdict(f"The {reference} was measured alone.", "", "", _worst(evaluation, None), "", won, tied, lost)
    strongest = max(differences, key=lambda name: evaluation["policies"][name]["return"]["mean"])
    if not tied and not lost:
        headline = f"The {reference} earns more than every baseline."
    elif not won:
        headline = f"The {reference} earns no more than any baseline."
    else:
        beaten = listed(won) if len(won) <= 2 else f"{_count(len(won))} of {_count(len(differences))} baselines"
        headline = f"The {reference} earns more than {beaten}"
        if strongest in lost:
            headline += f", but less than {title(strongest)}."
        elif strongest in tied:
            headline += f", and about as much as {title(strongest)}."
        else:
            headline += "."
    pieces = []
    if won:
        pieces.append(f"ahead of {listed(won)}")
    if tied:
        pieces.append(f"not distinguishable from {listed(tied)}")
    if lost:
        pieces.append(f"behind {listed(lost)}")
    standing = (
        f"On the same {evaluation['people']} fresh people, by 95 % intervals of the paired difference in return, "
        f"it is {'; '.join(pieces)}."
    )
    if evaluation.get("borrowed"):
        standing += f" {borrowed(evaluation['borrowed'])}"
    outcome, warning = _outcome(evaluation, strongest)
    return Verdict(headline, standing, outcome, _worst(evaluation, strongest), warning, won, tied, lost)


def _reference(evaluation: Mapping[str, Any]) -> str:
    """The reference's name for people, which says where its training was not finished."""
    step, of = (evaluation.get("stamp", {}).get(name, 0) for name in ("step", "of"))
    name = title(evaluation["reference"])
    return f"{name}, after {step:,} of {of:,} steps," if step < of else name


def _worst(evaluation: Mapping[str, Any], strongest: str | None) -> str:
    """How the worst-off tenth fare with the reference and with the strongest baseline, each with a tenth of its own."""
    names = [evaluation["reference"]] + ([] if strongest is None else [strongest])
    tails = [evaluation["policies"][name]["worst_tenth"] for name in names]
    told = [
        f"{plain(tail['return']['mean'])} of return and {plain(tail['relief']['mean'])} of relief" for tail in tails
    ]
    beside = "" if strongest is None else f"; with the {title(strongest)}, {told[1]}"
    return f"The worst-off tenth of its people end with {told[0]} on average{beside}."


def _outcome(evaluation: Mapping[str, Any], strongest: str) -> tuple[str, str]:
    differences = evaluation["differences"]
    own = evaluation["policies"][evaluation["reference"]]
    mean = in_both_units(own["relief"]["mean"], own["relief_points"]["mean"])
    weakest = "untrained" if "untrained" in differences else next(iter(differences))
    named = [weakest] if weakest == strongest else [weakest, strongest]
    against = "; ".join(f"{figures(differences[n]['relief'])} against the {title(n)}" for n in named)
    outcome = f"Relief, the outcome that it never saw, is {mean} on average: {against}."
    hollow = [n for n, d in differences.items() if sign(d["return"]) > 0 and sign(d["relief"]) < 0]
    if hollow:
        return outcome, (
            f"Against {listed(hollow)} it earns more reward and gives less relief: "
            "here the reward is not a good proxy, and the gain should not be taken for help."
        )
    if sign(differences[weakest]["return"]) > 0 and sign(differences[weakest]["relief"]) == 0:
        return outcome, (
            f"Against the {title(weakest)} the reward rose, but relief did not rise measurably: "
            "the gain may lie in the reward alone."
        )
    return outcome, ""
