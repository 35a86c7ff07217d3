"""`rlgen report`: write report.html for a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.files.whole import write_atomically
from rlgen.experiments.options import Options, parse
from rlgen.experiments.provenance import program
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.run import Run


class ReportOptions(Options):
    """Write report.html for a run."""

    run: Annotated[str, tyro.conf.Positional] = Field(default="", description="folder that training wrote")
    people: int = Field(default=64, ge=0, description="persons among whom the example dialogues are chosen; 0 for none")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="device of the world")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(ReportOptions, argv, "report")
    if not options.run:
        raise ConfigError("report needs a run folder: rlgen report RUN")
    run = Run.open(options.run)
    from rlgen.experiments.reporting.page import write_report

    with only_writer(run.path, "rlgen report"):
        if options.people and run.policy.is_file() and not run.shows_dialogues(options.people):
            _write_dialogues(run, options.people, options.device)
        print(write_report(run))
    return 0


def _write_dialogues(run: Run, people: int, device: Literal["auto", "cpu", "cuda"]) -> None:
    from rlgen.experiments.dialogues.simulation import simulate
    from rlgen.experiments.runs.policies import find_policy
    from rlgen.experiments.runs.worlds import WorldOptions, open_world

    env_id, config, _ = WorldOptions(device=device).world_of(run.path)
    world = open_world(config, min(people, 64))
    stamp = {**run.stamp(), "people": people, "parts": world.sha256, **program()}
    actor = find_policy(str(run.path), env_id, world).actor
    records = [record for dialogue in simulate(world, actor, people, realm="evaluation") for record in dialogue]
    write_atomically(run.dialogues, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    write_atomically(run.dialogues_stamp, json.dumps(stamp, indent=1) + "\n")
