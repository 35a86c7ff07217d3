"""`python -m benchmarks.controls`: what the controls do to the words, read back from the words alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse

_TRAINED: Final = 20_000  # dialogues of the training split: yardsticks and baselines
_YARDSTICK: Final = 20_000  # human turns that a yardstick is counted on
_SEED_APART: Final = 900_000_007  # no chunk of a training is composed with seeds from here on


class BenchControlsOptions(TableOptions):
    """What the controls do to the words, read back by judges."""

    generator: str = Field("shipped:generator", description="shipped:generator or a folder")
    readers: str = Field("shipped:readers", description="the people's reader: shipped:readers or a folder")
    judge: str = Field("shipped:judge", description="the judge: shipped:judge or a folder")
    contexts: int = Field(2000, ge=200, description="held-out contexts that are answered under random controls")
    sweep: int = Field(400, ge=20, description="contexts that are answered at each of nine emotional weights")
    talks: int = Field(120, ge=10, description="dialogues of four turns at each of six temperatures")
    data: Path | None = Field(
        None,
        description="folder with esconv, empathetic_dialogues and dailydialog: adds bits per byte of human turns and "
        "perplexity by human text",
    )
    out: Path | None = Field(None, description="folder for controls.png and controls.csv, the curves along the weight")
    threads: int = Field(0, ge=0, description="processor threads; 0 leaves it to torch")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="of contexts, controls and sampling")


def measure(options: BenchControlsOptions) -> list[Row]:
    """All rows; writes the curves where a folder is given."""
    import torch

    from benchmarks.controls import asked, heard, human_language, sweep, variety
    from benchmarks.controls.ngrams import Trigrams
    from benchmarks.controls.parts import Bench
    from recipes.generator.scoring import Scorer
    from recipes.readers import sources
    from recipes.writing.corpus import compose
    from rlgen import artifacts
    from rlgen.experiments.files.whole import writable_folder, write_atomically
    from rlgen.generation.embedded.generator import EmbeddedGenerator
    from rlgen.text import Judge, Reader
    from rlgen.text.reading import judge

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.out is not None:
        writable_folder(options.out)
    generator = EmbeddedGenerator.load(options.generator)
    bench = Bench(
        generator,
        Reader.load(options.readers),
        Judge.load(options.judge),
        list(compose(options.seed, options.contexts, "held_out")),
        list(compose(options.seed + _SEED_APART, _TRAINED)),
        options.seed,
    )
    scorer = Scorer(options.generator)
    yardsticks = {
        "trigrams": Trigrams.of(t.reply for e in bench.trained for t in e.turns).perplexity,
    }
    if options.data is not None:
        yardsticks["human trigrams"] = Trigrams.of(
            sources.human_sentences(options.data, "people")[:_YARDSTICK]
        ).perplexity
    note("  random controls")
    answers = asked.Asked.of(bench)
    rows = [*asked.obedience(bench, answers), *asked.leaks(answers)]
    rows += human_language.held_out(generator.manifest.quality)
    rows += human_language.judged(artifacts.load(options.judge, judge.KIND).manifest.quality)
    note("  emotional weight")
    corpus = heard.Corpus.of(bench)
    swept = sweep.sweep(bench, corpus, options.sweep, yardsticks, scorer)
    rows += [*swept.rows(), heard.of_bland_words(bench, corpus)]
    if options.out is not None:
        sweep.draw(swept, options.out / "controls.png")
        write_atomically(options.out / "controls.csv", swept.table())
    note("  variety")
    rows += variety.variety(bench, answers.replies)
    rows += variety.heat(bench, options.talks)
    note("  dialogues")
    rows += variety.trend(bench, options.talks)
    rows += asked.retrieval(bench, answers)
    rows += asked.aptness(bench)
    if options.data is not None:
        rows += human_language.supporters(options.data, scorer, bench.reader, options.contexts)
    else:
        note("  ESConv is left out: --data names no folder")
    return rows


def main(argv: Sequence[str]) -> int:
    """Answer held-out contexts under many controls and have the answers read."""
    options = parse(BenchControlsOptions, argv, "python -m benchmarks.controls")
    show("controls", measure(options), options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.controls", main, sys.argv[1:]))
