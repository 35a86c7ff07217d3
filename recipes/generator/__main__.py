"""`python -m recipes.generator`: train the generator on the project's own corpus, on real dialogues, or on both."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.options import Options, parse, recorded

if TYPE_CHECKING:
    from rlgen.text import Reader


PROGRAM: Final = "python -m recipes.generator"


class FitGeneratorOptions(Options):
    """Train the generator."""

    own: Annotated[bool, Field(description="learn from the composed corpus")] = True
    esconv: Annotated[Path | None, Field(description="your copy of ESConv, file or folder, as well")] = None
    out: Annotated[Path, Field(description="folder of the artifact, created or replaced")] = Path("runs/generator")
    size: Annotated[
        Literal["tiny", "small", "medium"], Field(description="tiny for tests, small is shipped, medium wants a GPU")
    ] = "small"
    tokens: Annotated[int, Field(ge=1_000, description="ids to train on")] = 15_000_000
    batch_tokens: Annotated[int, Field(ge=256, description="ids in a batch at most")] = 3072
    learning_rate: Annotated[float, Field(gt=0, le=0.1, description="peak of the learning rate")] = 3e-3
    utterances: Annotated[float, Field(ge=0, le=1, description="weight of the loss on what people say")] = 0.2
    alignment: Annotated[float, Field(ge=0, le=10, description="weight of the emotional-alignment loss")] = 0.1
    smoothing: Annotated[
        float, Field(ge=0, le=0.2, description="label smoothing; the more, the more fluency a high temperature costs")
    ] = 0.0
    readers: Annotated[
        str, Field(description="what reads the labels of real dialogues: shipped:readers or a folder")
    ] = "shipped:readers"
    seed: Annotated[int, Field(ge=0, description="of weights, corpus, noise and order")] = 0
    device: Annotated[str, Field(description="cpu, cuda, or as torch names it")] = "cpu"
    threads: Annotated[int, Field(ge=0, description="processor threads; 0 leaves it to torch")] = 0


def _reader(source: str) -> Reader:
    from rlgen.text import Reader

    note("  reading the labels of real dialogues")
    return Reader.load(source)


def main(argv: Sequence[str]) -> int:
    """Train, measure on held-out dialogues, write the artifact; the same command resumes a stopped run."""
    options = parse(FitGeneratorOptions, argv, PROGRAM)
    import torch

    from recipes.generator import corpora
    from recipes.generator import fit as training
    from rlgen.artifacts import check_target
    from rlgen.generation.embedded.generator import KIND

    check_target(options.out, KIND)
    if options.threads:
        torch.set_num_threads(options.threads)
    corpus = corpora.chosen(options.own, options.esconv, options.seed, lambda: _reader(options.readers))
    recipe = training.Recipe(
        size=options.size,
        tokens=options.tokens,
        batch_tokens=options.batch_tokens,
        learning_rate=options.learning_rate,
        utterances=options.utterances,
        alignment=options.alignment,
        smoothing=options.smoothing,
        seed=options.seed,
        device=options.device,
    )
    with Shown(PROGRAM, "ids", recipe.tokens) as shown:

        def report(now: training.Progress) -> None:
            shown.update(now.seen, f"{now.loss:.3f} nats/id, {now.speed:,.0f} ids/s")

        manifest = training.fit(recipe, corpus, options.out, recorded(PROGRAM, options), report)
    print(f"{options.out}: {manifest.quality['parameters']:,} parameters")
    for name, quality in manifest.quality["held_out"].items():
        figures = ", ".join(f"{measure.replace('_', ' ')} {value:.3f}" for measure, value in quality.items())
        print(f"  {name.replace('_', ' ')}: {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
