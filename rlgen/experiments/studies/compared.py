"""What a comparison of reward designs is made from: every policy's outcomes on the same people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import DataError

F64 = NDArray[np.float64]
Curve = list[tuple[int, F64, F64, F64]]

METRICS: Final = (
    "relief", "relief_points", "mean_rating", "completed", "abandoned", "limit", "length", "cost", "engagement",
    "return",
)  # fmt: skip


@dataclass(frozen=True)
class TrainedRun:
    """One policy of a design.

    Attributes:
        path: its run's folder; empty for a baseline.
        seed: of the training.
        step: how far it was trained, in environment steps.
        of: how many steps the training was to take.
        policy: sha256 of its weights; empty where it has none.
        config: hash of its run's config; empty for a baseline.
        command: what trained it.
    """

    path: str = ""
    seed: int = 0
    step: int = 0
    of: int = 0
    policy: str = ""
    config: str = ""
    command: str = ""


@dataclass(frozen=True)
class Trained:
    """The policies of one design, or one baseline.

    Attributes:
        description: of the design, a sentence.
        kind: a baseline has one policy, and no seed to be a sample of.
        runs: S of them, in the order of the rows of the tables.
    """

    description: str
    runs: tuple[TrainedRun, ...]
    kind: Literal["design", "baseline"] = "design"


@dataclass(frozen=True)
class SamePerson:
    """One person's dialogues with the policies of two designs.

    Attributes:
        person: number of the person.
        rule: by which the person was chosen.
        under: design -> its turns as in `dialogues.jsonl`, the last with its `outcome`; two of them.
    """

    person: int
    rule: str
    under: Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Compared:
    """Outcomes of all policies, which met the same P persons.

    Attributes:
        env: id of the environment.
        people: how many persons, P, of the realm evaluation.
        people_seed: of these persons.
        world: hash of the config of the world that they were met in.
        told: a sentence on that world and its people.
        designs: by name; S policies each, one for a baseline.
        outcomes: design -> metric (`METRICS`) -> `[S, P]`; NaN where it is unknown or there is none.
        yardsticks: design -> design by whose reward it is measured -> `[S, P]`, undiscounted return of its dialogues.
        curves: design -> for each iteration of the training its step, mean return `[S]` by the design's own reward,
            mean relief `[S]`, and how far the policy was from the one that it began as, `[S]` in nats a turn; NaN where
            unknown.
        dialogues: the same persons under two designs.
        program: what measured them, for the page's end.
        command: the command that measured them.
    """

    env: str
    people: int
    people_seed: int
    world: str
    told: str
    designs: Mapping[str, Trained]
    outcomes: Mapping[str, Mapping[str, F64]]
    yardsticks: Mapping[str, Mapping[str, F64]] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    dialogues: tuple[SamePerson, ...] = ()
    program: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def __post_init__(self) -> None:
        """Check that all tables are of these policies and people.

        Raises:
            DataError: a table is missing or of another shape.
        """
        if not self.trained:
            raise DataError("a comparison: there is no reward design in it; name at least one run or study")
        for name, design in self.designs.items():
            if name not in self.outcomes:
                raise DataError(f"a comparison: nothing was measured of {name!r}; evaluate its policies too")
            for table, found in {**self.outcomes[name], **self.yardsticks.get(name, {})}.items():
                if np.shape(found) != (len(design.runs), self.people):
                    raise DataError(
                        f"a comparison: {table} of {name!r} has shape {np.shape(found)}, and {len(design.runs)} "
                        f"policies met {self.people} people; measure all policies on the same people"
                    )

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the designs, without the baselines."""
        return tuple(name for name, design in self.designs.items() if design.kind == "design")

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines."""
        return tuple(name for name, design in self.designs.items() if design.kind == "baseline")

    def tables(self, metric: str) -> dict[str, F64]:
        """Design -> `[S, P]` of a metric, of the designs that have it."""
        return {name: self.outcomes[name][metric] for name in self.designs if metric in self.outcomes[name]}

    def measured_by(self, yardstick: str) -> dict[str, F64]:
        """Design -> `[S, P]` return by a design's reward, of the designs that were measured by it."""
        found = {name: self.yardsticks.get(name, {}) for name in self.designs}
        return {name: tables[yardstick] for name, tables in found.items() if yardstick in tables}
