"""`rlgen pull`: take over a policy that somebody shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from rlgen.experiments.display.progress import note
from rlgen.experiments.options import Options, parse


class PullOptions(Options):
    """Copy a policy that `rlgen push` shared into a run folder, and verify the hash of every file."""

    source: Annotated[str, tyro.conf.Positional] = Field(description="NAME/REPOSITORY at the hub, or a folder")
    out: Path = Field(description="run folder to write")
    revision: str | None = Field(default=None, description="of the repository: a branch, tag or commit")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(PullOptions, argv, "pull")
    from rlgen.experiments.runs.sharing import WARNING, pull

    run = pull(options.source, options.out, options.revision)
    note(WARNING)
    print(f"{run.path}: {run.standing()}, hashes verified; next: rlgen evaluate {run.path}")
    return 0
