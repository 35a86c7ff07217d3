"""`rlgen evaluate`: measure a policy on fresh people beside the ladder of baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from pydantic import Field

from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.dialogues.carrying_out import carry_out
from rlgen.experiments.display.numbers import UNKNOWN, plain
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import console
from rlgen.experiments.evaluation.outcomes import Evaluation, evaluation_record, per_person_csv
from rlgen.experiments.evaluation.verdict import borrowed, judge
from rlgen.experiments.files.whole import writable_folder, write_atomically
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.provenance import config_hash, program
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.policies import POLICY, Policy, find_policy
from rlgen.experiments.runs.run import DIALOGUES, Run
from rlgen.experiments.runs.tracking import WandbMode
from rlgen.experiments.runs.weights_and_biases import WeightsAndBiases
from rlgen.experiments.runs.worlds import WorldOptions, open_world
from rlgen.experiments.runs.worlds import plain as as_kept

if TYPE_CHECKING:
    from rlgen.envs import World
    from rlgen.policies.baselines import Actor


_WIDE = 200  # columns of the whole table


class EvaluateOptions(TableOptions, WorldOptions):
    """Measure a policy on fresh people beside the ladder of baselines."""

    run: Annotated[str, tyro.conf.Positional] = Field(default="", description="folder that training wrote")
    policy: str | None = Field(default=None, description=f"instead of a run: {POLICY}")
    people: int = Field(default=300, ge=2, description="persons that each policy meets")
    seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="of the people, whom nothing was ever trained or fitted on"
    )
    num_envs: int = Field(default=64, ge=1, description="dialogues at once")
    ladder: bool = Field(default=True, description="measure the baselines on the same people")
    stochastic: bool = Field(default=False, description="draw the policy's actions instead of taking their modes")
    save_every: float = Field(
        default=30.0, ge=0.0, description="seconds between two states from which an interrupted command goes on"
    )
    out: Path | None = Field(
        default=None, description="where evaluation.json and the dialogues go; the run's folder by default"
    )
    wandb: WandbMode = Field(
        default="off", description="add the evaluation to the run's page at Weights & Biases: off, offline or online"
    )


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(EvaluateOptions, argv, "evaluate")
    result = evaluate(options)
    if result is None:
        return 130
    if options.as_json:
        print(json.dumps(result))
    else:
        show(result)
    return 0


def evaluate(options: EvaluateOptions) -> dict[str, Any] | None:
    """Do what the options ask for.

    Returns:
        What evaluation.json holds; None where it was stopped and can go on.
    """
    if bool(options.run) == bool(options.policy):
        raise ConfigError("evaluate needs either a run folder or --policy NAME; `rlgen evaluate --help` shows both")
    if options.out is not None:
        writable_folder(options.out)
    named = options.run or str(options.policy)
    # A run's folder is a run, however it was named: its world, and its training's people, are known.
    run = Run.open(named) if options.run or (Path(named) / "config.json").is_file() else None
    if options.wandb != "off" and (run is None or options.out is not None):
        raise ConfigError("--wandb adds to the page of a run: give a run folder, and neither --policy nor --out")
    place = options.out or (run.path if run is not None else None)
    with nullcontext() if place is None else only_writer(place, "rlgen evaluate"):
        page = None if run is None or options.wandb == "off" else WeightsAndBiases(run, options.wandb)
        result = measure(options, run, place)
        if page is not None:
            if result is not None:
                page.evaluated(result)
            page.finish()
    return result


def measure(options: EvaluateOptions, run: Run | None, place: Path | None) -> dict[str, Any] | None:
    """Evaluate a run's policy, or a named one, and the ladder.

    Args:
        options: of the command.
        run: whose policy it is, or None.
        place: folder for evaluation.json, evaluation.csv and the policy's dialogues; None writes nothing.

    Returns:
        What evaluation.json holds; None where it was stopped and can go on.
    """
    env_id, world, policy, actors, standing = _prepared(options, run)
    words = world.config.has_words
    keep: Literal["words", "readings"] | None = None if place is None else "words" if words else "readings"
    evaluation = Evaluation(world, actors, options.people, options.seed, keep)
    facts = _facts(options, env_id, world, policy, actors)
    found: dict[str, Any] = {}
    # For `rlgen reproduce`; where it goes and how it is shown is no part of what is measured.
    asked = options.model_dump(mode="json", exclude_unset=True, exclude={"as_json", "out", "save_every", "wandb"})

    def finish(digest: str) -> None:
        stamp = {**standing, "policy": policy.stamp, "world": facts["world"], **program()}
        found.update(evaluation_record(world, env_id, evaluation.outcomes, options.seed))
        found.update(stamp=stamp, borrowed=facts["borrowed"], deterministic=not options.stochastic)
        found.update(dialogues=digest if keep == "words" else None, asked=asked)
        if place is not None:
            write_atomically(place / "evaluation.csv", per_person_csv(evaluation.outcomes, options.seed))
            write_atomically(place / "evaluation.json", json.dumps(found, indent=1) + "\n")

    command = {**facts, "standing": standing, "policy": policy.stamp, "parts": world.sha256}
    out = None if place is None else place / DIALOGUES
    if not carry_out(evaluation, "evaluate", lambda: evaluation.acting, out, command, options.save_every, finish):
        return None
    if out is None:
        finish("")
    return found


def _prepared(options: EvaluateOptions, run: Run | None) -> tuple[str, World, Policy, dict[str, Actor], dict[str, Any]]:
    """Id and world, the policy, it and the ladder by name, and how far the run's training was."""
    from rlgen.policies.baselines import shipped_baselines
    from rlgen.policies.ppo import PPOConfig
    from rlgen.policies.trained import untrained

    if run is not None:
        env_id, config, other = options.world_of(run.path)
        if other and options.out is None:
            raise ConfigError(
                f"{run.path}: these options make another world than the run's; give --out DIR for what is found there"
            )
        stored = run.config()
        ppo, seed = validate(PPOConfig, stored["ppo"], str(run.path / "config.json")), int(stored["seed"])
        world = open_world(config, options.num_envs)
        if not other:
            run.check_parts(world.sha256, world.encoder)
    else:
        env_id, ppo, seed = options.env, PPOConfig(), 0
        world = options.make_world(options.num_envs)
    named = options.policy if run is None else str(run.path)
    policy = find_policy(str(named), env_id, world, options.stochastic)
    standing = _standing(run)  # now: a training may go on while this is measured for another folder
    actors: dict[str, Actor] = {policy.name: policy.actor}
    if options.ladder:
        ladder = {key: rule for key, rule in shipped_baselines(env_id).items() if key not in actors}
        if "affect" in world.config.drop:
            note("emotion_table is left out: the block affect, which it goes by, was dropped from the observation")
            ladder.pop("emotion_table", None)
        actors.update(ladder)
        if "untrained" not in actors:
            actors["untrained"] = untrained(world, ppo, seed)
    return env_id, world, policy, actors, standing


def _facts(
    options: EvaluateOptions, env_id: str, world: World, policy: Policy, actors: Mapping[str, Actor]
) -> dict[str, Any]:
    """What an evaluation is of, besides the policy."""
    from rlgen.envs import world_config
    from rlgen.policies.baselines import FITTED

    same = {"device", "observation"}  # of the same people and words, whatever they are set to
    home = world_config(env_id).model_dump(exclude=same) == world.config.model_dump(exclude=same)
    fitted = [name for name in FITTED if name in actors]
    return {
        "env": env_id,
        "world": config_hash(as_kept(world.config)),
        "policies": list(actors),
        "borrowed": fitted if options.ladder and not home else [],
        "people": options.people,
        "seed": options.seed,
        "num_envs": world.num_envs,
        "stochastic": options.stochastic,
    }


def _standing(run: Run | None) -> dict[str, Any]:
    """How far a run was when it was measured: hash of its config, its step, of how many."""
    if run is None:
        return {"config": None}
    now = run.stamp()
    return {name: now[name] for name in ("config", "step", "of")}


def show(result: dict[str, Any]) -> None:
    """Print the table for people; a narrow terminal gets fewer columns."""
    from rich.table import Table

    terminal = console(_WIDE)
    wide = terminal.width >= _WIDE
    reference = result["reference"]
    table = Table(
        title=f"{result['env']}: {result['people']} people of seed {result['seed']}, 95 % bootstrap intervals",
        title_justify="left",
    )
    table.add_column("policy", no_wrap=True)
    columns = [
        "return",
        f"{reference} minus it",
        "relief\n-1 to 1",
        "relief\npoints",
        "completed",
        "abandoned",
        "limit",
    ]
    more = ["turns", "rating\n1 to 5", "cost", "SD", "worst 10 %\nreturn", "worst 10 %\nrelief"]
    for column in columns + (more if wide else []):
        table.add_column(column, justify="right", no_wrap=True)
    for name, found in sorted(result["policies"].items(), key=lambda item: -item[1]["return"]["mean"]):
        difference = result["differences"].get(name)
        cells = [
            _interval(found["return"]) if wide else f"{found['return']['mean']:.2f}",
            _interval(difference["return"]) if difference else "",
            _figure(found["relief"]["mean"], 3),
            _figure(found["relief_points"]["mean"]),
            f"{found['completed']['mean']:.0%}",
            f"{found['abandoned']['mean']:.0%}",
            f"{found['limit']['mean']:.0%}",
        ]
        if wide:
            cells += [
                f"{found['length']['mean']:.1f}",
                _figure(found["mean_rating"]["mean"]),
                f"{found['cost']['mean']:.3f}",
                f"{found['return_sd']:.2f}",
                _interval(found["worst_tenth"]["return"]),
                _interval(found["worst_tenth"]["relief"]),
            ]
        table.add_row(f"[bold]{name}[/bold]" if name == reference else name, *cells)
    terminal.print(table)
    if "trained" in result["policies"]:
        terminal.print(judge(result).headline)
    if result["borrowed"]:
        terminal.print(borrowed(result["borrowed"]))


def _figure(value: float | None, decimals: int = 2) -> str:
    return plain(value, decimals).replace("\N{MINUS SIGN}", "-")  # some terminals have no true minus


def _interval(values: dict[str, float | None]) -> str:
    if values["mean"] is None:
        return UNKNOWN
    return f"{_figure(values['mean'])} [{_figure(values['low'])}, {_figure(values['high'])}]"
