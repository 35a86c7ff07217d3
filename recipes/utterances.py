"""`python -m recipes.utterances`: what people say and, with `--corpus`, how supporters answer, for reading.

With `--out` the bank is composed anew and written as the artifact that `rlgen.text.utterances` reads.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge
from pydantic import Field
from rich.console import Console
from rich.table import Table

from recipes.writing.corpus import compose
from recipes.writing.masked import masks
from recipes.writing.utterances import crisis, general, lengths
from rlgen import artifacts
from rlgen.affect import CATEGORIES
from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.options import Options, parse, recorded
from rlgen.rng import Streams
from rlgen.text.utterances import DISCLOSURES, FILE, KIND, LABELS, PARTS, PHASES, utterances
from rlgen.types import UtteranceCatalogue

PROGRAM: Final = "python -m recipes.utterances"


class UtterancesOptions(Options):
    """Show the bank of utterances, or exchanges of the corpus, or compose the bank and write it."""

    out: Path | None = Field(default=None, description="folder to write; an artifact there is replaced")
    topic: str | None = Field(default=None, description="only this topic; without it, all of them")
    category: str | None = Field(default=None, description="only this category of emotion")
    masked: bool = Field(default=False, description="what people say who hide a feeling, instead of the bank")
    samples: Annotated[int, Ge(0)] = Field(default=12, description="how many utterances to print")
    corpus: Annotated[int, Ge(0)] = Field(default=0, description="print so many composed exchanges instead")
    split: Literal["train", "held_out"] = Field(default="train", description="split of the corpus")
    seed: Annotated[int, Ge(0)] = Field(default=0, description="seed of the choice")


def _index(name: str | None, names: Sequence[str], field: str) -> int | None:
    if name is None:
        return None
    if name not in names:
        raise ConfigError(f"{field} was {name!r}: it is one of {', '.join(names)}")
    return list(names).index(name)


def _show_counts(everything: UtteranceCatalogue, topic: int | None, category: int | None, console: Console) -> None:
    table = Table(title=f"{len(everything)} utterances")
    table.add_column("topic")
    for name in CATEGORIES:
        table.add_column(name, justify="right")
    table.add_column("all", justify="right")
    for i, name in enumerate(everything.topics):
        if topic in (None, i):
            counts = np.bincount(everything.category[everything.topic == i], minlength=len(CATEGORIES))
            shown = [str(n) if category in (None, c) else "" for c, n in enumerate(counts)]
            table.add_row(name, *shown, str(counts.sum()))
    console.print(table)


def _show_samples(
    everything: UtteranceCatalogue,
    options: UtterancesOptions,
    topic: int | None,
    category: int | None,
    console: Console,
) -> None:
    wanted = np.ones(len(everything), dtype=np.bool_)
    if topic is not None:
        wanted &= everything.topic == topic
    if category is not None:
        wanted &= everything.category == category
    rows = np.flatnonzero(wanted)
    order = Streams.of(options.seed, 1).uniform("experiments.samples", size=len(rows))[0].argsort()
    for row in rows[order[: options.samples]].tolist():
        labels = (
            everything.topics[everything.topic[row]],
            f"{CATEGORIES[everything.category[row]]} {everything.intensity[row]:.2f}",
            PHASES[everything.phase[row]],
            DISCLOSURES[everything.disclosure[row]],
        )
        console.print(f"[dim]{', '.join(labels)}[/dim]\n  {everything.text[row]}", highlight=False)


def _show_corpus(options: UtterancesOptions, topic: int | None, category: int | None, console: Console) -> None:
    shown = 0
    for exchange in compose(options.seed, 1000 * options.corpus, options.split):
        if topic not in (None, exchange.topic) or category not in (None, exchange.last.category):
            continue
        console.print(f"[dim]{utterances().topics[exchange.topic]}[/dim]")
        for turn in exchange.turns:
            person = f"{CATEGORIES[turn.category]} {turn.intensity}, {PHASES[turn.phase]}"
            dials = f"warmth {turn.warmth:+}, directiveness {turn.directiveness:+}, weight {turn.weight}"
            console.print(f"  person     {turn.said}  [dim]{person}[/dim]", highlight=False)
            console.print(f"  supporter  {turn.reply}  [dim]{dials}, {turn.strategy}[/dim]", highlight=False)
        shown += 1
        if shown == options.corpus:
            return


def write(target: Path, command: str) -> int:
    """Compose all parts of the bank and write them.

    Args:
        target: folder.
        command: that did this.

    Returns:
        How many utterances there are.
    """
    artifacts.check_target(target, KIND)
    parts = dict(zip(PARTS, (general(), masks(), lengths(), crisis()), strict=True))
    arrays = {name: np.concatenate([getattr(of, name) for of in parts.values()]) for name in LABELS}
    kinds = {name: np.float32 if name == "intensity" else np.int8 for name in LABELS}
    text = "\n".join(text for of in parts.values() for text in of.text)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        text=np.frombuffer(text.encode(), dtype=np.uint8),
        part=np.repeat(np.arange(len(parts), dtype=np.int8), [len(of) for of in parts.values()]),
        **{name: array.astype(kinds[name]) for name, array in arrays.items()},  # type: ignore[arg-type]
    )
    manifest = artifacts.Manifest(
        name="utterances",
        kind=KIND,
        description="What simulated people can say, with labels, composed from the project's own phrase banks (MIT).",
        command=command,
        quality={name: len(of) for name, of in parts.items()},
    )
    artifacts.write(target, {FILE: buffer.getvalue()}, manifest)
    return sum(map(len, parts.values()))


def main(argv: Sequence[str]) -> int:
    """Print counts and samples, or write the bank."""
    options = parse(UtterancesOptions, argv, PROGRAM)
    if options.out is not None:
        print(f"{options.out}: {write(options.out, recorded(PROGRAM, options))} utterances")
        return 0
    topic = _index(options.topic, utterances().topics, "topic")
    category = _index(options.category, CATEGORIES, "category")
    console = Console()
    if options.corpus:
        _show_corpus(options, topic, category, console)
    else:
        everything = masks() if options.masked else utterances()
        _show_counts(everything, topic, category, console)
        _show_samples(everything, options, topic, category, console)
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
