"""`report.html`: what a run did, on one page that needs nothing beside itself.

Figures and sentences are made here, the page in `templates`: `base.html` is the shell of every report, `parts.html`
holds what pages are made of.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import rlgen
from rlgen.experiments.display.numbers import plain, share, signed
from rlgen.experiments.evaluation.verdict import judge, title
from rlgen.experiments.files.whole import write_atomically
from rlgen.experiments.provenance import other_program
from rlgen.experiments.reporting import examples, figures
from rlgen.experiments.runs.run import Run
from rlgen.rewards import notice_of

Cell = str | tuple[str, str]
"""Of a table: a text, or a text and what stands small below it."""
Table = tuple[Sequence[Cell], Sequence[tuple[bool, Sequence[Cell]]]]
"""Head and rows for the macro `table`; a row with True is of the page's own subject."""


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("rlgen.experiments.reporting"),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"plain": plain, "share": share, "signed": signed, "policy": title}
    return made


def render(template: str, **values: Any) -> str:
    """A page from one of the templates; every text is escaped.

    Args:
        template: name of its file.
        **values: by the names that it uses.
    """
    return _templates().get_template(template).render(values)


def write_report(run: Run) -> Path:
    """Write `report.html` and the charts as SVG files under `plots/`.

    Args:
        run: a trained run; its evaluation and dialogues are shown where they are of the policy as it is now.

    Returns:
        Path of the page.
    """
    config, manifest, metrics = run.config(), run.manifest(), run.read_metrics()
    evaluation, unlike = run.read_evaluation(), None
    if evaluation is not None and (unlike := run.unlike(evaluation)):
        evaluation = None  # an old verdict does not stand beside new curves
    plots = figures.curves(metrics, evaluation)
    of_evaluation: dict[str, Any] = {}
    if evaluation is not None:
        plots |= figures.comparisons(evaluation) | figures.by_turn(evaluation)
        met = examples.read(run.dialogues) if run.has_dialogues(evaluation) else []
        of_evaluation = {
            "verdict": judge(evaluation),
            "other_program": other_program(manifest["segments"][-1], evaluation["stamp"]),
            "comparison": comparison(evaluation),
            "consistency": consistency(evaluation),
            "met": len(met),
            "dialogues": examples.shown(met),
        }
    write_plots(run.path / "plots", plots)
    page = render(
        "run.html",
        title=f"{run.path.name}: {config['env']}",
        name=run.path.name,
        path=str(run.path),
        config=config,
        metrics=metrics,
        standing=run.standing(),
        evaluation=evaluation,
        unlike=unlike,
        plots=plots,
        terms=[name for name in figures.term_names(metrics) if f"term_{name}" in plots],
        notice=notice_of(config["world"]["reward"]),
        facts=_facts(config, manifest, evaluation),
        shown_config=json.dumps({k: v for k, v in config.items() if k != "hash"}, indent=2),
        version=rlgen.__version__,
        nan=math.nan,
        **of_evaluation,
    )
    write_atomically(run.report, page)
    return run.report


def write_plots(folder: Path, plots: Mapping[str, str]) -> None:
    """Write charts as SVG files by their names, and take away those that a page has no longer."""
    for name, svg in plots.items():
        write_atomically(folder / f"{name}.svg", svg)
    for old in folder.glob("*.svg"):
        if old.stem not in plots:
            old.unlink()


def comparison(evaluation: Mapping[str, Any]) -> Table:
    """The policies of an evaluation, best return first."""
    tail, scale = "worst tenth", "\N{MINUS SIGN}1 to 1"
    head: list[Cell] = [
        "policy", "return", "difference", (tail, "return"), ("relief", scale), ("relief", "survey points"),
        (tail, "relief"), "completed", "abandoned", "limit", "turns", ("rating", "1 to 5"), "cost",
    ]  # fmt: skip
    rows: list[tuple[bool, Sequence[Cell]]] = []
    for name, found in sorted(evaluation["policies"].items(), key=lambda item: -item[1]["return"]["mean"]):
        gap = evaluation["differences"].get(name)
        cells: list[Cell] = [
            title(name),
            (plain(found["return"]["mean"]), f"SD {found['return_sd']:.2f}"),
            "" if gap is None else over_interval(gap["return"], signed),
            over_interval(found["worst_tenth"]["return"]),
            plain(found["relief"]["mean"], 3),
            plain(found["relief_points"]["mean"]),
            over_interval(found["worst_tenth"]["relief"]),
            share(found["completed"]["mean"]),
            share(found["abandoned"]["mean"]),
            share(found["limit"]["mean"]),
            f"{found['length']['mean']:.1f}",
            plain(found["mean_rating"]["mean"]),
            f"{found['cost']['mean']:.3f}",
        ]
        rows.append((name == evaluation["reference"], cells))
    return head, rows


def over_interval(values: Mapping[str, float | None], say: Callable[[float | None], str] = plain) -> Cell:
    """A mean over its interval."""
    if values["mean"] is None:
        return say(None)
    return say(values["mean"]), f"{say(values['low'])} to {say(values['high'])}"


def consistency(evaluation: Mapping[str, Any]) -> Table:
    """Whether replies follow the recognised emotion, each figure beside its trivial baseline."""
    rows: list[tuple[bool, Sequence[Cell]]] = []
    for name, policy in evaluation["policies"].items():
        found = policy.get("consistency")
        if found is None:
            continue
        cells: list[Cell] = [title(name)]
        for what, beside in (
            ("trend", "shuffled"), ("raw", "constant"), ("mirroring", "constant"), ("appropriateness", "constant"),
        ):  # fmt: skip
            value, baseline = found[what]["value"], found[what][beside]
            cells.append((plain(value), "" if baseline is None else f"{beside} {plain(baseline)}"))
        anger = found["anger_for_anger"]
        cells.append("–" if anger is None else (f"{anger:.0%}", f"of {found['angry_turns']:,} turns"))
        rows.append((name == evaluation["reference"], cells))
    return ("policy", "trend", "raw cosine", "mirroring", "appropriateness", "anger for anger"), rows


def _segments(segments: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each stretch of the training was done with; a later one says only what differs from the one before."""
    facts: dict[str, str] = {}
    before: dict[str, str] = {}
    for segment in segments:
        told = {
            "command": segment["command"],
            "rlgen": f"{segment['rlgen']}, commit {segment['commit']}, source {segment['code']}",
            "machine": f"{segment['machine']} ({segment['device']}, {segment['threads'] or 'any number of'} threads)",
            "generator computes in": segment["precision"] or "no type of its own",
            "python": segment["python"],
            **segment["packages"],
        }
        where = f"from step {segment['start_step']:,}"
        facts[f"{where}: begun"] = segment["time"]
        facts |= {f"{where}: {name}": value for name, value in told.items() if before.get(name) != value}
        before = told
    return facts


def _facts(
    config: Mapping[str, Any], manifest: Mapping[str, Any], evaluation: Mapping[str, Any] | None
) -> dict[str, str]:
    """What the page is made of, by name."""
    facts = {
        "config hash": config["hash"],
        **_segments(manifest["segments"]),
        "learner seed": manifest["seeds"]["learner"],
        "people of the training": "{realm}, seed {seed}, {rows} rows".format(**manifest["seeds"]["people"]),
    }
    if evaluation is not None:
        facts["people of the evaluation"] = f"evaluation, seed {evaluation['seed']}, {evaluation['people']} people"
    return facts | {f"{name} sha256": value for name, value in manifest["parts"].items()}
