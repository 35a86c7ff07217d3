"""`rlgen bank build`: a signal bank, synthetic or from real recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import counted
from rlgen.experiments.options import Options, parse, recorded


class BankBuild(Options):
    """Build a signal bank, synthetic or from real recordings."""

    dataset: Literal["synthetic", "ravdess"] = Field("synthetic", description="where the signals come from")
    out: Path = Field(description="folder to write; a bank there is replaced")
    path: Path | None = Field(None, description="folder of the recordings (ravdess)")
    actors: int | None = Field(None, ge=1, description="how many actors; all of a data set, 24 synthetic ones")
    clips: int | None = Field(None, ge=1, description="at most so many clips an actor (ravdess)")
    seed: int = Field(2026, ge=0, le=2**32 - 1, description="who the synthetic actors are; other seeds, other people")


def main(argv: Sequence[str]) -> int:
    """Build and write the bank."""
    options = parse(BankBuild, argv, "bank build")
    from rlgen.artifacts import check_target
    from rlgen.perception import bank, ravdess
    from rlgen.perception.synthesis import prosody

    check_target(options.out, bank.KIND)

    def progress(items: Sequence[object]) -> object:
        return counted(items, "bank build", "clips")

    if options.dataset == "synthetic":
        if options.path is not None or options.clips is not None:
            raise ConfigError("bank build: path and clips are for --dataset ravdess; leave them out")
        built = bank.synthesise(options.seed, options.actors or bank.SHIPPED_ACTORS, progress)
        built.write(options.out, recorded("bank build", options), [options.seed], [prosody.LICENCE])
    else:
        if options.path is None:
            raise ConfigError("bank build: --dataset ravdess needs --path, the folder of the recordings")
        built = ravdess.build(options.path, options.actors, options.clips, progress)
        built.write(options.out, recorded("bank build", options), data=[ravdess.LICENCE])
    print(f"{options.out}: {len(built)} segments of {len(set(built.catalogue.actor.tolist()))} actors")
    print(built.description)
    return 0
