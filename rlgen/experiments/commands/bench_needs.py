"""`rlgen bench needs`: do people in different moods need different answers?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.files.whole import writable_file
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.policies import POLICY, find_policy
from rlgen.experiments.runs.worlds import WorldOptions, open_world

_SURFACE = "surface:shipped:surface"


class NeedsOptions(TableOptions, WorldOptions):
    """Hold each control of a policy at seven values: what is that worth to the sad, the fearful, the angry?

    Without `--generator` readings of replies come from the shipped response surface, which takes minutes; on
    real words (`--generator shipped:generator`) it takes an hour.
    """

    policy: str = Field(description=POLICY)
    people: int = Field(default=900, ge=3, description="persons that each held policy meets")
    plot: Path | None = Field(default=None, description="write a picture to this PNG file")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(NeedsOptions, argv, "bench needs")
    from rlgen.experiments.evaluation.needs import FEELINGS, needs, plot_needs

    if options.plot is not None:
        writable_file(options.plot)
    options = options.model_copy(update={"generator": options.generator or _SURFACE})
    env_id, config = options.world_for(options.policy)
    world = open_world(config, options.people)
    policy = find_policy(options.policy, env_id, world)
    name, found = policy.name, needs(world, policy.actor)
    rows = [Row(f"return: {name}, {feeling}", float(own)) for feeling, own in zip(FEELINGS, found.own, strict=True)]
    for control in found.held:
        best = zip(FEELINGS, found.best(control), strict=True)
        rows += [Row(f"{control}: best held for {feeling}", float(value), "of the box") for feeling, value in best]
        rows.append(Row(f"{control}: return by telling them apart", found.told_apart(control), "", 0.0))
    show(f"needs {env_id}", rows, options.as_json)
    if options.plot is not None:
        plot_needs(found, options.plot)
    return 0
