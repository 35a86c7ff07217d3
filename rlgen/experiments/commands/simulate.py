"""`rlgen simulate`: write simulated dialogues of a policy as JSON lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.errors import DataError
from rlgen.experiments.evaluation import SEED
from rlgen.experiments.options import parse
from rlgen.experiments.worlds import WorldOptions, find_actor


class SimulateOptions(WorldOptions):
    """Write simulated dialogues of a policy as JSON lines."""

    policy: str = Field(default="baseline:centre", description="run folder, zip file, baseline:NAME or untrained")
    people: int = Field(default=20, ge=1, description="persons, one dialogue each")
    seed: int = Field(default=SEED, ge=0, le=2**32 - 1, description="seed of the first person")
    num_envs: int = Field(default=64, ge=1, description="dialogues at once")
    out: Path = Field(default=Path("dialogues.jsonl"), description="file to write; - is standard output")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SimulateOptions, argv, "simulate")
    from rlgen.envs import World
    from rlgen.experiments.dialogues import simulate

    rows = min(options.num_envs, options.people)
    if (Path(options.policy) / "config.json").is_file():
        env_id, config, _ = options.world_of(Path(options.policy))
    else:
        env_id, config = options.env, options.world_config()
    world = World(config, rows)
    _, actor = find_actor(options.policy, env_id, world)
    dialogues = simulate(world, actor, options.people, options.seed)
    if str(options.out) == "-":
        for dialogue in dialogues:
            for record in dialogue:
                print(json.dumps(record, ensure_ascii=False))
        return 0
    out = options.out.resolve()  # what a link points to is written, not the link
    if out.exists() and not out.is_file():
        raise DataError(f"{options.out}: is not a file; choose another --out")
    # Streamed into a neighbour that takes the name at the end: no half-written file under that name.
    partial = out.with_name(f".{out.name}.partial")
    turns = 0
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            for dialogue in dialogues:
                turns += len(dialogue)
                file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in dialogue)
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{options.out}: cannot be written ({error.strerror}); choose another --out") from error
    finally:
        partial.unlink(missing_ok=True)
    print(f"{options.out}: {options.people} dialogues, {turns} turns", file=sys.stderr)
    return 0
