"""`rlgen report`: write report.html for a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import tyro
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.options import Options, parse
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.run import Run


class ReportOptions(Options):
    """Write report.html for a run; its evaluation and the dialogues come from `rlgen evaluate`."""

    run: Annotated[str, tyro.conf.Positional] = Field(default="", description="folder that training wrote")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(ReportOptions, argv, "report")
    if not options.run:
        raise ConfigError("report needs a run folder: rlgen report RUN")
    run = Run.open(options.run)
    from rlgen.experiments.reporting.page import write_report

    with only_writer(run.path, "rlgen report"):
        print(write_report(run))
    return 0
