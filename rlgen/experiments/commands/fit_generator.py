"""`rlgen fit generator`: train the generator on the project's own corpus."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rlgen.experiments.options import Options, parse, recorded
from rlgen.text.corpus import Exchange, compose

CHUNK = 80_000  # exchanges composed at a time, of which about a seventh is kept
HELD_OUT = 4_000


def habits(exchanges: Iterable[Exchange], sizes: Mapping[str, int], rng: random.Random) -> Iterator[Exchange]:
    """Exchanges whose phrases are unevenly frequent, as a speaker's are.

    The corpus takes the patterns of a cell equally often, which no speaker does; a model of it has no
    favourite phrases, and a low temperature then does not repeat itself. Here a pattern at the quantile q of
    its cell is kept in proportion to `q ** -.7` (the law of Zipf is about this steep for phrases), the
    first twelfth of a cell always. All cells, hence all labels, keep their shares.

    Args:
        exchanges: as composed.
        sizes: patterns in each cell, by the cell's name; see `cell_sizes`.
        rng: decides what is kept.
    """
    for exchange in exchanges:
        keep = 1.0
        for cell, rank in _patterns(exchange):
            keep *= min(1.0, 0.08 * sizes[cell] / (rank + 0.5)) ** 0.7 if cell in sizes else 1.0
        if rng.random() < keep:
            yield exchange


def _patterns(exchange: Exchange) -> list[tuple[str, int]]:
    """Cell and rank of the patterns behind a reply."""
    parts = [part.rpartition(".") for part in exchange.template.split("+")]
    return [(cell, int(rank)) for cell, _, rank in parts]


def cell_sizes(exchanges: Iterable[Exchange]) -> dict[str, int]:
    """Patterns in each cell of the bank, as far as they occur."""
    sizes: dict[str, int] = {}
    for exchange in exchanges:
        for cell, rank in _patterns(exchange):
            sizes[cell] = max(sizes.get(cell, 0), rank + 1)
    return sizes


class FitGeneratorOptions(Options):
    """Train the generator on the corpus."""

    out: Annotated[Path, Field(description="folder of the artifact, created or replaced")] = Path("runs/generator")
    size: Annotated[
        Literal["tiny", "small", "medium"], Field(description="tiny for tests, small is shipped, medium wants a GPU")
    ] = "small"
    tokens: Annotated[int, Field(ge=1_000, description="ids to train on")] = 9_000_000
    batch_tokens: Annotated[int, Field(ge=256, description="ids in a batch at most")] = 2048
    learning_rate: Annotated[float, Field(gt=0, le=0.1, description="peak of the learning rate")] = 3e-3
    smoothing: Annotated[
        float, Field(ge=0, le=0.2, description="label smoothing; the more, the more fluency a high temperature costs")
    ] = 0.0
    seed: Annotated[int, Field(ge=0, description="of weights, corpus, noise and order")] = 0
    device: Annotated[str, Field(description="cpu, cuda, or as torch names it")] = "cpu"
    threads: Annotated[int, Field(ge=0, description="processor threads; 0 leaves it to torch")] = 0


def main(argv: Sequence[str]) -> int:
    """Train, measure on held-out templates, write the artifact; the same command resumes a stopped run."""
    options = parse(FitGeneratorOptions, argv, "fit generator")
    import torch
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from rlgen.artifacts import check_target
    from rlgen.generation import fit as training
    from rlgen.generation.embedded import KIND

    check_target(options.out, KIND)
    if options.threads:
        torch.set_num_threads(options.threads)
    sizes = cell_sizes(compose(options.seed, CHUNK))

    def chunk(k: int) -> list[Exchange]:
        seed = options.seed * 100_003 + k
        return list(habits(compose(seed, CHUNK), sizes, random.Random(f"habits/{seed}")))

    corpus = training.Corpus(
        chunk=chunk,
        held_out=list(compose(options.seed, HELD_OUT, "held_out")),
        description="rlgen.text.corpus: exchanges composed from the project's own phrase banks (MIT)",
    )
    recipe = training.Recipe(
        size=options.size,
        tokens=options.tokens,
        batch_tokens=options.batch_tokens,
        learning_rate=options.learning_rate,
        smoothing=options.smoothing,
        seed=options.seed,
        device=options.device,
    )
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("fit generator", total=recipe.tokens)

        told = [0]

        def report(now: training.Progress) -> None:
            words = f"{now.seen / 1e6:.2f}M ids, {now.loss:.3f} nats/id, {now.speed:,.0f} ids/s"
            bar.update(task, completed=now.seen, description=words)
            if not console.is_terminal and 20 * now.seen // now.planned > 20 * told[0] // now.planned:
                told[0] = now.seen
                print(words, file=sys.stderr, flush=True)

        command = recorded("fit generator", options)
        manifest = training.fit(recipe, corpus, options.out, command, report)
    quality = manifest.quality["held_out"]
    print(
        f"{options.out}: {manifest.quality['parameters']:,} parameters, held-out templates: "
        f"perplexity {quality['perplexity']:.2f}, {quality['bits_per_byte']:.3f} bits per byte"
    )
    return 0
