"""How simulated people change with the assumed share of successes: a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from rlgen.experiments.display.pictures import save_png

if TYPE_CHECKING:
    from rlgen.users.calibrated.parameters import Parameters
    from rlgen.users.fidelity.crossfit import Corpus

SHARES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def plot_share(parameters: Parameters, corpus: Corpus, file: Path, seed: int) -> None:
    """Write a PNG of mean rating, exits, replies and relief over shares of successes.

    Raises:
        DataError: the picture cannot be written there.
    """
    from matplotlib.figure import Figure

    from rlgen.users.fidelity.talks import simulated_talks

    columns: dict[str, list[float]] = {"mean rating": [], "abandoned": [], "mean replies": [], "mean relief": []}
    for share in SHARES:
        talks = simulated_talks(parameters, share, corpus.readings_of_rated, seed, corpus.bank)
        columns["mean rating"].append(float(talks.value[talks.value >= 0].mean() + 1))
        columns["abandoned"].append(float(talks.abandoned.mean()))
        columns["mean replies"].append(float(talks.replies.mean()))
        columns["mean relief"].append(float(np.nanmean(talks.relief_points)))
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    units = ("points, 1-5", "share of people", "replies", "points of the survey")
    for axes, (name, values), unit in zip(figure.subplots(1, 4), columns.items(), units, strict=True):
        axes.plot(SHARES, values, marker="o", markersize=3)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("share of successes")
        axes.set_ylabel(unit)
    save_png(figure, file)
