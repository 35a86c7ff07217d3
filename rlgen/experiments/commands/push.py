"""`rlgen push`: share a run's policy with its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from rlgen.experiments.options import Options, parse


class PushOptions(Options):
    """Copy a run's policy, its figures and a card to a folder or to the Hugging Face hub."""

    run: Annotated[Path, tyro.conf.Positional] = Field(description="run folder")
    target: Annotated[str, tyro.conf.Positional] = Field(
        description="NAME/REPOSITORY at the hub, or a folder (with ./ before a name that could be either)"
    )
    public: bool = Field(default=False, description="let everybody see a repository that is made anew")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(PushOptions, argv, "push")
    from rlgen.experiments.runs.run import Run
    from rlgen.experiments.runs.sharing import push

    place = push(Run.open(options.run), options.target, not options.public)
    print(f"{options.run}: is at {place}; next: rlgen pull {options.target} --out DIR")
    return 0
