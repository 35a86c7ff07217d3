"""`rlgen simulate`: write simulated dialogues of a policy as JSON lines."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import note, progress_bar
from rlgen.experiments.options import parse
from rlgen.experiments.runs.worlds import WorldOptions, find_actor, open_world

if TYPE_CHECKING:
    from rlgen.experiments.dialogues.simulation import Simulation
    from rlgen.policies.baselines import Actor

SURFACE = "surface:"
_ROWS = {True: 64, False: 1024}  # dialogues at once with and without text; more gains little
_QUIET = 30.0  # seconds between two lines of progress where there is no terminal


class SimulateOptions(WorldOptions):
    """Write simulated dialogues of a policy as JSON lines; the same command goes on after a kill.

    Without text (`--no-text`, or `--generator surface:DIR`) the readings of replies are drawn from a measured
    response surface, and records hold readings instead of words.
    """

    policy: str = Field(default="baseline:centre", description="run folder, zip file, baseline:NAME or untrained")
    people: int = Field(default=20, ge=1, description="persons, one dialogue each")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the people, who are met in nothing else")
    num_envs: int | None = Field(
        default=None, ge=1, description="dialogues at once; by default 64, and 1,024 without text"
    )
    text: bool = Field(
        default=True,
        description="False (--no-text) is short for --generator surface:shipped:surface, many times faster",
    )
    save_every: float = Field(
        default=10.0, ge=0.0, description="seconds between two states from which an interrupted command goes on"
    )
    out: Path = Field(default=Path("dialogues.jsonl"), description="file to write; - is standard output")

    def with_generator(self) -> SimulateOptions:
        """The same options, with the surface as their generator where no text is asked for.

        Raises:
            ConfigError: a generator of words was named beside `--no-text`.
        """
        if self.text or (self.generator or "").startswith(SURFACE):
            return self
        if self.generator is not None:
            raise ConfigError(
                f"generator was {self.generator!r}, but --no-text has no generator; leave one of them out, or name a "
                "surface: --generator surface:DIR"
            )
        return self.model_copy(update={"generator": f"{SURFACE}shipped:surface"})


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(SimulateOptions, argv, "simulate").with_generator()
    from rlgen.experiments.dialogues.simulation import Simulation
    from rlgen.experiments.files.unfinished import Unfinished

    env_id, config = options.world_for(options.policy)
    words = not config.generator.startswith(SURFACE)
    world = open_world(config, min(options.num_envs or _ROWS[words], options.people))
    _, actor = find_actor(options.policy, env_id, world)
    simulation = Simulation(world, actor, options.people, options.seed, words)
    if str(options.out) == "-":
        for done in simulation.steps():
            for dialogue in done:
                print("\n".join(dialogue))
        return 0
    command = {
        "env": env_id,
        "world": config.model_dump(mode="json"),
        "parts": world.sha256,
        "policy": _identity(options.policy, actor),
        "people": options.people,
        "seed": options.seed,
        "num_envs": world.num_envs,
    }
    with Unfinished(options.out, command) as file, _Shown(simulation) as shown:
        state = file.state()
        if state is not None:
            simulation.load_state(state)
            note(f"{options.out}: going on after {simulation.written:,} people")
        saved = time.monotonic()
        try:
            for done in simulation.steps():
                file.write([line for dialogue in done for line in dialogue])
                shown.update()
                if time.monotonic() - saved >= options.save_every:
                    file.save(simulation.state())
                    saved = time.monotonic()
        except KeyboardInterrupt:
            back = f"at most {options.save_every:g} s back"
            note(f"{options.out}: stopped; the same command goes on from its last state, {back}")
            return 130
        file.finish()
    note(f"{options.out}: {simulation.people} dialogues, {simulation.turns} turns")
    return 0


def _identity(name: str, actor: Actor) -> Any:
    """What tells a policy from another: the rule, or the hash of the file."""
    from rlgen.policies.baselines import Baseline

    if isinstance(actor, Baseline):
        return actor.model_dump(mode="json")
    path = Path(name)
    if not path.exists():
        return name
    return hashlib.sha256((path / "policy.zip" if path.is_dir() else path).read_bytes()).hexdigest()


class _Shown:
    """A progress bar on a terminal, else a line every half minute; all on standard error."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._console, self._bar, self._task = progress_bar("simulate", "people", simulation.people)

    def __enter__(self) -> Self:
        self._bar.start()
        self._began = self._said = time.monotonic()
        self._turns: int | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self) -> None:
        """Show how far the simulation is."""
        if self._turns is None:  # what an earlier call has written is no part of this one's speed
            self._turns = self._simulation.turns
        now = time.monotonic()
        speed = f"{(self._simulation.turns - self._turns) / max(now - self._began, 1e-9):,.0f} turns/s"
        self._bar.update(self._task, completed=self._simulation.written, speed=speed)
        if not self._console.is_terminal and now - self._said > _QUIET:
            self._said = now
            note(f"{self._simulation.written:>8,}/{self._simulation.people:,} people  {speed}")
