"""`rlgen compare`: which reward design trains the better policies, by how much, how sure, and which one is gamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.worlds import WorldOptions
from rlgen.experiments.studies.executors import ExecutorOptions


class CompareOptions(TableOptions, WorldOptions, ExecutorOptions):
    """Let the policies of several reward designs meet the same people, and score every dialogue by every design.

    The world is that of the training; policies trained on the response surface are judged on words. Options such as
    --users judge all of them in another one.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = Field(
        default=(), description="run folders, or folders of studies (`rlgen sweep`)"
    )
    people: int = Field(default=1000, ge=2, description="persons that every policy meets")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the people, whom no policy was trained on")
    num_envs: int = Field(default=128, ge=1, description="dialogues at once")
    ladder: bool = Field(default=True, description="measure the id's baselines on the same people")
    designs: tuple[str, ...] = Field(default=(), description="further designs that score the dialogues")
    across: tuple[str, ...] = Field(
        default=(),
        description="other kinds of people to meet on the response surface, or all: does the verdict hold?",
    )
    across_policies: int = Field(default=3, ge=1, description="of each design, who meet those people")
    out: Path | None = Field(
        default=None, description="folder of the comparison (None: comparison, in the study's folder if there is one)"
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(CompareOptions, argv, "compare")
    from rlgen.experiments.studies.compare import compare

    if not options.runs:
        raise ConfigError("compare needs run folders, or the folder of a study; `rlgen compare --help` shows how")
    out = options.out or (options.runs[0] / "comparison" if len(options.runs) == 1 else Path("comparison"))
    given = {name: getattr(options, name) for name in options.model_fields_set}
    kept = {name: value for name, value in given.items() if name not in ("runs", "out", "as_json")}
    with only_writer(out, "rlgen compare"), ExitStack() as bars:

        def begin(policies: int) -> Callable[[int, str], None]:
            bars.close()
            return bars.enter_context(Shown("compare", "policies", policies)).update

        found = compare(options.runs, out=out, begin=begin, **kept)
    if options.as_json:
        print(json.dumps(found))
    else:
        said = (found["verdict"][name] for name in ("headline", "standing", "gaming", "caution"))
        print("\n".join([*filter(None, said), *_rung(found["alarms"])]))
        print(f"{out / 'comparison.html'} has the figures")
    return 0


def _rung(alarms: Mapping[str, Sequence[Sequence[Mapping[str, str]]]]) -> Iterator[str]:
    """A sentence on each design whose trainings look gamed."""
    for name, runs in alarms.items():
        told = [alarm["told"] for run in runs for alarm in run[:1]]
        if told:
            yield f"Along training, {len(told)} of {len(runs)} policies of {name} look gamed, such as: {told[0]}."
