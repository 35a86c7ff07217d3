"""`rlgen fit readers`: fit the people's reader and the judge and write both artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from rlgen.experiments.options import Options, parse


class FitReaders(Options):
    """Fit the heads that read a text, on a researcher's own copies of the data sets."""

    data: Path = Field(description="folder with goemotions, epitome, esconv, annomi, empathetic_dialogues, dailydialog")
    out: Path = Field(default=Path("readers"), description="folder that receives readers/ and judge/")
    dtype: Literal["float32", "bfloat16", "auto"] = Field(default="auto", description="precision of the encoder")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of corruptions, initial weights and shuffled pairs")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(FitReaders, argv, "fit readers")
    from rich.console import Console

    from rlgen.artifacts import check_target
    from rlgen.text.encoding.encoder import SentenceEncoder
    from rlgen.text.evaluation.readers import quality
    from rlgen.text.fitting import readers as fitting_readers

    for name in ("readers", "judge"):
        check_target(options.out / name, name)
    say = Console(stderr=True).log
    encoder = SentenceEncoder(options.dtype)
    readers = fitting_readers.fit_reader(encoder, options.data, options.seed, say)
    judge = fitting_readers.fit_judge(encoder, options.data, say)
    say("measuring on held-out texts")
    measured = quality(encoder, options.data, readers, judge)
    for name, arrays in (("readers", readers), ("judge", judge)):
        target = options.out / name
        fitting_readers.write(target, arrays, encoder, name, options.seed, measured[name])
        say(f"{target}: written")
    return 0
