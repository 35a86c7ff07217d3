"""What is tuned: a search space over the fields of a training, how trials are scored, and what they may cost."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError
from rlgen.experiments.runs.training import TrainConfig
from rlgen.experiments.studies.study import Seeds, put
from rlgen.seams import written_out

TRAINED: Final = "rlgen.experiments.studies.tuning.trials:trained"
"""What a trial does by default: train, then let people meet the policy."""

Metric = Literal["return", "relief", "completed", "mean_rating", "abandoned", "cost"]
SMALLER: Final = frozenset({"abandoned", "cost"})
"""Metrics of which less is better; of the others more is."""

_STRICT: Final = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_MISSING: Final = object()


class _Range(BaseModel):
    model_config = _STRICT

    log: bool = Field(default=False, description="equal ratios are equally far apart")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.low, self.high  # type: ignore[attr-defined]
        if not low < high or (self.log and low <= 0):
            raise ValueError(f"low < high is needed, and low > 0 with log; got {low} and {high}")
        return self


class Real(_Range):
    """Real numbers from low to high."""

    kind: Literal["float"]
    low: float
    high: float
    default: float | None = Field(default=None, description="of a field that has none of its own")


class Whole(_Range):
    """Whole numbers from low to high, both included."""

    kind: Literal["int"]
    low: int
    high: int
    default: int | None = Field(default=None, description="of a field that has none of its own")


class Choice(BaseModel):
    """One of some values of any kind."""

    model_config = _STRICT

    kind: Literal["categorical"]
    choices: list[Any] = Field(min_length=2)
    default: Any = Field(default=None, description="of a field that has none of its own")


Dimension = Annotated[Real | Whole | Choice, Field(discriminator="kind")]


class TuneStudy(BaseModel):
    """Hyperparameters that are searched; every trial trains on each of some seeds.

    Attributes:
        name: of the study.
        train: fields of `TrainConfig` that all trials share; `out` and `seed` are the study's. With `eval_every` trials
            are also pruned while they train.
        space: field, dotted where it lies deeper (`ppo.learning_rate`) -> the values that it may take.
        objectives: one or several metrics; the interquartile mean over seeds of their means over people is sought.
        constraints: metric -> the most that it may be, for `cost` and `abandoned`; the least, for the others.
        trials: how many. The first has the default of every field, the next are drawn at random.
        seeds: of the trainings of a trial: how many, or which.
        people: of the realm tuning, met by each policy.
        sampler: how later trials are drawn: `tpe` (Bergstra et al., 2011, multivariate), `nsga2` (Deb et al., 2002) or
            `random`.
        startup: trials that are drawn at random before the sampler learns from them.
        pruner: which trials are left early: `median` (worse than the median at the same place), `halving`
            (Jamieson and Talwalkar, 2016) or `none`; several objectives know none.
        seed: of the search.
        finalists: how many of the best are trained again, beside the default.
        final_seeds: of these trainings; none may be of the trials'.
        final_people: of the realms validation, on whom the winner is chosen, and evaluation, on whom it is judged.
        measure: `package.module:function` that makes of a config what people had of its policy; see `trials.trained`.
        threads: of the processor, for each training.
    """

    model_config = _STRICT

    name: str = Field(default="tune", min_length=1)
    train: dict[str, Any] = {}
    space: dict[str, Dimension] = Field(min_length=1)
    objectives: tuple[Metric, ...] = Field(default=("return",), min_length=1)
    constraints: dict[Metric, float] = {}
    trials: int = Field(default=30, ge=2)
    seeds: Seeds = (0, 1, 2)
    people: int = Field(default=300, ge=2)
    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    startup: int = Field(default=10, ge=1)
    pruner: Literal["median", "halving", "none"] = "median"
    seed: int = Field(default=0, ge=0, le=2**31)
    finalists: int = Field(default=3, ge=1)
    final_seeds: Annotated[Seeds, BeforeValidator(lambda value: _after(value))] = tuple(range(1000, 1010))
    final_people: int = Field(default=1000, ge=2)
    measure: str = TRAINED
    threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.objectives) > 1 and self.pruner != "none":
            raise ValueError("several objectives cannot be pruned; set pruner: none")
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"an objective was given twice ({', '.join(self.objectives)}); give each once")
        if both := sorted({*self.seeds} & {*self.final_seeds}):
            raise ValueError(f"seed {both[0]} is of the trials and of the finals; give the finals others")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a YAML file; files that it names are looked for beside it first.

        Raises:
            ConfigError: names the file, the field, what was given and what is allowed.
        """
        made = validate(cls, {"name": path.stem, **read_yaml(path)}, str(path))
        return made.model_copy(update={"train": TrainConfig.beside(dict(made.train), path.parent)})

    def config(self, values: Mapping[str, Any], out: Path, seed: int) -> TrainConfig:
        """The training of a trial on one seed.

        Args:
            values: field of the space -> value.
            out: folder of the run.
            seed: of the training.

        Raises:
            ConfigError: it is no training config; names the field, what was given and what is allowed.
        """
        given = {"wandb_group": f"{self.name}/{out.parent.name}", **self.fields(values), "out": out, "seed": seed}
        return validate(TrainConfig, given, f"study {self.name}")

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of `TrainConfig` with those values laid over the shared ones."""
        fields = {"threads": self.threads, **copy.deepcopy(self.train)}
        for name, value in values.items():
            put(fields, name, value, f"study {self.name}")
        return fields

    def defaults(self) -> dict[str, Any]:
        """Field of the space -> its default: of the study's `train`, else the program's.

        Raises:
            ConfigError: a field that does not exist, a value that a training refuses, or a default outside the space.
        """
        where = f"study {self.name}"
        plain = self.config({}, Path("none"), 0)
        found = {}
        for name, dimension in self.space.items():
            value = dimension.default if dimension.default is not None else _held(plain, name)
            if value is _MISSING:
                raise ConfigError(f"{where}: space.{name} has no default of its own; give `default: VALUE` beside it")
            found[name] = value
            outside = (
                written_out(value) not in map(_listed, dimension.choices)
                if isinstance(dimension, Choice)
                else not isinstance(value, int | float) or not dimension.low <= value <= dimension.high
            )
            if outside:
                raise ConfigError(
                    f"{where}: the default of {name} is {value!r}, which space.{name} does not hold; let the space "
                    "hold it, or set another one in `train`"
                )
        for name, dimension in self.space.items():
            for value in dimension.choices if isinstance(dimension, Choice) else (dimension.low, dimension.high):
                self.config({**found, name: value}, Path("none"), 0)
        return found

    def better(self, metric: str, one: float, other: float) -> bool:
        """Whether one value of a metric is better than another."""
        return one < other if metric in SMALLER else one > other

    def allows(self, score: Mapping[str, float]) -> bool:
        """Whether a score keeps the constraints."""
        return all(excess <= 0 for excess in self.excess(score))

    def excess(self, score: Mapping[str, float]) -> list[float]:
        """By how much each constraint is broken; not above zero where it is kept."""
        return [
            score[name] - limit if name in SMALLER else limit - score[name] for name, limit in self.constraints.items()
        ]

    def decides(self) -> dict[str, Any]:
        """All that decides what a trial is and what it is worth, as plain data; more trials may be added later."""
        later = {"trials", "finalists", "final_seeds", "final_people"}
        found: dict[str, Any] = json.loads(self.model_dump_json(exclude=later))
        return found


def told_value(value: Any) -> str:
    """A value of the space in words."""
    return (
        f"{value:.4g}"
        if isinstance(value, float)
        else "x".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )


def _after(value: Any) -> Any:
    """So many seeds, far from those of trials."""
    return tuple(range(1000, 1000 + value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _held(config: Any, name: str) -> Any:
    """A field by its dotted name."""
    for part in name.split("."):
        if isinstance(config, Mapping):
            config = config.get(part, _MISSING)
        elif part in type(config).model_fields:
            config = getattr(config, part)
        elif config is not _MISSING:
            raise ConfigError(f"space: there is no field {name!r} of a training; `rlgen train --help` lists them")
    return _listed(config)


def packed(study: TuneStudy, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the space as Optuna keeps them."""
    return {
        name: json.dumps(value) if isinstance(study.space[name], Choice) else value for name, value in values.items()
    }


def unpacked(study: TuneStudy, params: Mapping[str, Any]) -> dict[str, Any]:
    """What Optuna keeps as values of the space, in the order of the space."""
    return {
        name: json.loads(params[name]) if isinstance(found, Choice) else params[name]
        for name, found in study.space.items()
    }
