"""`rlgen simulate`: write simulated dialogues of a policy as JSON lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from rlgen.envs import WorldConfig
from rlgen.envs.generators import Surface
from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import note
from rlgen.experiments.options import parse
from rlgen.experiments.runs.policies import POLICY, find_policy
from rlgen.experiments.runs.worlds import WorldOptions, open_world, plain

_ROWS = {True: 64, False: 1024}  # dialogues at once with and without text; more gains little


class SimulateOptions(WorldOptions):
    """Write simulated dialogues of a policy as JSON lines; the same command goes on after a kill.

    Without text (`--no-text`, or `--generator '{kind: surface, path: DIR}'`) the readings of replies are
    drawn from a measured response surface, and records hold readings instead of words.
    """

    policy: str = Field(default="baseline:centre", description=POLICY)
    stochastic: bool = Field(default=False, description="draw a trained policy's actions instead of taking their modes")
    people: int = Field(default=20, ge=1, description="persons, one dialogue each")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the people, who are met in nothing else")
    num_envs: int | None = Field(
        default=None, ge=1, description="dialogues at once; by default 64, and 1,024 without text"
    )
    text: bool = Field(
        default=True,
        description="False (--no-text) is short for --generator shipped:surface, many times faster",
    )
    save_every: float = Field(
        default=10.0, ge=0.0, description="seconds between two states from which an interrupted command goes on"
    )
    out: Path = Field(default=Path("dialogues.jsonl"), description="file to write; - is standard output")

    def without_text(self, config: WorldConfig) -> WorldConfig:
        """The same world, with the shipped surface for its generator where no text is asked for.

        Raises:
            ConfigError: a generator of words was named beside `--no-text`.
        """
        if self.text or not config.has_words:
            return config
        if self.generator is not None:
            raise ConfigError(
                f"generator was {self.generator!r}, but --no-text has no generator; leave one of them out, or name a "
                "surface: --generator '{kind: surface, path: DIR}'"
            )
        return config.model_copy(update={"generator": Surface()})


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SimulateOptions, argv, "simulate")
    from rlgen.experiments.dialogues.carrying_out import carry_out
    from rlgen.experiments.dialogues.simulation import Simulation

    env_id, asked, run = options.world_for(options.policy)
    config = options.without_text(asked)
    words = config.has_words
    world = open_world(config, min(options.num_envs or _ROWS[words], options.people))
    if run is not None and config == asked:
        run.check_parts(world.sha256, world.encoder)
    policy = find_policy(options.policy, env_id, world, options.stochastic)
    simulation = Simulation(world, policy.actor, options.people, options.seed, words)
    if str(options.out) == "-":
        for done in simulation.steps():
            for dialogue in done:
                print("\n".join(dialogue))
        return 0
    command = {
        "env": env_id,
        "world": plain(config),
        "parts": world.sha256,
        "policy": policy.stamp,
        "people": options.people,
        "seed": options.seed,
        "num_envs": world.num_envs,
    }
    began, before = time.monotonic(), 0

    def speed() -> str:
        nonlocal began, before
        turns = simulation.dialogues.turns
        if not before:
            began, before = time.monotonic(), turns  # what an earlier call wrote is no part of this one's speed
        return f"{(turns - before) / max(time.monotonic() - began, 1e-9):,.0f} turns/s"

    if not carry_out(simulation, "simulate", speed, options.out, command, options.save_every):
        return 130
    note(f"{options.out}: {simulation.people} dialogues, {simulation.dialogues.turns} turns")
    return 0
