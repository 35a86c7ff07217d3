"""`python -m benchmarks.headroom`: ladder of baselines: is there something to learn?"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from pydantic import Field

from benchmarks.needs import Held
from rlgen.errors import ConfigError
from rlgen.experiments.cli import call
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show
from rlgen.experiments.evaluation.outcomes import Outcomes, describe, evaluate
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.runs.training import TrainConfig, train
from rlgen.experiments.runs.worlds import WorldOptions
from rlgen.experiments.statistics import crossed_error, paired_difference
from rlgen.policies.ppo import PPOConfig
from rlgen.types import CONTROL_RANGES

if TYPE_CHECKING:
    from rlgen.policies.baselines import Actor

Kind = Literal["ppo", "linear", "blind", "privileged"]
Control = Literal["warmth", "directiveness", "temperature", "emotional_weight"]

# What a learning benchmark has to leave: privileged PPO above the best fixed controls and above the
# schedule, in standard deviations of the return; the recognizer and every control must be worth something too.
FIXED_GAP, SCHEDULE_GAP, CONTROL_GAP = 0.4, 0.15, 0.05


class HeadroomOptions(TableOptions, WorldOptions):
    """Ladder of baselines: is there something to learn?"""

    people: int = Field(default=1000, ge=2, description="persons that each policy meets")
    num_envs: int = Field(default=256, ge=1, description="dialogues at once in evaluations")
    surface: str | None = Field(
        default=None, description="response surface of --train-on surface: shipped:NAME or a folder"
    )
    train_on: Literal["words", "surface"] = Field(
        default="words", description="where the policies on top are trained; they are measured on words either way"
    )
    seeds: int = Field(default=1, ge=0, description="trained policies per kind; 0 for the ladder alone")
    kinds: tuple[Kind, ...] = Field(default=get_args(Kind), description="which kinds of policies are trained")
    held: tuple[Control, ...] = Field(
        default=get_args(Control), description="which controls of the kind ppo are held at their mean, one at a time"
    )
    steps: int = Field(default=100_000, ge=1, description="training steps of each policy")
    ppo: PPOConfig = Field(default_factory=PPOConfig, description="hyperparameters")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(HeadroomOptions, argv, "python -m benchmarks.headroom")
    from rlgen.policies.baselines import shipped_baselines

    fast = {"generator": {"kind": "surface", "path": options.surface}} if options.train_on == "surface" else {}
    if fast and options.surface is None:
        raise ConfigError("--train-on surface needs --surface DIR; `rlgen fit surface` measures one")
    ladder = shipped_baselines(options.env)
    world = options.make_world(options.num_envs)
    found = {name: _measure(name, world, rule, options.people) for name, rule in ladder.items()}
    for kind in dict.fromkeys(options.kinds):
        for seed in range(options.seeds):
            found |= _trained(options, fast, kind, seed)
    show(f"headroom {options.env}", _rows(found), options.as_json)
    return 0


# kind of trained policy -> its name in the table, and fields of the world and of PPO that make it
_KINDS: dict[Kind, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ppo": ("ppo", {}, {}),
    "linear": ("linear ppo", {}, {"hidden": ()}),
    "blind": ("blind ppo", {"missing": (1.0, 1.0, 1.0)}, {}),
    "privileged": ("privileged ppo", {"observation": "privileged"}, {}),
}


def _measure(name: str, world: Any, actor: Actor, people: int) -> Outcomes:
    outcomes = evaluate(world, actor, people)
    note(f"{name}: return {outcomes.values['return'].mean():.3f}, relief {outcomes.values['relief'].mean():.3f}")
    return outcomes


def _trained(options: HeadroomOptions, fast: dict[str, Any], kind: Kind, seed: int) -> dict[str, Outcomes]:
    """Train a policy of a kind and measure it on real words; the plain one also with each control held at its mean."""
    from rlgen.policies.trained import Trained

    title, world_fields, ppo_fields = _KINDS[kind]
    config = options.world_config(**world_fields, **fast)
    ppo = options.ppo.model_copy(update=ppo_fields)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        training = TrainConfig(
            env=options.env, world=config.model_dump(), out=out, steps=options.steps, seed=seed, ppo=ppo,
            device=options.device, checkpoint_every=options.steps,
        )  # fmt: skip
        train(training)
        actor = Trained.load(out / "policy.zip")
    world = options.make_world(options.num_envs, **world_fields)
    name = f"{title}, seed {seed}"
    found = {name: _measure(name, world, actor, options.people)}
    if kind == "ppo":
        mean = found[name].actions.mean(axis=0)
        for i, control in enumerate(CONTROL_RANGES):
            if control not in options.held:
                continue
            held = f"{_held(control)}, seed {seed}"
            found[held] = _measure(held, world, Held(actor, i, float(mean[i])), options.people)
    return found


def _held(control: str) -> str:
    return f"ppo with {control.replace('_', ' ')} held"


def _gap(found: dict[str, Outcomes], kind: str, other: str) -> float | None:
    """Mean paired difference of a kind's seeds to another policy, in the other's return SD."""
    ours = [outcomes.values["return"] for name, outcomes in found.items() if name.startswith(f"{kind}, seed")]
    theirs = [o.values["return"] for name, o in found.items() if name == other or name.startswith(f"{other}, seed")]
    if not ours or not theirs:
        return None
    mean = np.mean(theirs, axis=0)
    return paired_difference(np.mean(ours, axis=0), mean).mean / float(np.std(theirs, axis=1).mean())


def _error(found: dict[str, Outcomes], kind: str, other: str) -> float | None:
    """Standard error over training seeds and people of the difference in return, paired by seed; None without pairs."""
    apart = []
    for name, ours in found.items():
        if name.startswith(f"{kind}, seed"):
            theirs = found.get(other, found.get(f"{other}{name.removeprefix(kind)}"))
            if theirs is not None:
                apart.append(ours.values["return"] - theirs.values["return"])
    return crossed_error(apart) if apart else None


def _rows(found: dict[str, Outcomes]) -> list[Row]:
    fixed = found.get("fixed", found["centre"]).values["return"].mean()
    rows = []
    for name, described in describe(found)[0].items():
        rows.append(Row(f"return: {name}", described["return"]["mean"], "", float(fixed)))
        if described["relief"]["mean"] is not None:  # not every person tells
            rows.append(Row(f"relief: {name}", described["relief"]["mean"], "-1 to 1"))
            rows.append(Row(f"relief in points: {name}", described["relief_points"]["mean"], "points of 1 to 5"))
    for kind, other, target in (
        ("privileged ppo", "fixed", FIXED_GAP),
        ("privileged ppo", "schedule", SCHEDULE_GAP),
        ("ppo", "fixed", None),
        ("ppo", "schedule", None),
        ("ppo", "blind ppo", 0.0),
        ("ppo", "linear ppo", None),
        *(("ppo", _held(control), CONTROL_GAP) for control in CONTROL_RANGES),
    ):
        gap = _gap(found, kind, other)
        if gap is not None:
            rows.append(Row(f"{kind} minus {other}", round(gap, 4), "return SD", target=target))
        error = _error(found, kind, other)
        if error is not None:
            rows.append(Row(f"{kind} minus {other}, standard error over seeds and people", round(error, 4), "return"))
    return rows


if __name__ == "__main__":
    sys.exit(call("python -m benchmarks.headroom", main, sys.argv[1:]))
