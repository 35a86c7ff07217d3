"""`rlgen bank utterances`: what people say and, with `--corpus`, how supporters answer, for reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from pydantic import Field
from rich.console import Console
from rich.table import Table

from rlgen.affect import CATEGORIES
from rlgen.errors import ConfigError
from rlgen.experiments.options import Options, parse
from rlgen.rng import Streams
from rlgen.text.writing.corpus import compose
from rlgen.text.writing.masked import masks
from rlgen.text.writing.person import DISCLOSURES, PHASES
from rlgen.text.writing.utterances import utterances
from rlgen.types import UtteranceCatalogue


class BankUtterancesOptions(Options):
    """Show the bank of utterances, or exchanges of the corpus."""

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
    options: BankUtterancesOptions,
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


def _show_corpus(options: BankUtterancesOptions, topic: int | None, category: int | None, console: Console) -> None:
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


def main(argv: Sequence[str]) -> int:
    """Print counts and samples."""
    options = parse(BankUtterancesOptions, argv, "bank utterances")
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
