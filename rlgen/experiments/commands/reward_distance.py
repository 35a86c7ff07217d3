"""`rlgen reward distance`: how far reward designs are apart, without training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from pydantic import Field

from rlgen.envs.generators import Surface
from rlgen.errors import ConfigError, RewardError
from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.display.tables import console
from rlgen.experiments.files.whole import writable_folder, write_atomically
from rlgen.experiments.options import Part, TableOptions, parse
from rlgen.experiments.provenance import program
from rlgen.experiments.runs.worlds import WorldOptions, open_world
from rlgen.rewards import RewardDesign, design, shipped_designs

if TYPE_CHECKING:
    from rlgen.rewards.distances import Distances, Turns

_WIDE = 160


class RewardDistanceOptions(TableOptions, WorldOptions):
    """How far reward designs are apart by EPIC, DARD and STARC, from dialogues and without training.

    0: the same policies are best under both; 1: what one wants the other shuns; .71: unrelated. Without `--dialogues`
    people are simulated who meet the shipped rules and random ones, replies as readings of the response surface.
    """

    designs: Annotated[tuple[Part, ...], tyro.conf.Positional] = Field(
        default=(),
        description="two designs or more: names, YAML files or package.module:FUNCTION; none for all shipped",
    )
    dialogues: Path | None = Field(
        default=None, description="dialogues that `rlgen simulate` or `rlgen evaluate` wrote, instead of simulated ones"
    )
    people: int = Field(default=150, ge=10, description="persons that meet each of the rules")
    gamma: float = Field(default=0.99, ge=0.0, le=1.0, description="discount")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of people, of what is drawn and of the resampling")
    out: Path | None = Field(default=None, description="folder for distances.json, distances.csv and distances.png")


def main(argv: Sequence[str]) -> int:
    """Print the distances."""
    options = parse(RewardDistanceOptions, argv, "reward distance")
    named = options.designs or tuple(shipped_designs())
    if len(named) < 2:
        raise ConfigError(f"designs was {named[0]!r} alone: a distance lies between two; name another design")
    if options.reward is not None:
        raise ConfigError("--reward has no use here; name the designs after `reward distance`")
    designs = _told_apart([design(each) for each in named])
    for each in designs:
        each.load()
    if options.out is not None:
        writable_folder(options.out)
    from rlgen.rewards.distances import KINDS, distances

    turns, source = _logged(options, designs)
    steps = 0
    with Shown("reward distance", "scorings", len(KINDS) * len(designs)) as shown:

        def progress(kind: str, name: str) -> None:
            nonlocal steps
            shown.update(steps, f"{kind} of {name}")
            steps += 1

        try:
            found = distances(designs, turns, gamma=options.gamma, seed=options.seed, progress=progress)
        except RewardError as error:
            where = "" if options.dialogues is None else f"{options.dialogues} does not hold all that is read: "
            raise RewardError(f"{where}{error}; leave the design out, or --dialogues") from error
        shown.update(steps)
    result = _record(options, found, turns, source, designs)
    if options.out is not None:
        _write(options.out, result, found)
    if options.as_json:
        print(json.dumps(result))
    else:
        _show(found, source)
    return 0


def _told_apart(designs: list[RewardDesign]) -> list[RewardDesign]:
    """The designs under names of their own."""
    seen: dict[str, int] = {}
    named = []
    for each in designs:
        seen[each.name] = seen.get(each.name, 0) + 1
        count = seen[each.name]
        named.append(each if count == 1 else each.model_copy(update={"name": f"{each.name} ({count})"}))
    return named


def _logged(options: RewardDistanceOptions, designs: list[RewardDesign]) -> tuple[Turns, str]:
    """The turns that designs are compared on, and what they are in words."""
    from rlgen.experiments.studies.auditing.meetings import ROWS, meet, read_dialogues, together

    if options.dialogues is not None:
        if given := sorted(options.model_fields_set & WorldOptions.model_fields.keys()):
            raise ConfigError(f"{given[0]} makes another world, but --dialogues brings its own; leave one of them out")
        turns = read_dialogues(options.dialogues)
        note(
            f"{options.dialogues}: what was recognised in parting words is not in it and taken as recognised before; "
            "relief counts at the end"
        )
        return turns, f"{turns.dialogues} dialogues of {options.dialogues}"
    from rlgen.experiments.studies.auditing.evidence import rungs

    config = options.world_config(**({} if options.generator is not None else {"generator": Surface()}))
    reading = next((each.name for each in designs if each.reads_words), None)
    if reading is not None and not config.has_words:
        raise ConfigError(
            f"{reading} reads the words of replies, and a response surface has none; give --generator shipped:generator"
        )
    world = open_world(config, min(ROWS[config.has_words], options.people))
    rules = rungs(options.env)
    logs: list[Turns] = []
    with Shown("reward distance", "people", options.people * len(rules)) as shown:
        for i, (name, rule) in enumerate(rules.items()):
            before = i * options.people

            def met(count: int, before: int = before, name: str = name) -> None:
                shown.update(before + count, name)

            logs.append(meet(world, rule, options.people, options.seed, first=before, progress=met))
    turns = together(logs)
    kind = "with words" if config.has_words else "of the response surface"
    return turns, f"{turns.dialogues} dialogues {kind} in {options.env} with {', '.join(rules)}, seed {options.seed}"


def _record(
    options: RewardDistanceOptions, found: dict[Any, Distances], turns: Turns, source: str, designs: list[RewardDesign]
) -> dict[str, Any]:
    def plain(values: Any) -> list[list[float | None]]:
        return [[None if value != value else round(float(value), 6) for value in row] for row in values]

    return {
        "designs": [each.name for each in designs],
        "dialogues": turns.dialogues,
        "turns": len(turns),
        "source": source,
        "gamma": options.gamma,
        "seed": options.seed,
        "distances": {kind: {"value": plain(of.value), "error": plain(of.error)} for kind, of in found.items()},
        "written_out": [each.to_dict() for each in designs],
        **program(),
    }


def _write(out: Path, result: dict[str, Any], found: dict[Any, Distances]) -> None:
    from rlgen.experiments.display.pictures import save_png
    from rlgen.experiments.studies.auditing.pictures import matrices

    write_atomically(out / "distances.json", json.dumps(result, indent=1) + "\n")
    lines = ["distance,first,second,value,standard_error"]
    for kind, of in found.items():
        for i, first in enumerate(of.names):
            for j, second in enumerate(of.names):
                lines.append(f"{kind},{_csv(first)},{_csv(second)},{of.value[i, j]:.6f},{of.error[i, j]:.6f}")
    write_atomically(out / "distances.csv", "\n".join(lines) + "\n")
    save_png(matrices(found), out / "distances.png")
    note(f"{out}: distances.json, distances.csv, distances.png")


def _csv(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text


def _show(found: dict[Any, Distances], source: str) -> None:
    from rich.table import Table

    terminal = console(_WIDE)
    terminal.print(
        f"{source}\n0: the same policies are best under both; 1: opposite; .71: unrelated. "
        "± standard errors over dialogues; ? where a reply makes no difference that these dialogues show."
    )
    for kind, of in found.items():
        table = Table(title=kind.upper(), title_justify="left")
        table.add_column("", no_wrap=True)
        for name in of.names[1:]:
            table.add_column(name, justify="right")
        for i, name in enumerate(of.names[:-1]):
            cells = ["" if j <= i else _cell(of.value[i, j], of.error[i, j]) for j in range(1, len(of.names))]
            table.add_row(name, *cells)
        terminal.print(table)


def _cell(value: float, error: float) -> str:
    if value != value:
        return "?"
    return f"{value:.2f}" if error != error else f"{value:.2f} ± {error:.2f}"
