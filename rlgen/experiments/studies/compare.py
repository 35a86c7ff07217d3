"""Compare reward designs: from runs to a page, figures and a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlgen.config import validate
from rlgen.experiments.files.whole import write_atomically
from rlgen.experiments.runs.worlds import WorldOptions
from rlgen.experiments.studies.comparing import compare_runs, groups_of
from rlgen.experiments.studies.executors import ExecutorOptions
from rlgen.experiments.studies.gaming import alarms
from rlgen.experiments.studies.page import page
from rlgen.experiments.studies.summary import summary, table_csv
from rlgen.experiments.studies.transfer import KINDS, meet_others, transfer_csv, transfer_summary
from rlgen.experiments.studies.verdicts import judge, trained


class CompareConfig(WorldOptions, ExecutorOptions):
    """What is compared, on whom, and where it is computed."""


def compare(
    runs: Sequence[str | Path],
    *,
    people: int = 1000,
    seed: int = 0,
    num_envs: int = 128,
    ladder: bool = True,
    designs: Sequence[Any] = (),
    across: Sequence[str] = (),
    across_policies: int = 3,
    out: str | Path = "comparison",
    begin: Callable[[int], Callable[[int, str], None]] = lambda of: lambda done, told: None,
    **options: Any,
) -> dict[str, Any]:
    """Compare the policies of several reward designs on the same people, by every design, and write the page.

    Args:
        runs: run folders, or folders of studies.
        people: met by every policy.
        seed: of the people, whom no policy was trained on.
        num_envs: dialogues at once.
        ladder: measure the id's baselines too.
        designs: further ones that score the dialogues.
        across: other kinds of people whom the policies meet on the response surface, names of
            `rlgen.experiments.studies.transfer.KINDS`, or `["all"]`.
        across_policies: of each design, who meet them.
        out: folder for `comparison.html`, `.json`, `.csv`, and for what was measured, which the same call only reads.
        begin: called with a number of policies before they are measured; gives what is called with how many are.
        **options: fields of `WorldOptions` that are laid over the runs' world (`users`, `generator`, ...), and of
            `ExecutorOptions` (`executor`, `workers`, ...).

    Returns:
        What `comparison.json` holds; under `alarms`, for each design and run, where its return rose along training and
        relief did not follow (`rlgen.experiments.studies.gaming`).

    Raises:
        ConfigError: no such runs, runs that cannot be compared, or an unknown option.
    """
    asked, place, places = validate(CompareConfig, options, "compare"), Path(out), [Path(run) for run in runs]
    common: dict[str, Any] = {"people": people, "seed": seed, "num_envs": num_envs, "out": place, "where": asked}
    compared = compare_runs(places, asked, ladder=ladder, designs=designs, begin=begin, **common)
    found = summary(compared)
    found["alarms"] = {
        group.name: [[asdict(alarm) for alarm in alarms(run.read_metrics())] for run in group.runs]
        for group in groups_of(places)
    }
    if across:
        kinds = list(KINDS) if list(across) == ["all"] else list(across)
        told, met = meet_others(places, asked, kinds=kinds, policies=across_policies, begin=begin, **common)
        found["transfer"] = {"told": told, **transfer_summary(met, trained(found)[0])}
        write_atomically(place / "transfer.csv", transfer_csv(met))
    found["verdict"] = asdict(judge(found))
    write_atomically(place / "comparison.csv", table_csv(compared))
    write_atomically(place / "comparison.html", page(compared, found))
    write_atomically(place / "comparison.json", json.dumps(found, indent=1) + "\n")
    return found
