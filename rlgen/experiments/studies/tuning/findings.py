"""From trials and finals to what they say: finalists, importance, sensitivity, the verdict, the preset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from rlgen.experiments.display.numbers import signed
from rlgen.experiments.provenance import config_hash, program
from rlgen.experiments.statistics import Estimate, difference, estimate, resample
from rlgen.experiments.studies.tuning.study import SMALLER, Choice, TuneStudy, packed, told_value, unpacked
from rlgen.experiments.studies.tuning.trials import distribution, score_of

if TYPE_CHECKING:
    import optuna

_BINS = 4  # of a number's trials, for its sensitivity
_FEW = 5  # trials below which nothing is said of the space


@dataclass(frozen=True)
class Found:
    """A trial.

    Attributes:
        number: of it.
        state: `complete`, `pruned` or `fail`.
        by: what drew it: `default`, `random`, or the sampler.
        values: field of the space -> value.
        score: metric -> interquartile mean over seeds; empty where it was not trained to its end.
        reached: of the first objective, where it was left.
        failed: why it has no score.
    """

    number: int
    state: str
    by: str
    values: dict[str, Any]
    score: dict[str, float] = field(default_factory=dict)
    reached: float = math.nan
    failed: str = ""

    @property
    def name(self) -> str:
        """For tables."""
        return f"trial {self.number}"

    @classmethod
    def of(cls, study: TuneStudy, trial: optuna.trial.FrozenTrial) -> Found:
        """From what Optuna keeps."""
        told, state = trial.user_attrs, trial.state.name.lower()
        score = score_of(told["scores"]) if state == "complete" else {}
        places = sorted(trial.intermediate_values)
        reached = trial.intermediate_values[places[-1]] if places else math.nan
        values = unpacked(study, trial.params)
        return cls(trial.number, state, told.get("by", ""), values, score, reached, told.get("failed", ""))


def ranked(study: TuneStudy, trials: Sequence[Found]) -> list[Found]:
    """Trials that were trained to their end and keep the constraints, best first.

    With several objectives those come first that no other is better than in all (the Pareto front), by the first one.
    """
    first = study.objectives[0]
    able = [each for each in trials if each.score and study.allows(each.score)]
    able.sort(key=lambda each: each.score[first], reverse=first not in SMALLER)
    if len(study.objectives) == 1:
        return able
    front = [each for each in able if not any(_dominates(study, other, each) for other in able)]
    return front + [each for each in able if each not in front]


def _dominates(study: TuneStudy, one: Found, other: Found) -> bool:
    pairs = [(name, one.score[name], other.score[name]) for name in study.objectives]
    no_worse = all(not study.better(name, theirs, ours) for name, ours, theirs in pairs)
    return no_worse and any(study.better(name, ours, theirs) for name, ours, theirs in pairs)


def finalists(study: TuneStudy, trials: Sequence[Found]) -> list[Found]:
    """The best trials that differ from the default and from each other."""
    chosen: list[Found] = []
    for each in ranked(study, trials):
        if each.by != "default" and all(each.values != other.values for other in chosen):
            chosen.append(each)
    return chosen[: study.finalists]


def importance(study: TuneStudy, trials: Sequence[Found]) -> dict[str, float]:
    """Share of each field in what tells the best tenth of the trials from all (PED-ANOVA, Watanabe et al., 2023).

    Of the first objective; empty where there are too few trials, or all are alike.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    scored = [each for each in trials if each.score]
    first = study.objectives[0]
    if len(scored) < max(_FEW, len(study.space) + 1) or len({each.score[first] for each in scored}) < 2:
        return {}
    known = optuna.create_study(direction="minimize" if first in SMALLER else "maximize")
    of = {name: distribution(dimension) for name, dimension in study.space.items()}
    for each in scored:
        params = packed(study, each.values)
        known.add_trial(optuna.trial.create_trial(value=each.score[first], params=params, distributions=of))
    shares = get_param_importances(known, evaluator=PedAnovaImportanceEvaluator())
    return {name: round(float(share), 4) for name, share in shares.items()}


def sensitivity(study: TuneStudy, trials: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """How the first objective goes with each field, the others being what the trials made of them.

    Returns:
        field -> `levels` (value in words, trials, mean score), `spread` (largest mean less smallest), and for numbers
        `rank` (Spearman's correlation).
    """
    first = study.objectives[0]
    scored = [each for each in trials if each.score]
    found: dict[str, dict[str, Any]] = {}
    for name, dimension in study.space.items() if len(scored) >= _FEW else ():
        score = np.array([each.score[first] for each in scored])
        values = [each.values[name] for each in scored]
        if isinstance(dimension, Choice):
            groups = [(told_value(choice), [i for i, v in enumerate(values) if v == choice])
                      for choice in dimension.choices]  # fmt: skip
            rank = None
        else:
            order = np.argsort(values, kind="stable")
            parts = [part for part in np.array_split(order, min(_BINS, len(order) // 2)) if len(part)]
            groups = [(f"{told_value(values[part[0]])} to {told_value(values[part[-1]])}", part.tolist())
                      for part in parts]  # fmt: skip
            rank = float(stats.spearmanr(values, score).statistic) if len(set(values)) > 1 else math.nan
        means = [round(float(score[chosen].mean()), 4) for _, chosen in groups if chosen]
        counts = [(told, len(chosen)) for told, chosen in groups if chosen]
        levels = [
            {"at": told, "trials": number, "score": mean} for (told, number), mean in zip(counts, means, strict=True)
        ]
        found[name] = {"levels": levels, "spread": round(max(means) - min(means), 4)}
        if rank is not None:
            found[name]["rank"] = None if math.isnan(rank) else round(rank, 3)
    return dict(sorted(found.items(), key=lambda item: -item[1]["spread"]))


def found(
    study: TuneStudy,
    trials: Sequence[Found],
    defaults: Mapping[str, Any],
    judged: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    """All that a study says, as plain data.

    The winner is chosen on people of the realm validation, and told of on those of the realm evaluation. Intervals of
    differences are of level 1 - .05 / k for k finalists, so that all of them hold together (Bonferroni).

    Args:
        study: what was tuned.
        trials: all of them.
        defaults: field of the space -> default.
        judged: `default` and the finalists -> realm -> metric -> `[S, P]`.
    """
    first = study.objectives[0]
    level = 1 - 0.05 / max(len(judged) - 1, 1)
    chosen_on = {name: tables["validation"][first].mean() for name, tables in judged.items() if name != "default"}
    best = (min if first in SMALLER else max)(chosen_on, key=chosen_on.__getitem__)
    figures: dict[str, Any] = {name: {} for name in judged}
    apart: dict[str, Any] = {name: {} for name in judged if name != "default"}
    estimates: dict[str, Estimate] = {}
    for metric in next(iter(judged.values()))["evaluation"]:
        tables = {name: of["evaluation"][metric] for name, of in judged.items()}
        if any(np.isnan(table).all() for table in tables.values()):
            continue  # nobody knows it of these people
        drawn = resample(tables)
        for name, one in drawn.items():
            figures[name][metric] = _told(estimate(one))
            if name != "default":
                gap = difference(one, drawn["default"], level)
                apart[name][metric] = _told(gap)
                if metric == first and name == best:
                    estimates[name] = gap
    values = {each.name: each.values for each in trials}
    ahead = _sign(study, estimates[best]) > 0
    return {
        "study": study.name,
        "hash": config_hash(study.decides()),
        "objectives": list(study.objectives),
        "constraints": dict(study.constraints),
        "trials": [
            {"number": t.number, "state": t.state, "by": t.by, "values": t.values, "score": _plain(t.score),
             "failed": t.failed} for t in trials
        ],
        "searched": {"trials": len(trials), "seeds": list(study.seeds), "people": study.people, "realm": "tuning"},
        "importance": importance(study, trials),
        "sensitivity": sensitivity(study, trials),
        "finals": {
            "seeds": list(study.final_seeds),
            "people": study.final_people,
            "values": {"default": dict(defaults), **{name: values[name] for name in apart}},
            "figures": figures,
            "minus_default": apart,
            "level": round(level, 4),
        },
        "best": best,
        "winner": best if ahead else "default",
        "verdict": verdict(study, best, estimates[best], level),
        "program": program(),
    }  # fmt: skip


def verdict(study: TuneStudy, best: str, gap: Estimate, level: float) -> str:
    """What the interval of the best finalist says of it beside the default, and no more."""
    first = study.objectives[0]
    over = f"{len(study.final_seeds)} seeds and {study.final_people:,} people that the search never met"
    if gap.over != "seeds and people":
        return (
            f"{best} minus the default: {signed(gap.mean, 3)} {first}, on {study.final_people:,} people and one seed. "
            "Of other seeds nothing can be said, and no interval over them is given: train on more (final_seeds)."
        )
    told = (
        f"{signed(gap.mean, 3)} {first} [{signed(gap.low, 3)}, {signed(gap.high, 3)}], {level:.1%} interval, on {over}"
    )
    sign = _sign(study, gap)
    if sign > 0:
        return f"{best} is better than the default: {told}."
    if sign < 0:
        return f"{best} is worse than the default: {told}. The default stays."
    return f"{best} and the default are not told apart: {told}. The default stays."


def _sign(study: TuneStudy, gap: Estimate) -> int:
    """1 where better, -1 where worse, 0 where the interval does not tell, or is not over seeds."""
    if gap.over != "seeds and people":
        return 0
    sign = int(gap.low > 0) - int(gap.high < 0)
    return -sign if study.objectives[0] in SMALLER else sign


def preset(study: TuneStudy, result: Mapping[str, Any], command: str) -> dict[str, Any]:
    """The winner as a preset: fields of a training, and where they come from.

    Args:
        study: what was tuned.
        result: as of `found`.
        command: that found it.
    """
    values = result["finals"]["values"][result["winner"]]
    shared = study.fields(values)
    of_space = {name.partition(".")[0] for name in study.space}
    train = {name: shared[name] for name in shared if name in {"env", "num_envs", "ppo"} | of_space}
    return {
        "train": train,
        "provenance": {
            "command": command,
            "study": {"name": study.name, "hash": result["hash"], "train": dict(study.train)},
            "trials": len(result["trials"]),
            "seeds": result["searched"]["seeds"],
            "people": result["searched"]["people"],
            "final_seeds": len(study.final_seeds),
            "final_people": study.final_people,
            "winner": result["winner"],
            "verdict": result["verdict"],
            "minus_default": result["finals"]["minus_default"].get(result["winner"], {}),
            "program": result["program"],
        },
    }


def _told(found: Estimate) -> dict[str, Any]:
    """For JSON; without an interval where there is one seed, of which others could have been."""
    over_seeds = found.over == "seeds and people"
    ends = {"low": found.low, "high": found.high} if over_seeds else {"low": math.nan, "high": math.nan}
    return {**_plain({"mean": found.mean, **ends}), "over": found.over}


def _plain(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(value, 6) if math.isfinite(value) else None for name, value in values.items()}
