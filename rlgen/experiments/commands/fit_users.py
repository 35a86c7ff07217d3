"""`rlgen fit users`: fit calibrated people to rated dialogues and write them as an artifact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from rlgen.experiments.options import Options, parse, recorded

LICENCE = (
    "ESConv and FailedESConv (Liu et al., ACL 2021), CC BY-NC 4.0, academic research use: fitted numbers only, no text"
)


class FitUsersOptions(Options):
    """Fit calibrated people to rated support dialogues (schema in docs/users/calibrated.md)."""

    data: Path = Field(description="folder with esconv.jsonl and failed_esconv.jsonl, or one file of that layout")
    out: Path = Field(default=Path("calibrated_users"), description="folder to write; an artifact there is replaced")
    readers: str = Field(default="shipped:readers", description="who reads the replies: shipped:NAME or a folder")
    draws: int = Field(default=32, ge=0, le=1000, description="members of the posterior ensemble")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of the ensemble and of the held-out third")
    held_out: float = Field(default=1 / 3, gt=0, lt=1, description="share of dialogues that the printed figures are on")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = Field(
        default=False, description="one line of JSON instead of a table"
    )
    licence: str = Field(default=LICENCE, description="the data's name and licence, for the manifest")


def main(argv: Sequence[str]) -> int:
    """Fit on two thirds and print figures on the rest; then fit on all and write."""
    options = parse(FitUsersOptions, argv, "fit users")
    from rlgen import artifacts
    from rlgen.experiments.commands.bench_users import measure, read_with_readings
    from rlgen.experiments.tables import show
    from rlgen.users.fitting import assemble, fit_models
    from rlgen.users.parameters import FILE, KIND

    artifacts.check_target(options.out, KIND)
    dialogues, readings = read_with_readings(options.data, options.readers)
    rows = measure(dialogues, readings, options.held_out, options.seed)
    fit = assemble(fit_models(dialogues, readings), dialogues, options.draws, options.seed)
    manifest = artifacts.Manifest(
        name="calibrated_users",
        kind=KIND,
        description="People fitted to rated human dialogues: ratings, endings, relief; posterior mode and draws.",
        command=recorded("fit users", options),
        seeds=[options.seed],
        data=[options.licence],
        quality={row.name: round(row.value, 4) for row in rows},
        settings={"dialogues": len(dialogues), "draws": options.draws, "readers": options.readers},
    )
    artifacts.write(options.out, {FILE: (fit.model_dump_json() + "\n").encode()}, manifest)
    show("users", rows, options.as_json)
    return 0
