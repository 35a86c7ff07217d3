"""`python -m benchmarks.ablation`: small generators trained alike, each without one thing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse, recorded

if TYPE_CHECKING:
    from recipes.generator.corpora import Control
    from recipes.generator.fit import Recipe
    from rlgen.text import Judge, Reader

_MEASURED: Final = 600  # held-out dialogues that loss and misalignment are measured on
_CONTROLS: Final[tuple[Control, ...]] = ("warmth", "directiveness", "affect", "weight")
Variant = Literal["nothing", "alignment", "warmth", "directiveness", "affect", "weight"]


class BenchAblationOptions(TableOptions):
    """Train small generators with and without the alignment loss and each control, and compare them."""

    out: Annotated[Path, Field(description="folder of the trained models; what is there already is kept")] = Path(
        "runs/ablation"
    )
    size: Annotated[Literal["tiny", "small", "medium"], Field(description="of every model")] = "small"
    tokens: Annotated[int, Field(ge=1_000, description="ids that each model is trained on")] = 1_500_000
    without: Annotated[tuple[Variant, ...], Field(description="what is left out, one model each")] = (
        "nothing", "alignment", *_CONTROLS,
    )  # fmt: skip
    contexts: Annotated[int, Field(ge=20, description="held-out contexts that each model answers")] = 500
    sweep: Annotated[int, Field(ge=20, description="contexts that it answers at each emotional weight")] = 150
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="of weights, corpus, contexts and sampling")] = 0
    threads: Annotated[int, Field(ge=0, description="processor threads; 0 leaves it to torch")] = 0


@dataclass(frozen=True)
class Measured:
    """One model's figures, by name."""

    without: Variant
    figures: dict[str, tuple[float, str, Literal["higher", "lower"]]]


def main(argv: Sequence[str]) -> int:
    """Train what is not there yet, measure all; the same command goes on where it was stopped."""
    options = parse(BenchAblationOptions, argv, "python -m benchmarks.ablation")
    import torch

    from recipes.generator.fit import Recipe
    from rlgen.text import Judge, Reader

    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = Recipe(size=options.size, tokens=options.tokens, batch_tokens=3072, seed=options.seed)
    reader, judge = Reader.load(), Judge.load()
    command = recorded("python -m benchmarks.ablation", options)
    found = []
    for without in dict.fromkeys(options.without):
        folder = trained(options.out, without, recipe, command)
        found.append(Measured(without, figures(folder, without, recipe, options, reader, judge)))
        note(f"  without {without}: measured")
    show("ablation", rows(found), options.as_json)
    return 0


def trained(out: Path, without: Variant, recipe: Recipe, command: str) -> Path:
    """The folder of a model, trained now where it is not there or was made otherwise."""
    from recipes.generator.corpora import composed
    from recipes.generator.fit import Progress, fit
    from rlgen.artifacts import check_target, load
    from rlgen.errors import ArtifactError
    from rlgen.generation.embedded.generator import KIND

    target = out / without
    check_target(target, KIND)
    made_by = f"{command} # without {without}, {recipe}"
    if target.is_dir():
        try:
            if load(target, KIND).manifest.command == made_by:
                return target
        except ArtifactError:
            note(f"  {target}: damaged, trained anew")
    corpus = composed(recipe.seed, _silent(without))
    told = [0]

    def report(now: Progress) -> None:
        if 4 * now.seen // now.planned > told[0]:
            told[0] = 4 * now.seen // now.planned
            note(f"  without {without}: {now.seen:,} ids, {now.loss:.3f} nats/id")

    fit(replace(recipe, alignment=0.0) if without == "alignment" else recipe, corpus, target, made_by, report)
    return target


def _silent(without: Variant) -> Control | None:
    return next((control for control in _CONTROLS if control == without), None)


def figures(
    folder: Path, without: Variant, recipe: Recipe, options: BenchAblationOptions, reader: Reader, judge: Judge
) -> dict[str, tuple[float, str, Literal["higher", "lower"]]]:
    """Held-out loss and misalignment under the labels that the model knows, and what is read of what is asked."""
    from benchmarks.controls.asked import Asked, obedience
    from benchmarks.controls.heard import Corpus
    from benchmarks.controls.ngrams import Trigrams
    from benchmarks.controls.parts import Bench
    from benchmarks.controls.sweep import GRID, sweep
    from recipes.generator.alignment import lexicon
    from recipes.generator.corpora import composed
    from recipes.generator.examples import encode
    from recipes.generator.fit import Trainer
    from recipes.generator.scoring import Scorer
    from recipes.writing.corpus import compose
    from rlgen.generation.embedded.generator import EmbeddedGenerator

    scorer = Scorer(folder)
    full = composed(recipe.seed)
    # One lexicon for all: that of a model which was told no affect reads nothing.
    words = lexicon(encode(full.chunk(0), scorer.tokenizer, scorer.shape), scorer.tokenizer.size)
    trainer = Trainer(recipe, scorer.tokenizer, words)
    trainer.network.load_state_dict(scorer.network.state_dict())
    trainer.refresh()
    found: dict[str, tuple[float, str, Literal["higher", "lower"]]] = {}
    for lot, dialogues in composed(recipe.seed, _silent(without)).held_out.items():
        measured = trainer.measure(encode(dialogues[:_MEASURED], scorer.tokenizer, scorer.shape))
        name = lot.replace("_", " ")
        found[f"{name}, perplexity"] = (measured["perplexity"], "per id", "lower")
        found[f"{name}, misalignment"] = (measured["misalignment"], "", "lower")
    bench = Bench(
        EmbeddedGenerator.load(folder),
        reader,
        judge,
        list(compose(recipe.seed + 1, options.contexts, "held_out")),
        [],
        recipe.seed,
    )
    for row in obedience(bench, Asked.of(bench)):
        found[row.name] = (row.value, row.unit, "higher")
    yardstick = {"trigrams": Trigrams.of(t.reply for e in compose(recipe.seed + 2, 3000) for t in e.turns).perplexity}
    swept = sweep(bench, Corpus.of(bench), options.sweep, yardstick, None)
    first, last = swept.curves["P(asked feeling)"][0], swept.curves["P(asked feeling)"][-1]
    found["P(asked feeling), weight 0"] = (first, "", "higher")
    found[f"P(asked feeling), weight {GRID[-1]:g}"] = (last, "", "higher")
    found["appropriateness, weight 1"] = (swept.curves["appropriateness"][GRID.index(1.0)], "", "higher")
    found["another distress asked: followed"] = (swept.swayed[1], "", "higher")
    return found


def rows(found: Sequence[Measured]) -> list[Row]:
    """A row per figure and model; the baseline is the model that lacks nothing, where there is one."""
    whole: dict[str, Any] = next((m.figures for m in found if m.without == "nothing"), {})
    told = []
    for name in found[0].figures if found else ():
        for model in found:
            value, unit, better = model.figures[name]
            baseline = None if model.without == "nothing" or name not in whole else whole[name][0]
            ratio = value / baseline if baseline else None
            told.append(Row(f"{name}, without {model.without}", value, unit, baseline, ratio, better=better))
    return told


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.ablation", main, sys.argv[1:]))
