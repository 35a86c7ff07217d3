"""Jobs of a tuning: a trial, seed by seed, and a training of the finals; each goes on where a killed one stopped."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import ConfigError, RlgenError
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.experiments.files.whole import read_json, write_atomically
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.training import Prune, TrainConfig
from rlgen.experiments.statistics import interquartile_mean
from rlgen.experiments.studies.sweep import train_patiently
from rlgen.experiments.studies.tuning.study import SMALLER, Choice, Dimension, TuneStudy, Whole, unpacked
from rlgen.policies.trained import Trained
from rlgen.rng import Realm
from rlgen.seams import find

if TYPE_CHECKING:
    import optuna

METRICS: Final = ("return", "relief", "completed", "mean_rating", "abandoned", "cost")
_JOURNAL: Final = "journal.log"
_JUDGES: Final = 10**6  # seed of the people: far from those of trainings, whose validations meet others of the realm
_ROWS: Final = {True: 64, False: 512}  # dialogues at once with and without words


class Measure(Protocol):
    """What a trial is measured by."""

    def __call__(
        self, config: TrainConfig, people: int, realms: tuple[Realm, ...], prune: Prune | None
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]] | None:
        """What people had of the policy that a config trains.

        Args:
            config: of the training, whose `out` is a folder of its own; asked again, it goes on there.
            people: how many are met.
            realms: for each of which they are met.
            prune: to be called while it trains, with a step and the metrics so far; True: leave it.

        Returns:
            realm -> metric -> `[P]`, the same persons in all calls; None where it was left or stopped.
        """


def trained(
    config: TrainConfig, people: int, realms: tuple[Realm, ...], prune: Prune | None
) -> Mapping[str, Mapping[str, NDArray[np.float64]]] | None:
    """Train a policy, and let people meet it; see `Measure`."""
    if not train_patiently(config, prune).finished:
        return None
    worlds = config.world_config()
    world = config.make_world(min(people, _ROWS[worlds.has_words]))
    try:
        actor = Trained.load(Run(config.out).policy)
        found = {realm: evaluate(world, actor, people, _JUDGES, realm=realm).values for realm in realms}
    finally:
        world.close()
    return {realm: {name: values[name] for name in METRICS} for realm, values in found.items()}


@contextmanager
def opened(study: TuneStudy, folder: Path) -> Iterator[optuna.Study]:
    """The trials so far, in a journal that several processes write at once; it is begun where there is none.

    Args:
        study: what is tuned.
        folder: of the study.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a place was told already, and that samplers are experimental
        yield optuna.create_study(
            study_name=study.name,
            storage=JournalStorage(JournalFileBackend(str(folder / _JOURNAL))),
            load_if_exists=True,
            directions=["minimize" if name in SMALLER else "maximize" for name in study.objectives],
            sampler=sampler_of(study, 0),
            pruner=_pruner(study),
        )


def sampler_of(study: TuneStudy, number: int) -> optuna.samplers.BaseSampler:
    """One for each trial, seeded by its number: a search that was stopped goes on as if it had not been."""
    from optuna import samplers

    def excess(trial: optuna.trial.FrozenTrial) -> list[float]:
        return list(trial.user_attrs.get("excess") or [1.0] * len(study.constraints))

    seed = int(np.random.SeedSequence([study.seed, number]).generate_state(1)[0])
    constraints: Any = {"constraints_func": excess} if study.constraints else {}
    if study.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    if study.sampler == "nsga2":
        return samplers.NSGAIISampler(population_size=study.startup, seed=seed, **constraints)
    return samplers.TPESampler(
        n_startup_trials=study.startup, multivariate=True, group=False, constant_liar=True, seed=seed, **constraints
    )


def distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    """A dimension of the space as Optuna has it; a choice is told by its JSON."""
    from optuna import distributions

    if isinstance(dimension, Choice):
        return distributions.CategoricalDistribution([json.dumps(choice) for choice in dimension.choices])
    if isinstance(dimension, Whole):
        return distributions.IntDistribution(dimension.low, dimension.high, log=dimension.log)
    return distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _pruner(study: TuneStudy) -> optuna.pruners.BasePruner:
    from optuna import pruners

    if study.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=min(5, study.startup), n_warmup_steps=0, n_min_trials=3)
    if study.pruner == "halving":
        return pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return pruners.NopPruner()


def score_of(scores: list[dict[str, float]]) -> dict[str, float]:
    """Interquartile mean over seeds of each metric."""
    return {name: float(interquartile_mean(np.array([score[name] for score in scores]))) for name in scores[0]}


def trial(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A job: draw a trial, or go on with one, and tell what it is worth.

    Args:
        spec: `study`, `folder`, `job` (a name of its own) and `number`, of a trial to go on with; None.

    Returns:
        `number`, `state` (`complete`, `pruned`, `fail`, or `stopped`, which can go on).
    """
    from optuna.trial import Trial, TrialState

    study, folder = TuneStudy.model_validate(spec["study"]), Path(spec["folder"])
    with opened(study, folder) as known:
        trials = known.trials
        mine = [each for each in trials if spec["number"] in (None, each.number) and spec["job"] in _jobs(each, spec)]
        if mine and mine[0].state.is_finished():  # whoever did it died before saying so
            return {"number": mine[0].number, "state": mine[0].state.name.lower()}
        drawn = Trial(known, mine[0]._trial_id) if mine else known.ask()
        drawn.set_user_attr("job", spec["job"])
        known.sampler = sampler_of(study, drawn.number)
        for name, dimension in study.space.items():
            drawn._suggest(name, distribution(dimension))
        if "by" not in drawn.user_attrs:
            seen = sum(each.state in (TrialState.COMPLETE, TrialState.PRUNED) for each in trials)
            by = "default" if drawn.number == 0 else "random" if seen < study.startup else study.sampler
            drawn.set_user_attr("by", by)
        state = _Trial(study, folder, known, drawn).run()
    return {"number": drawn.number, "state": state}


def _jobs(found: optuna.trial.FrozenTrial, spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """Jobs to which a trial belongs: the one that drew it, and the one that is to go on with it."""
    return found.user_attrs.get("job"), spec["job"] if spec["number"] == found.number else None


class _Trial:
    """One trial: its trainings seed by seed, told to the pruner at every validation and at every seed's end."""

    def __init__(self, study: TuneStudy, folder: Path, known: optuna.Study, drawn: optuna.trial.Trial) -> None:
        self._study, self._known, self._drawn = study, known, drawn
        self._folder = folder / "trials" / f"{drawn.number:04d}"
        self._values = unpacked(study, drawn.params)
        self._scores: list[dict[str, float]] = list(drawn.user_attrs.get("scores", []))
        self._left = False

    def run(self) -> str:
        """How it ended."""
        from optuna.trial import TrialState

        try:
            stopped = self._train()
        except RlgenError as error:  # these values cannot be trained with, or the training diverged
            if isinstance(error, ConfigError) and any(self._folder.glob("*/manifest.json")):
                raise  # what was trained before cannot go on, which is not the values' fault
            self._drawn.set_user_attr("failed", str(error))
            self._known.tell(self._drawn, state=TrialState.FAIL)
            return "fail"
        if stopped:
            return "stopped"
        if self._left:
            self._known.tell(self._drawn, state=TrialState.PRUNED)
            return "pruned"
        score = score_of(self._scores)
        if unknown := [name for name in (*self._study.objectives, *self._study.constraints) if np.isnan(score[name])]:
            self._drawn.set_user_attr("failed", f"nobody knows {unknown[0]} of these people")
            self._known.tell(self._drawn, state=TrialState.FAIL)
            return "fail"
        self._drawn.set_user_attr("excess", self._study.excess(score))
        self._known.tell(self._drawn, [score[name] for name in self._study.objectives])
        return "complete"

    def _train(self) -> bool:
        """Whether it was stopped from outside."""
        measure: Measure = find(self._study.measure)
        for at, seed in enumerate(self._study.seeds):
            if at < len(self._scores):
                continue
            config = self._study.config(self._values, self._folder / f"seed-{seed}", seed)
            places = 0 if config.eval_every is None else config.steps // config.eval_every
            first = at * (places + 1)

            prune: Prune | None = None
            if config.eval_every is not None and self._study.pruner != "none":
                prune = partial(self._look, first, config.eval_every)
            found = measure(config, self._study.people, ("tuning",), prune)
            if found is None:
                return not self._left
            self._scores.append({name: _mean(values) for name, values in found["tuning"].items()})
            self._drawn.set_user_attr("scores", self._scores)
            if at + 1 < len(self._study.seeds) and self._worse(first + places, {}):
                return False
        return False

    def _look(self, first: int, every: int, step: int, found: Mapping[str, float | None]) -> bool:
        return self._worse(first + max(step // every - 1, 0), found)

    def _worse(self, place: int, now: Mapping[str, float | None]) -> bool:
        """Tell where the trial stands, with the seed that is trained now; whether it is to be left."""
        metric = self._study.objectives[0]
        if self._study.pruner == "none":
            return False
        scores = [score[metric] for score in self._scores]
        if now:
            value = now.get(metric)
            scores.append(float("nan") if value is None else value)
        self._drawn.report(float(interquartile_mean(np.array(scores))), place)
        self._left = self._drawn.should_prune()
        return self._left


def _mean(values: NDArray[np.float64]) -> float:
    """Over those whose value is known; NaN where nobody's is."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def final(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A job: a training of the finals, judged on people of two realms.

    Args:
        spec: `study`, `values`, `out`, `seed`.

    Returns:
        `finished`, and `judged`: realm -> metric -> values by person.
    """
    study, out = TuneStudy.model_validate(spec["study"]), Path(spec["out"])
    place = out.parent / f"{out.name}-{study.final_people}.json"
    if place.is_file():
        return {"finished": True, "judged": read_json(place)}
    measure: Measure = find(study.measure)
    found = measure(
        study.config(spec["values"], out, spec["seed"]), study.final_people, ("validation", "evaluation"), None
    )
    if found is None:
        return {"finished": False, "judged": None}
    judged = {realm: {name: np.asarray(v).tolist() for name, v in values.items()} for realm, values in found.items()}
    write_atomically(place, json.dumps(judged))
    return {"finished": True, "judged": judged}
