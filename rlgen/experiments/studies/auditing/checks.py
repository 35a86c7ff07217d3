"""The checks of a reward: each looks at the evidence and gives a verdict in one line.

A check says `fails` only where the figures exclude chance, `doubtful` where they do not or where the design leans on
what is fragile. What could not be tried says so; it is no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rlgen.experiments.statistics import Interval, bootstrap_mean, kendall, paired_difference
from rlgen.experiments.studies.auditing.evidence import HELPFUL, Dialogues, Evidence, returns
from rlgen.experiments.studies.auditing.variations import rated_seldom, rated_with_bias, recognised_otherwise
from rlgen.types import F64

Verdict = Literal["ok", "doubtful", "fails", "not tried"]

_RESAMPLES: Final = 1000
_ORDERED: Final = 0.6  # Kendall's tau from which an order counts as followed: four pairs of five
_WITHIN: Final = 0.3  # correlation from which a return says something of the same person's relief
_KEPT: Final = (0.9, 0.8, 0.5)  # correlation, or share of relief, that is plainly, still, and no longer enough
_BLUR: Final = 0.5
_BIAS: Final = 1.5  # points: raters differ by more than replies do
_SELDOM: Final = 0.5
_RATED: Final = (0.9, 0.6)  # correlation with returns under other ratings that is enough, and that is no longer


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: its name.
        verdict: see `Verdict`.
        figure: what was seen, in words.
        why: why it matters, a sentence.
        values: the figures by name.
    """

    check: str
    verdict: Verdict
    figure: str
    why: str
    values: dict[str, float] = field(default_factory=dict)


def doing_nothing(evidence: Evidence) -> Finding:
    """Does helping pay more than saying nothing, and anything more than the best constant?"""
    why = "a policy finds the least effort that pays; where nothing pays as well, it learns nothing"
    constant = max(
        float(evidence.ladder[name].earned.mean()) for name in ("centre", "fixed") if name in evidence.ladder
    )
    best = max(float(each.earned.mean()) for each in evidence.ladder.values())
    values = {"constant": constant, "ladder": best}
    if not evidence.words:
        return Finding("doing nothing", "not tried", evidence.missing["words"], why, values)
    gain = _apart(evidence.words[HELPFUL], evidence.words["silent"])
    verdict: Verdict = "ok" if gain.low > 0 else "fails" if gain.high < 0 else "doubtful"
    figure = f"helping earns {_told(gain)} more than silence; constants reach {constant:.2f} of {best:.2f}"
    if verdict == "ok" and constant >= best:
        verdict, figure = "doubtful", f"{figure}: no rule beats a constant"
    return Finding("doing nothing", verdict, figure, why, {**values, **_values("helping_minus_silence", gain)})


def ladder_order(evidence: Evidence) -> Finding:
    """Are policies that bring more relief paid more?"""
    earned, relief = (
        np.stack([getattr(each, what) for each in evidence.ladder.values()]) for what in ("earned", "relief")
    )
    tau = _resampled(
        lambda rows: float(kendall(earned[:, rows].mean(axis=1), relief[:, rows].mean(axis=1))), earned.shape[1]
    )
    verdict: Verdict = "doubtful"
    if np.isnan(tau.mean) or tau.high <= 0 or tau.mean < 0:
        verdict = "fails"
    elif tau.mean >= _ORDERED:
        verdict = "ok"
    figure = f"Kendall's tau of return and relief over {len(earned)} rungs {_told(tau)}"
    why = "training climbs the return; where the order of policies is another than that of relief, it climbs elsewhere"
    return Finding("order of the ladder", verdict, figure, why, _values("tau", tau))


def degenerate(evidence: Evidence) -> Finding:
    """Does a supporter that nobody wants earn as much as a helpful one?"""
    why = (
        "what a reward pays for is found, also flattery, endless questions, one phrase for all, or an alarm every turn"
    )
    if not evidence.words:
        return Finding("degenerate supporters", "not tried", evidence.missing["words"], why)
    helpful = evidence.words[HELPFUL]
    apart = {name: _apart(helpful, each) for name, each in evidence.words.items() if name != HELPFUL}
    harmful = {name: _relief(helpful, evidence.words[name]).low > 0 for name in apart}
    worst = min((name for name in apart if harmful[name]), key=lambda name: apart[name].mean, default=None)
    values = {key: value for name, gap in apart.items() for key, value in _values(f"helpful_minus_{name}", gap).items()}
    if worst is None:
        return Finding("degenerate supporters", "ok", "none of them brings less relief here", why, values)
    gap = apart[worst]
    verdict: Verdict = "ok" if gap.low > 0 else "fails" if gap.high < 0 else "doubtful"
    figure = (
        f"the best paid, {worst}, earns {_told(gap)} less than a helpful one"
        if gap.mean >= 0
        else (
            f"{worst} earns {_told(Interval(-gap.mean, -gap.high, -gap.low))} more than a helpful one, for less relief"
        )
    )
    return Finding("degenerate supporters", verdict, figure, why, values)


def best_sequence(evidence: Evidence) -> Finding:
    """What relief does the best sequence of actions for this reward bring?"""
    why = "what a search finds a policy finds too; if that brings little relief, the reward can be gamed"
    if evidence.sequence is None:
        return Finding("best sequence", "not tried", evidence.missing["sequence"], why)
    paid, best = (
        max(evidence.ladder.values(), key=lambda each: float(each.earned.mean())),
        evidence.ladder[evidence.helper],
    )
    gain = _apart(evidence.sequence, paid)
    found = (
        evidence.sequence if gain.mean > 0 else paid
    )  # where the search found nothing better, a rung is the best known
    brought, reached = float(found.relief.mean()), float(best.relief.mean())
    share = brought / reached if reached > 0 else float("nan")
    verdict: Verdict = "doubtful"
    if _relief(best, found).low <= 0 or share >= _KEPT[1]:
        verdict = "ok"
    elif share < _KEPT[2]:
        verdict = "fails"
    figure = (
        f"it earns {_told(gain)} more than the best paid rung; the better paid of the two brings {brought:.3f} relief, "
        f"{evidence.helper} {reached:.3f}"
    )
    values = {"relief": brought, "reached": reached, **_values("gain", gain)}
    return Finding("best sequence", verdict, figure, why, values)


def recogniser(evidence: Evidence) -> Finding:
    """Does the return survive a recogniser that is worse?"""
    logs, clean = _logs(evidence)
    blurred, blind = (
        _correlation(clean, _again(evidence, [recognised_otherwise(log.turns, share) for log in logs]))
        for share in (_BLUR, 1.0)
    )
    verdict: Verdict = "ok" if blurred >= _KEPT[0] and blind >= _KEPT[2] else "doubtful"
    if not blurred >= _KEPT[1]:
        verdict = "fails"
    figure = (
        f"returns correlate {blurred:.2f} with those of a blurred recogniser, {blind:.2f} with those of a blind one"
    )
    why = "a recogniser errs for the same people again and again; a reward that follows it pays for its errors"
    return Finding("recogniser's errors", verdict, figure, why, {"blurred": blurred, "blind": blind})


def ratings(evidence: Evidence) -> Finding:
    """Does the return survive ratings that are missing, and raters that are biased?"""
    logs, clean = _logs(evidence)
    seldom = _correlation(clean, _again(evidence, [rated_seldom(log.turns, _SELDOM) for log in logs]))
    biased = _correlation(clean, _again(evidence, [rated_with_bias(log.turns, _BIAS) for log in logs]))
    worst = min(seldom, biased)
    verdict: Verdict = "ok" if worst >= _RATED[0] else "doubtful" if worst >= _RATED[1] else "fails"
    figure = (
        f"returns correlate {seldom:.2f} with those of half of the ratings, {biased:.2f} with those of biased raters"
    )
    why = "people rate seldom and each on a scale of their own; a reward that follows them pays for who comes"
    return Finding("ratings", verdict, figure, why, {"half": seldom, "biased": biased})


def correlation(evidence: Evidence) -> Finding:
    """Is a person paid more for under the policies that bring this person more relief?"""
    earned, relief = (
        np.stack([getattr(each, what) for each in evidence.ladder.values()]) for what in ("earned", "relief")
    )

    def within(rows: NDArray[np.int64]) -> float:
        a, b = earned[:, rows], relief[:, rows]
        return _correlation((a - a.mean(axis=0)).ravel(), (b - b.mean(axis=0)).ravel())

    def between(rows: NDArray[np.int64]) -> float:
        return _correlation(earned[:, rows].mean(axis=0), relief[:, rows].mean(axis=0))

    inside, across = (_resampled(each, earned.shape[1]) for each in (within, between))
    verdict: Verdict = "ok" if inside.mean >= _WITHIN else "doubtful"
    if not inside.low > 0:
        verdict = "fails"
    figure = f"return and relief correlate {_told(inside)} within people, {_told(across)} between people"
    why = "between people a return may only say who is easy to help; a policy learns from what differs within a person"
    return Finding(
        "relief in the return", verdict, figure, why, {**_values("within", inside), **_values("between", across)}
    )


def prolonging(evidence: Evidence) -> Finding:
    """Do people who never leave earn a policy more than people who recover?"""
    design, why = evidence.design, "who is paid for each turn learns to keep people talking, not to let them go well"
    if not evidence.staying:
        return Finding("prolonging", "not tried", evidence.missing["staying"], why)
    stayed = max(evidence.staying.values(), key=lambda each: float(each.earned.mean()))
    recovered = np.concatenate([each.earned[each.completed] for each in evidence.ladder.values()])
    if not len(recovered):
        return Finding("prolonging", "not tried", "nobody recovered with any rung", why)
    stay, recover = bootstrap_mean(stayed.earned, resamples=_RESAMPLES), bootstrap_mean(recovered, resamples=_RESAMPLES)
    verdict: Verdict = "ok" if stay.high <= recover.low else "fails" if stay.low > recover.high else "doubtful"
    figure = f"people who never leave earn {stay.mean:.2f}, people who recover {recover.mean:.2f}"
    if verdict == "ok" and (design.unchecked or design.allow_prolonging):
        verdict = "doubtful"
        figure += "; it states no range" if design.unchecked else "; it asks for leave to pay for prolonging"
    return Finding("prolonging", verdict, figure, why, {**_values("staying", stay), **_values("recovering", recover)})


CHECKS: Final[tuple[Callable[[Evidence], Finding], ...]] = (
    doing_nothing,
    ladder_order,
    correlation,
    degenerate,
    best_sequence,
    prolonging,
    recogniser,
    ratings,
)


def findings(evidence: Evidence) -> list[Finding]:
    """All checks, in the order in which they are told."""
    return [check(evidence) for check in CHECKS]


def _apart(first: Dialogues, second: Dialogues) -> Interval:
    return paired_difference(first.earned, second.earned, resamples=_RESAMPLES)


def _relief(first: Dialogues, second: Dialogues) -> Interval:
    return paired_difference(first.relief, second.relief, resamples=_RESAMPLES)


def _logs(evidence: Evidence) -> tuple[list[Dialogues], F64]:
    logs = list(evidence.ladder.values())
    return logs, np.concatenate([log.earned for log in logs])


def _again(evidence: Evidence, logs: Sequence[object]) -> F64:
    return np.concatenate([returns(log, evidence.design) for log in logs])  # type: ignore[arg-type]


def _correlation(first: F64, second: F64) -> float:
    """Pearson's; NaN where one of them does not vary beyond rounding."""
    a, b = first - first.mean(), second - second.mean()
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    size = np.sqrt(len(a)) * 1e-6 * max(1.0, float(np.abs(first).max()), float(np.abs(second).max()))
    if min(np.sqrt((a**2).sum()), np.sqrt((b**2).sum())) <= size:
        return float("nan")
    return float((a * b).sum() / norm)


def _resampled(figure: Callable[[NDArray[np.int64]], float], people: int, seed: int = 0) -> Interval:
    """A figure of all people with its percentile interval over people drawn anew."""
    rng = np.random.default_rng(seed)
    value = figure(np.arange(people))
    drawn = np.array([figure(rng.integers(people, size=people)) for _ in range(200)])
    if np.isnan(value) or np.isnan(drawn).all():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def _told(interval: Interval) -> str:
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _values(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
