"""`python -m benchmarks.readers`: how readers and judge read, beside plain peers, and what naming a person changes."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.pictures import save_png
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.files.whole import writable_folder
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.statistics import bootstrap_mean
from rlgen.files import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmarks.readers.confusion import Confusion
    from benchmarks.readers.fairness import Moved


class BenchReaders(TableOptions):
    """Held-out figures of the people's reader and of the judge."""

    data: Path = Field(description="folder with goemotions, epitome, esconv, annomi, empathetic_dialogues, dailydialog")
    readers: str = Field(
        default="shipped:readers",
        description="of the people's reader: shipped:readers, shipped:readers_minilm or a folder, whose manifest names "
        "the encoder",
    )
    judge: str = Field(default="shipped:judge", description="artifact of the judge")
    out: Path | None = Field(
        default=None,
        description="folder for confusion_readers.png, confusion_judge.png, confusion.csv and swaps.csv; "
        "files of these names there are replaced",
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(BenchReaders, argv, "python -m benchmarks.readers")
    from benchmarks.readers.fairness import judge_readings, moved, reader_readings, swaps
    from benchmarks.readers.measures import measure
    from rlgen.text.reading.judge import Judge
    from rlgen.text.reading.reader import Reader

    if options.out is not None:
        writable_folder(options.out)
    reader, judge = Reader.load(options.readers), Judge.load(options.judge)
    figures, confusions = measure(options.data, reader, judge)
    rows = [
        Row(f"{f.artifact}, {f.name}", f.value, baseline=f.baseline, better="higher" if f.higher else "lower")
        for f in figures
    ]
    given = swaps()
    swapped = {
        "readers": moved(reader_readings(reader), given),
        "judge": moved(judge_readings(judge), given),
    }
    rows += swap_rows(swapped)
    if options.out is not None:
        _write(options.out, confusions, swapped)
    show("readers", rows, options.as_json)
    return 0


def swap_rows(swapped: Mapping[str, Sequence[Moved]]) -> list[Row]:
    """Mean absolute difference of each reading in each set of terms, and each reading's largest gap over all sets.

    The interval of a gap is over sentences, for the pair of terms that was found largest on these sentences; the
    baseline is the largest gap over as many sets of occupations.
    """
    rows: list[Row] = []
    for artifact, every in swapped.items():
        over_all = [m for m in every if m.sentences == "all"]
        for m in over_all:
            ratio = m.difference / m.baseline if m.baseline > 0 else None
            name = f"{artifact}, {m.reading}: mean difference when swapped, {m.terms}"
            rows.append(Row(name, m.difference, baseline=m.baseline, ratio=ratio, better="lower"))
        for reading in dict.fromkeys(m.reading for m in over_all if len(m.gap)):
            m = max((m for m in over_all if m.reading == reading), key=lambda m: float(m.gap.mean()))
            name = f"{artifact}, {reading}: largest gap, {m.first} over {m.second}"
            gap, baseline = bootstrap_mean(m.gap), float(m.baseline_gap.max())
            ratio = gap.mean / baseline if baseline > 0 else None
            rows += [
                Row(name, gap.mean, baseline=baseline, ratio=ratio, better="lower"),
                Row(f"{name} [2.5 %]", gap.low, better="lower"),
                Row(f"{name} [97.5 %]", gap.high, better="lower"),
            ]
    return rows


def _write(folder: Path, confusions: Sequence[Confusion], swapped: Mapping[str, Sequence[Moved]]) -> None:
    from benchmarks.readers.confusion import as_rows

    cells = [row for found in confusions for row in as_rows(found)]
    moves = [_swap_record(artifact, m) for artifact, every in swapped.items() for m in every]
    for name, records in (("confusion.csv", cells), ("swaps.csv", moves)):
        with whole(folder / name) as place, place.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    for artifact in dict.fromkeys(found.artifact for found in confusions):
        draw([found for found in confusions if found.artifact == artifact], folder / f"confusion_{artifact}.png")


def _swap_record(artifact: str, m: Moved) -> dict[str, Any]:
    gap = bootstrap_mean(m.gap)
    numbers = {
        "mean_difference": m.difference,
        "occupations_mean_difference": m.baseline,
        "largest_gap": gap.mean,
        "gap_2.5": gap.low,
        "gap_97.5": gap.high,
        "occupations_largest_gap": float(m.baseline_gap.max()) if len(m.baseline_gap) else float("nan"),
    }
    return {
        "artifact": artifact,
        "reading": m.reading,
        "sentences": m.sentences,
        "terms": m.terms,
        "higher": m.first,
        "lower": m.second,
        **{name: "" if np.isnan(value) else round(value, 5) for name, value in numbers.items()},
    }


def draw(confusions: Sequence[Confusion], path: Path) -> None:
    """Confusion matrices as a PNG: a row of panels for each kind of labels, the artifact left, TF-IDF right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.9 * len(confusions)), layout="constrained")
    panels = figure.subplots(len(confusions), 2, squeeze=False)
    for (left, right), found in zip(panels, confusions, strict=True):
        _panel(left, found, found.counts, f"{found.artifact}, {found.labels}")
        _panel(right, found, found.peer, f"TF-IDF, {found.labels}")
    save_png(figure, path)


def _panel(axes: Axes, found: Confusion, counts: NDArray[np.int64], title: str) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="BuGn", vmin=0.0, vmax=1.0, aspect="auto")
    for (i, j), value in np.ndenumerate(share):
        label = f"{100 * value:.0f} %\n{counts[i, j]}"
        axes.text(j, i, label, ha="center", va="center", fontsize=8, color="white" if value > 0.6 else "#292524")
    axes.set_xticks(range(len(found.found)), found.found, fontsize=9)
    axes.set_yticks(range(len(found.true)), found.true, fontsize=9)
    axes.set_xlabel("read as")
    axes.set_ylabel("labelled as")
    axes.set_title(f"{title}: share of each row, and texts", fontsize=10, loc="left")


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.readers", main, sys.argv[1:]))
