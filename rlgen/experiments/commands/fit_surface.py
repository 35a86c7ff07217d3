"""`rlgen fit surface`: measure what replies are read as, for the text-free surrogate of a world."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.experiments.display.progress import Shown
from rlgen.experiments.options import Options, parse, recorded


class SurfaceOptions(Options):
    """Measure the response surface of an environment's real chain.

    `generator={"kind": "surface", "path": DIR}` then runs the same world without text, for fitting baselines and for
    choosing coefficients; what is reported is measured with words.
    """

    out: Path = Field(description="folder to write")
    env: str = Field("rlgen/SupportDynamic-v0", description="id of the environment")
    turns: int = Field(40_000, ge=1_000, description="turns to measure")
    num_envs: int = Field(128, ge=1, description="dialogues at once")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="of the people and of the controls")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SurfaceOptions, argv, "fit surface")
    from rlgen.artifacts import check_target
    from rlgen.envs import measure_surface, world_config
    from rlgen.envs.surface import KIND

    check_target(options.out, KIND)
    with Shown("fit surface", "turns", options.turns) as shown:
        surface = measure_surface(
            world_config(options.env),
            options.turns,
            options.num_envs,
            options.seed,
            progress=shown.update,
        )
    surface.save(
        options.out,
        recorded("fit surface", options),
        f"Readings of replies to random controls, measured on {options.env}.",
    )
    print(f"{options.out}: {len(surface.features)} pairs of controls and readings")
    return 0
