"""`python -m recipes.readers`: fit the people's reader and the judge and write both artifacts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.options import Options, parse, recorded

PROGRAM: Final = "python -m recipes.readers"


class FitReaders(Options):
    """Fit the heads that read a text, on a researcher's own copies of the data sets."""

    data: Path = Field(
        description="folder with goemotions, epitome, esconv, annomi, empathetic_dialogues, dailydialog, meld_text"
    )
    out: Path = Field(default=Path("readers"), description="folder that receives readers/ and judge/")
    encoder: str = Field(
        default="fast", description="sentence encoder: fast, minilm, or any sentence-transformers model by name or path"
    )
    judge_encoder: str = Field(default="minilm", description="the judge's: another one, so that it errs elsewhere")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of corruptions, initial weights and shuffled pairs")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(FitReaders, argv, PROGRAM)
    from rich.console import Console

    from recipes.readers import fit as fitting
    from recipes.readers.held_out import measure
    from rlgen.artifacts import check_target
    from rlgen.text import Judge, Reader
    from rlgen.text.encoding.loading import encoder_of

    for name in ("readers", "judge"):
        check_target(options.out / name, name)
    say = Console(stderr=True).log
    encoder, judge_encoder = encoder_of(options.encoder), encoder_of(options.judge_encoder)
    readers = fitting.fit_reader(encoder, options.data, options.seed, say)
    judge = fitting.fit_judge(judge_encoder, options.data, say)
    say("measuring on held-out texts")
    measured = measure(options.data, Reader(encoder, readers), Judge(judge_encoder, judge))
    command = recorded(PROGRAM, options)
    for name, arrays, of in (("readers", readers, encoder), ("judge", judge, judge_encoder)):
        target = options.out / name
        fitting.write(target, arrays, of, name, command, options.seed, measured[name])
        say(f"{target}: written")
    return 0


if __name__ == "__main__":
    sys.exit(call(PROGRAM, main, sys.argv[1:]))
