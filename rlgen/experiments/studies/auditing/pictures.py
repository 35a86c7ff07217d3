"""Pictures of reward designs: how far they are apart, and what they pay for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rlgen.experiments.studies.auditing.evidence import Evidence
    from rlgen.rewards.distances import Distances

_INK: Final = "#1f2430"


def matrices(found: Mapping[str, Distances]) -> Figure:
    """A square for each kind of distance, designs along both sides, with the figures in it.

    Args:
        found: kind -> distances of the same designs.
    """
    from matplotlib.figure import Figure

    names = next(iter(found.values())).names
    side = 0.8 + 0.62 * len(names)
    figure = Figure(figsize=(2.6 + side * len(found), side + 1.4), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    image = None
    for place, (kind, of) in enumerate(found.items()):
        axis = axes[place]
        image = axis.imshow(of.value, cmap="Blues", vmin=0.0, vmax=1.0)
        axis.set_title(kind.upper(), color=_INK, fontsize=11)
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
        axis.set_yticks(range(len(names)), names if place == 0 else [""] * len(names), fontsize=8)
        axis.tick_params(length=0)
        for spine in axis.spines.values():
            spine.set_visible(False)
        for i, row in enumerate(of.value):
            for j, value in enumerate(row):
                told = "?" if value != value else f"{value:.2f}"
                axis.text(
                    j,
                    i,
                    told,
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color=_INK if value < 0.6 or value != value else "white",
                )
    if image is not None:
        bar = figure.colorbar(image, ax=axes.tolist(), shrink=0.75, pad=0.01)
        bar.set_ticks([0.0, 0.71, 1.0], labels=["0 the same", ".71 unrelated", "1 opposite"])
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8)
    return figure


def paid_and_helped(evidence: Evidence) -> Figure:
    """Policies by what they are paid and by the relief that they bring; up and to the right is as it should be."""
    from matplotlib.figure import Figure

    groups = {
        "rules, on readings": (evidence.ladder, "#2b5c8a", "o"),
        "best sequence found": (
            {} if evidence.sequence is None else {"best sequence": evidence.sequence},
            "#c0392b",
            "*",
        ),
        "supporters on words": (evidence.words, "#c98a1b", "s"),
    }
    figure = Figure(figsize=(7.5, 5.0), layout="constrained")
    axis = figure.subplots()
    for label, (met, colour, marker) in groups.items():
        if not met:
            continue
        paid, helped = ([float(getattr(each, what).mean()) for each in met.values()] for what in ("earned", "relief"))
        axis.scatter(paid, helped, s=120 if marker == "*" else 42, c=colour, marker=marker, label=label, zorder=3)
        for x, y, name in zip(paid, helped, met, strict=True):
            beside = (6, -10) if marker == "s" else (6, 4)
            axis.annotate(name, (x, y), xytext=beside, textcoords="offset points", fontsize=8, color=_INK)
    axis.axhline(0.0, color="#bbbbbb", linewidth=0.8, zorder=1)
    axis.set_xlabel(f"return by {evidence.design.name}")
    axis.set_ylabel("relief, -1 to 1")
    axis.margins(0.15)
    axis.legend(frameon=False, fontsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure
