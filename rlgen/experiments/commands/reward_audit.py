"""`rlgen reward audit`: what can be known of a reward design before anybody trains on it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import tyro
from pydantic import Field

from rlgen.errors import ConfigError
from rlgen.experiments.display.progress import Shown, note
from rlgen.experiments.display.tables import console
from rlgen.experiments.files.whole import writable_folder, write_atomically
from rlgen.experiments.options import Part, TableOptions, parse
from rlgen.experiments.provenance import program
from rlgen.experiments.runs.worlds import WorldOptions, plain
from rlgen.rewards import design

if TYPE_CHECKING:
    from rlgen.experiments.studies.auditing.checks import Finding
    from rlgen.experiments.studies.auditing.evidence import Dialogues, Evidence

_WIDE: Final = 150
_COLOURS: Final = {"ok": "green", "doubtful": "yellow", "fails": "bold red", "not tried": "dim"}


class RewardAuditOptions(TableOptions, WorldOptions):
    """What can be known of a reward design before anybody trains on it: checks, each with a verdict and its figures.

    The same people meet the shipped rules, supporters that nobody wants, and the best sequence of actions that a search
    finds. Replies are readings of the response surface, but for talks on words with the id's own generator.
    """

    design: Annotated[Part, tyro.conf.Positional] = Field(
        default="", description="a name (`rlgen reward list`), the path of a YAML file, or package.module:FUNCTION"
    )
    people: int = Field(default=400, ge=20, description="persons, the same for each rule")
    talks: int = Field(default=100, ge=0, description="persons who talk on words, the same for each; 0 leaves it out")
    search: bool = Field(default=True, description="search the best sequence of actions")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of people and search")
    strict: bool = Field(default=False, description="exit status 1 where a check fails")
    out: Path | None = Field(default=None, description="folder for audit.json, audit.csv and audit.png")


def main(argv: Sequence[str]) -> int:
    """Audit and tell."""
    options = parse(RewardAuditOptions, argv, "reward audit")
    if not options.design:
        raise ConfigError("no design was named; write `rlgen reward audit DESIGN` (`rlgen reward list` shows them)")
    if options.reward is not None:
        raise ConfigError("--reward has no use here; name the design after `reward audit`")
    audited = design(options.design)
    audited.load()
    config = options.world_config()
    if options.out is not None:
        writable_folder(options.out)
    from rlgen.experiments.studies.auditing.checks import findings
    from rlgen.experiments.studies.auditing.evidence import Scale, gather, planned
    from rlgen.experiments.studies.auditing.sequences import Effort

    effort = Effort() if options.search else None
    scale = Scale(options.people, options.talks, effort, options.seed)
    with Shown("reward audit", "steps", planned(options.env, scale)) as shown:
        evidence = gather(audited, options.env, config, scale, shown.update)
        shown.update(planned(options.env, scale))
    found = findings(evidence)
    result = _record(options, evidence, found, plain(config))
    if options.out is not None:
        _write(options.out, result, evidence)
    if options.as_json:
        print(json.dumps(result))
    else:
        _show(options, evidence, found)
    return int(options.strict and any(each.verdict == "fails" for each in found))


def _policies(evidence: Evidence) -> dict[str, tuple[str, Dialogues]]:
    """Policy -> where it was met, and what came of it."""
    rows = {name: ("readings", each) for name, each in evidence.ladder.items()}
    if evidence.sequence is not None:
        rows["the best sequence"] = ("readings", evidence.sequence)
    rows |= {f"{name} on words": ("words", each) for name, each in evidence.words.items()}
    return rows | {f"{name}, staying people": ("staying", each) for name, each in evidence.staying.items()}


def _record(
    options: RewardAuditOptions, evidence: Evidence, found: list[Finding], world: dict[str, Any]
) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return round(value, 6) if math.isfinite(value) else None

    return {
        "design": evidence.design.to_dict(),
        "env": options.env,
        "people": options.people,
        "talks": options.talks,
        "seed": options.seed,
        "checks": [
            {
                "check": each.check,
                "verdict": each.verdict,
                "figure": each.figure,
                "why": each.why,
                "values": {name: number(value) for name, value in each.values.items()},
            }
            for each in found
        ],
        "policies": {
            name: {
                "where": where,
                "people": len(each.earned),
                "return": number(float(each.earned.mean())),
                "relief": number(float(each.relief.mean())),
                "turns": number(float(each.length.mean())),
                "completed": number(float(each.completed.mean())),
            }
            for name, (where, each) in _policies(evidence).items()
        },
        "world": world,
        **program(),
    }


def _write(out: Path, result: dict[str, Any], evidence: Evidence) -> None:
    from rlgen.experiments.display.pictures import save_png
    from rlgen.experiments.studies.auditing.pictures import paid_and_helped

    write_atomically(out / "audit.json", json.dumps(result, indent=1) + "\n")
    columns = ("where", "people", "return", "relief", "turns", "completed")
    lines = [",".join(["policy", *columns])]
    for name, row in result["policies"].items():
        lines.append(",".join([f'"{name}"', *(str(row[column]) for column in columns)]))
    write_atomically(out / "audit.csv", "\n".join(lines) + "\n")
    save_png(paid_and_helped(evidence), out / "audit.png")
    note(f"{out}: audit.json, audit.csv, audit.png")


def _show(options: RewardAuditOptions, evidence: Evidence, found: list[Finding]) -> None:
    from rich.table import Table

    terminal = console(_WIDE)
    name = evidence.design.name
    checks = Table(
        title=f"{name} in {options.env}: {options.people} people a rule, {options.talks} on words, seed {options.seed}",
        title_justify="left",
        show_lines=True,
    )
    checks.add_column("check", no_wrap=True)
    checks.add_column("verdict", no_wrap=True)
    checks.add_column("what was seen", ratio=3)
    checks.add_column("why it matters", ratio=2)
    for each in found:
        colour = _COLOURS[each.verdict]
        checks.add_row(each.check, f"[{colour}]{each.verdict}[/{colour}]", _plain(each.figure), each.why)
    terminal.print(checks)
    policies = Table(title="Paid and helped", title_justify="left")
    policies.add_column("policy", no_wrap=True)
    for column in ("return", "relief", "turns", "completed"):
        policies.add_column(column, justify="right")
    for who, (_, met) in _policies(evidence).items():
        policies.add_row(
            who,
            f"{met.earned.mean():.2f}",
            f"{met.relief.mean():.3f}",
            f"{met.length.mean():.1f}",
            f"{met.completed.mean():.0%}",
        )
    terminal.print(policies)
    counted = {verdict: sum(each.verdict == verdict for each in found) for verdict in _COLOURS}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counted.items() if count)
    failed = [each.check for each in found if each.verdict == "fails"]
    terminal.print(f"{name}: {told}{'; it fails ' + ', '.join(failed) if failed else ''}.")


def _plain(text: str) -> str:
    """A text whose brackets are no markup."""
    return text.replace("[", "\\[")
