"""`python -m benchmarks.needs`: do people in different moods need different answers?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rlgen.envs import ObservationLayout
from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.display.pictures import save_png
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.evaluation.outcomes import evaluate
from rlgen.experiments.files.whole import writable_file
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.policies import POLICY, find_policy
from rlgen.experiments.runs.worlds import WorldOptions, open_world
from rlgen.policies.baselines import Actor, Remembering, begin
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, F32, I64

if TYPE_CHECKING:
    from rlgen.envs import World

VALUES: Final = (-0.95, -0.6, -0.3, 0.0, 0.3, 0.6, 0.95)
"""Where a control is held, in the box of actions."""

FEELINGS: Final = ("sadness", "fear", "anger")
"""Hidden variables, one of which is 1: what a person mainly feels."""

_COLOURS: Final = {"sadness": "#1d4ed8", "fear": "#7c3aed", "anger": "#c2410c"}


_SURFACE = "shipped:surface"


class NeedsOptions(TableOptions, WorldOptions):
    """Hold each control of a policy at seven values: what is that worth to the sad, the fearful, the angry?

    Without `--generator` readings of replies come from the shipped response surface, which takes minutes; on
    real words (`--generator shipped:generator`) it takes an hour.
    """

    policy: str = Field(description=POLICY)
    people: int = Field(default=900, ge=3, description="persons that each held policy meets")
    plot: Path | None = Field(default=None, description="write a picture to this PNG file")


@dataclass(frozen=True)
class Held:
    """A policy with one control held still: what is that control worth?

    Attributes:
        actor: the policy.
        control: index into the action.
        value: where the control is held, in the box.
    """

    actor: Actor
    control: int
    value: float

    def begin(self, rows: int) -> Held:
        """See `rlgen.policies.baselines.Remembering`."""
        return replace(self, actor=begin(self.actor, rows))

    def state(self) -> Any:
        """See `rlgen.policies.baselines.Remembering`."""
        return self.actor.state() if isinstance(self.actor, Remembering) else None

    def load_state(self, state: Any) -> None:
        """See `rlgen.policies.baselines.Remembering`."""
        if isinstance(self.actor, Remembering):
            self.actor.load_state(state)

    def act(self, obs: F32, layout: ObservationLayout, streams: Streams, turn: I64) -> NDArray[np.float32]:
        """See `rlgen.policies.baselines.Actor.act`."""
        actions = self.actor.act(obs, layout, streams, turn).copy()
        actions[:, self.control] = self.value
        return actions


@dataclass(frozen=True)
class Needs:
    """Mean returns by feeling, in the order of `FEELINGS`.

    Attributes:
        shares: `[3]` of people.
        own: `[3]` of the policy as it is.
        held: control -> `[3, 7]` with that control held at each of `VALUES`.
    """

    shares: NDArray[np.float64]
    own: NDArray[np.float64]
    held: dict[str, NDArray[np.float64]]

    def best(self, control: str) -> NDArray[np.float64]:
        """`[3]`, where each feeling earns most."""
        best: NDArray[np.float64] = np.array(VALUES)[self.held[control].argmax(axis=1)]
        return best

    def told_apart(self, control: str) -> float:
        """What it is worth to hold the control where each feeling wants it instead of where all do best together.

        Never below 0, and above it by chance alone: the best of seven noisy means is too good.
        """
        returns = self.held[control]
        return float(self.shares @ returns.max(axis=1) - (self.shares @ returns).max())


def needs(world: World, actor: Actor, seed: int = 0) -> Needs:
    """Hold every control of a policy at each of `VALUES`, the others staying its own.

    Args:
        world: every row meets one person.
        actor: the policy.
        seed: of the people.

    Raises:
        ConfigError: the people do not tell what they feel, or nobody feels one of the three.
    """
    people = world.num_envs
    world.reset(seed, people)
    hidden = world.hidden()
    if not set(FEELINGS) <= set(hidden):
        raise ConfigError(
            f"users: these people do not tell {', '.join(FEELINGS)}; take people of the families theory, "
            "calibrated or llm"
        )
    groups = np.stack([hidden[name] > 0.5 for name in FEELINGS]).astype(np.float64)
    if not groups.any(axis=1).all():
        raise ConfigError(f"people was {people}: nobody feels one of {', '.join(FEELINGS)}; ask for more")
    shares = groups.mean(axis=1)

    def earned(policy: Actor) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = groups @ evaluate(world, policy, people, seed).values["return"] / people / shares
        return mean

    held = {
        control: np.stack([earned(Held(actor, i, value)) for value in VALUES], axis=1)
        for i, control in enumerate(CONTROL_RANGES)
    }
    return Needs(shares, earned(actor), held)


def plot_needs(found: Needs, file: Path) -> None:
    """Write a PNG with a panel per control; dotted lines are the policy's own returns.

    Raises:
        DataError: the picture cannot be written there.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.0), layout="constrained")
    panels = figure.subplots(1, len(CONTROL_RANGES), sharey=True)
    for axes, control in zip(panels, CONTROL_RANGES, strict=True):
        for row, name in enumerate(FEELINGS):
            axes.plot(VALUES, found.held[control][row], marker="o", markersize=3, color=_COLOURS[name], label=name)
            axes.axhline(float(found.own[row]), color=_COLOURS[name], linestyle=":", linewidth=1)
        axes.set_title(f"{control.replace('_', ' ')} held", fontsize=10)
        axes.set_xlabel("where, in the box of actions")
    panels[0].set_ylabel("mean return")
    panels[-1].legend(fontsize=8, frameon=False)
    save_png(figure, file)


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(NeedsOptions, argv, "python -m benchmarks.needs")
    if options.plot is not None:
        writable_file(options.plot)
    options = options.model_copy(update={"generator": options.generator or _SURFACE})
    env_id, config, _ = options.world_for(options.policy)
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


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.needs", main, sys.argv[1:]))
