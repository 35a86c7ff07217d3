"""Regret: do distances between rewards foretell what it costs to train on the wrong one?

    rlgen reward distance --out DISTANCES
    rlgen compare STUDY --out COMPARISON
    python -m benchmarks.regret --distances DISTANCES --compared COMPARISON

For every two designs A and B, what policies trained on A lack by B's reward of those that do best by it, as a share of
what lies between the best and the worst: their regret. Spearman's correlation of it with each distance; its p comes
from designs that change places (Mantel, Cancer Res. 27, 1967), its range from leaving out one design at a time. Beside
it stands the trivial distance: how little returns by A and by B go together over the dialogues of the baselines.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import Field
from scipy.stats import spearmanr

from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.files.whole import read_json
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.statistics import F64

_SHUFFLED: Final = 5_000
TRIVIAL: Final = "returns"


class RegretOptions(TableOptions):
    """Correlation of distances between rewards with the regret of policies trained on one and scored by the other."""

    distances: Path = Field(description="folder that `rlgen reward distance --out` wrote")
    compared: Path = Field(description="folder that `rlgen compare` wrote")
    seed: int = Field(default=0, ge=0, description="of the designs that change places")


def main(argv: Sequence[str]) -> int:
    """Print a row for each distance."""
    options = parse(RegretOptions, argv, "python -m benchmarks.regret")
    told = read_json(options.distances / "distances.json")
    compared = read_json(options.compared / "comparison.json")
    names = [name for name in told["designs"] if name in compared["yardsticks"]]
    if len(names) < 4:
        raise ConfigError(
            f"{options.distances} and {options.compared} have {len(names)} designs in common; at least 4 are needed"
        )
    places = [told["designs"].index(name) for name in names]
    found = {
        kind: np.array(of["value"], dtype=np.float64)[np.ix_(places, places)] for kind, of in told["distances"].items()
    }
    found[TRIVIAL] = uncorrelated(options.compared / "comparison.csv", names)
    lost = regret({by: {of: compared["yardsticks"][by][of]["mean"] for of in names} for by in names})
    measured = {kind: foretold(distance, lost, options.seed) for kind, distance in found.items()}
    rows = []
    for kind, (rho, p, ends) in measured.items():
        unit = f"Spearman, p {p:.4f}, a design left out {ends[0]:.2f} to {ends[1]:.2f}"
        rows.append(Row(kind, rho, unit, None if kind == TRIVIAL else measured[TRIVIAL][0]))
    show("regret", rows, options.as_json)
    return 0


def regret(returns: Mapping[str, Mapping[str, float]]) -> F64:
    """`[D, D]`: what training on the row's design costs by the column's reward, in [0, 1].

    Args:
        returns: reward -> design that was trained on -> mean return by that reward.
    """
    table = np.array([[of[name] for name in returns] for of in returns.values()])  # reward, trained on
    best, worst = table.max(axis=1, keepdims=True), table.min(axis=1, keepdims=True)
    return np.asarray(((best - table) / (best - worst)).T)


def uncorrelated(table: Path, names: Sequence[str]) -> F64:
    """`[D, D]`: the root of half of one less the correlation of returns, over the dialogues of the baselines."""
    with table.open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["return"] == "nan"]  # a baseline has no own reward
    returns = np.array([[float(line[f"return by {name}"]) for name in names] for line in lines])
    if len(returns) < 2:
        raise ConfigError(f"{table} has no dialogues of baselines; compare with the ladder (no --no-ladder)")
    return np.asarray(np.sqrt(np.clip(1 - np.corrcoef(returns.T), 0.0, 2.0) / 2))


def foretold(distance: F64, lost: F64, seed: int = 0) -> tuple[float, float, tuple[float, float]]:
    """Spearman's correlation over ordered pairs; p against designs in another order; range without one design each."""
    count = len(lost)

    def rank(order: Any, kept: Any) -> float:
        away = ~np.eye(len(kept), dtype=bool)
        x, y = distance[np.ix_(order, order)][np.ix_(kept, kept)][away], lost[np.ix_(kept, kept)][away]
        known = np.isfinite(x) & np.isfinite(y)
        return float(spearmanr(x[known], y[known]).statistic)

    whole = np.arange(count)
    rho = rank(whole, whole)
    draw = np.random.default_rng(seed)
    chance = [rank(draw.permutation(count), whole) for _ in range(_SHUFFLED)]
    p = (1 + sum(value >= rho for value in chance)) / (1 + _SHUFFLED)
    left = [rank(whole, np.delete(whole, i)) for i in range(count)]
    return rho, p, (min(left), max(left))


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.regret", main, sys.argv[1:]))
