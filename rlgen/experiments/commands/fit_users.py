"""`rlgen fit users`: fit calibrated people to rated dialogues and write them as an artifact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.options import TableOptions, parse, recorded

if TYPE_CHECKING:
    from rlgen.users.fitting.shrinking import PowerPrior

LICENCE = (
    "ESConv and FailedESConv (Liu et al., ACL 2021), CC BY-NC 4.0, academic research use: fitted numbers only, no text"
)
SHIPPED = "shipped:calibrated_users"
_FEW = (
    "a small log: its people are drawn towards the shipped ones, and there is too little of it to leave parts out for "
    "figures; the table says how much of each part of the fit is the log's own, from 0 to 1"
)
OWN = "dialogues of whoever ran the command; licence not told"


class FitUsersOptions(TableOptions):
    """Fit calibrated people to rated support dialogues (schema in docs/users/calibrated.md)."""

    data: Path = Field(description="folder with esconv.jsonl and failed_esconv.jsonl, or as published, or one file")
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
    from rlgen.experiments.fidelity import measure, read_corpus, show_users
    from rlgen.users.calibrated.parameters import FILE, KIND, SEEN
    from rlgen.users.fitting.people import fit_few, fit_people, is_small
    from rlgen.users.fitting.shrinking import WORTH
    from rlgen.users.logs.dialogues import collection, read

    artifacts.check_target(options.out, KIND)
    few = is_small(read(options.data))  # counted before anything is encoded, which takes minutes
    if few:
        note(_FEW)
    corpus = read_corpus(options.data, options.readers)
    dialogues, readings = corpus.dialogues, corpus.readings
    description = "People fitted to rated human dialogues: ratings, endings, relief, words; a mode and draws."
    settings: dict[str, Any] = {"dialogues": len(dialogues), "draws": options.draws, "readers": options.readers}
    if few:
        towards = _shipped()
        fit, shares = fit_few(dialogues, readings, corpus.said, options.draws, options.seed, towards)
        rows = [Row(f"of the log's own: {name}", share) for name, share in shares.items()]
        description += f" A small log, drawn towards the shipped people, who count as {WORTH} dialogues."
        own = {name: round(share, 4) for name, share in shares.items()}
        settings["shrunk"] = {"towards": SHIPPED, "worth": WORTH, "own": own}
    else:
        rows = measure(corpus, options.parts, options.repeats, options.seed)
        fit = fit_people(dialogues, readings, corpus.said, options.draws, options.seed)
    seen = json.dumps(sorted({d.digest for d in dialogues}), indent=0) + "\n"
    manifest = artifacts.Manifest(
        name="calibrated_users",
        kind=KIND,
        description=description,
        command=recorded("fit users", options),
        seeds=[options.seed],
        data=[options.licence or (LICENCE if options.data.is_dir() and collection(options.data) else OWN)],
        quality={row.name: round(row.value, 4) for row in rows if row.target is not None},
        settings=settings,
    )
    artifacts.write(options.out, {FILE: (fit.model_dump_json() + "\n").encode(), SEEN: seen.encode()}, manifest)
    if few:
        show("fit users", rows, options.as_json)
    else:
        show_users(rows, options.as_json)
    return 0


def _shipped() -> PowerPrior:
    """The people whom a small log's are drawn towards."""
    from rlgen import artifacts
    from rlgen.users.calibrated.parameters import KIND, read_fit
    from rlgen.users.fitting.shrinking import PowerPrior

    return PowerPrior(read_fit(SHIPPED), int(artifacts.load(SHIPPED, KIND).manifest.settings["dialogues"]))
