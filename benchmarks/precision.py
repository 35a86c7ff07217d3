"""`python -m benchmarks.precision`: is the ladder the same where the generator computes in another type?"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pydantic import Field

from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.evaluation.outcomes import Outcomes, evaluate
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.worlds import WorldOptions
from rlgen.experiments.statistics import Interval, paired_difference
from rlgen.policies.baselines import Fixed, Random, shipped_baselines


class PrecisionOptions(TableOptions, WorldOptions):
    """Meet the same people with the generator in float32 and in bfloat16, and tell the returns apart."""

    people: int = Field(default=300, ge=2, description="persons that each rule meets in each type")
    num_envs: int = Field(default=128, ge=1, description="dialogues at once")


def apart(fp32: Outcomes, bf16: Outcomes) -> Interval:
    """Return in bfloat16 minus that in float32, paired over the same people."""
    return paired_difference(bf16.values["return"], fp32.values["return"])


def main(argv: Sequence[str]) -> int:
    """Run the benchmark."""
    options = parse(PrecisionOptions, argv, "python -m benchmarks.precision")
    ladder = {"random": Random(), "centre": Fixed(), **shipped_baselines(options.env)}
    worlds = {kind: options.make_world(options.num_envs, precision=kind) for kind in ("fp32", "bf16")}
    rows = []
    for name, rule in ladder.items():
        found = {kind: evaluate(world, rule, options.people) for kind, world in worlds.items()}
        means = {kind: float(outcomes.values["return"].mean()) for kind, outcomes in found.items()}
        gap = apart(found["fp32"], found["bf16"])
        note(f"{name}: {means['fp32']:.3f} in float32, {means['bf16']:.3f} in bfloat16")
        rows += [
            Row(f"return: {name}, bfloat16", round(means["bf16"], 4), "", round(means["fp32"], 4)),
            Row(f"{name}, bfloat16 minus float32", round(gap.mean, 4), "return"),
            Row(f"{name}, half of its 95 % interval", round((gap.high - gap.low) / 2, 4), "return"),
        ]
    show(f"precision {options.env}", rows, options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.precision", main, sys.argv[1:]))
