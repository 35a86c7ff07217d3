"""`rlgen evaluate`: measure a policy on fresh people beside the ladder of baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from pydantic import Field

from rlgen.config import validate
from rlgen.errors import ConfigError
from rlgen.experiments.display.numbers import UNKNOWN, plain
from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.display.tables import paper
from rlgen.experiments.evaluation import outcomes as evaluation
from rlgen.experiments.evaluation.verdict import borrowed, judge
from rlgen.experiments.files.whole import writable_folder, write_atomically
from rlgen.experiments.options import TableOptions, parse
from rlgen.experiments.provenance import config_hash, program
from rlgen.experiments.runs.lock import only_writer
from rlgen.experiments.runs.policies import POLICY, find_policy
from rlgen.experiments.runs.run import Run
from rlgen.experiments.runs.worlds import WorldOptions, open_world

if TYPE_CHECKING:
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
    out: Path | None = Field(default=None, description="where evaluation.json goes; the run's folder by default")


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    options = parse(EvaluateOptions, argv, "evaluate")
    if bool(options.run) == bool(options.policy):
        raise ConfigError("evaluate needs either a run folder or --policy NAME; `rlgen evaluate --help` shows both")
    if options.out is not None:
        writable_folder(options.out)
    named = options.run or str(options.policy)
    # A run's folder is a run, however it was named: its world, and its training's people, are known.
    run = Run.open(named) if options.run or (Path(named) / "config.json").is_file() else None
    place = options.out or (run.path if run is not None else None)
    with nullcontext() if place is None else only_writer(place, "rlgen evaluate"):
        result, table = measure(options, run)
        if place is not None:
            write_atomically(place / "evaluation.csv", table)
            write_atomically(place / "evaluation.json", json.dumps(result, indent=1) + "\n")
    if options.as_json:
        print(json.dumps(result))
    else:
        show(result)
    return 0


def measure(options: EvaluateOptions, run: Run | None) -> tuple[dict[str, Any], str]:
    """Evaluate a run's policy, or a named one, and the ladder.

    Returns:
        What goes to evaluation.json, and the lines per person as CSV.
    """
    from rlgen.envs import world_config
    from rlgen.policies.baselines import FITTED, shipped_baselines
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
            _check_parts(run, world.sha256, world.encoder)
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
    with Shown("evaluate", "people", options.people * len(actors)) as shown:

        def told(name: str, met: int) -> None:
            shown.update(met, name)

        result, table = evaluation.evaluate_all(world, actors, env_id, options.people, options.seed, told)
    result["stamp"] = {
        **standing,
        "policy": policy.stamp,
        "world": config_hash(world.config.model_dump(mode="json")),
        **program(),
    }
    same = {"device", "observation"}  # of the same people and words, whatever they are set to
    home = world_config(env_id).model_dump(exclude=same) == world.config.model_dump(exclude=same)
    fitted = [name for name in FITTED if name in actors]
    result["borrowed"] = fitted if options.ladder and not home else []
    return {**result, "deterministic": not options.stochastic}, table


def _standing(run: Run | None) -> dict[str, Any]:
    """How far a run was when it was measured: hash of its config, its step, of how many."""
    if run is None:
        return {"config": None}
    now = run.stamp()
    return {name: now[name] for name in ("config", "step", "of")}


def _check_parts(run: Run, now: Mapping[str, str], encoder: str) -> None:
    """Refuse to measure a run silently with other frozen parts than it was trained with."""
    manifest = run.manifest()
    then, before = manifest.get("parts", {}), manifest.get("encoder", encoder)
    if before != encoder:
        raise ConfigError(
            f"{run.path}: was trained with the encoder {before}, and this is {encoder}; train again, or bring the old "
            "one back"
        )
    changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if changed:
        raise ConfigError(
            f"{run.path}: {', '.join(changed)} changed since the training; train again, or bring the old ones back"
        )


def show(result: dict[str, Any]) -> None:
    """Print the table for people; a narrow terminal gets fewer columns."""
    from rich.table import Table

    console = paper(_WIDE)
    wide = console.width >= _WIDE
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
    console.print(table)
    if "trained" in result["policies"]:
        console.print(judge(result).headline)
    if result["borrowed"]:
        console.print(borrowed(result["borrowed"]))


def _figure(value: float | None, decimals: int = 2) -> str:
    return plain(value, decimals).replace("\N{MINUS SIGN}", "-")  # some terminals have no true minus


def _interval(values: dict[str, float | None]) -> str:
    if values["mean"] is None:
        return UNKNOWN
    return f"{_figure(values['mean'])} [{_figure(values['low'])}, {_figure(values['high'])}]"
