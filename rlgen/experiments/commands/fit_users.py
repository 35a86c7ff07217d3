"""`rlgen fit users`: fit calibrated people to rated dialogues and write them as an artifact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.experiments.options import TableOptions, parse, recorded

LICENCE = (
    "ESConv and FailedESConv (Liu et al., ACL 2021), CC BY-NC 4.0, academic research use: fitted numbers only, no text"
)
OWN = "dialogues of whoever ran the command; licence not told"


class FitUsersOptions(TableOptions):
    """Fit calibrated people to rated support dialogues (schema in docs/users/calibrated.md)."""

    data: Path = Field(description="folder with esconv.jsonl and failed_esconv.jsonl, or one file of that layout")
    out: Path = Field(default=Path("calibrated_users"), description="folder to write; an artifact there is replaced")
    readers: str = Field(default="shipped:readers", description="who reads the replies: shipped:NAME or a folder")
    draws: int = Field(default=32, ge=0, le=1000, description="members of the posterior ensemble")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of the ensemble and of the splits")
    parts: int = Field(default=3, ge=2, le=20, description="parts of a split; each is scored by a fit on the others")
    repeats: int = Field(default=1, ge=1, le=100, description="seeded splits")
    licence: str | None = Field(
        default=None, description="the data's name and licence, for the manifest; esconv.jsonl has its own"
    )


def main(argv: Sequence[str]) -> int:
    """Fit on parts and print figures on the rest; then fit on all and write."""
    options = parse(FitUsersOptions, argv, "fit users")
    from rlgen import artifacts
    from rlgen.experiments.fidelity.corpus import read_corpus
    from rlgen.experiments.fidelity.figures import measure, show_users
    from rlgen.users.calibrated.parameters import FILE, KIND, SEEN
    from rlgen.users.fitting.people import fit_people
    from rlgen.users.logs.dialogues import FILES

    artifacts.check_target(options.out, KIND)
    corpus = read_corpus(options.data, options.readers)
    dialogues, readings = corpus.dialogues, corpus.readings
    rows = measure(corpus, options.parts, options.repeats, options.seed)
    fit = fit_people(dialogues, readings, corpus.said, options.draws, options.seed)
    seen = json.dumps(sorted({d.digest for d in dialogues}), indent=0) + "\n"
    manifest = artifacts.Manifest(
        name="calibrated_users",
        kind=KIND,
        description="People fitted to rated human dialogues: ratings, endings, relief, words; a mode and draws.",
        command=recorded("fit users", options),
        seeds=[options.seed],
        data=[options.licence or (LICENCE if (options.data / FILES[0]).is_file() else OWN)],
        quality={row.name: round(row.value, 4) for row in rows if row.target is not None},
        settings={"dialogues": len(dialogues), "draws": options.draws, "readers": options.readers},
    )
    artifacts.write(options.out, {FILE: (fit.model_dump_json() + "\n").encode(), SEEN: seen.encode()}, manifest)
    show_users(rows, options.as_json)
    return 0
