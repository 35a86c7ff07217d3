"""`report.html`: what a run did, on one page that needs nothing beside itself."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import rlgen
from rlgen.experiments.display.numbers import plain, share, signed
from rlgen.experiments.evaluation.verdict import judge, title
from rlgen.experiments.files.whole import write_atomically
from rlgen.experiments.provenance import other_program
from rlgen.experiments.reporting import examples, figures
from rlgen.experiments.runs.run import Run
from rlgen.rewards import notice_of

_LIMITS = (
    "The people here are simulated. Their reactions are modelled on published effects or fitted to rated dialogues; "
    "they are not patients, and a gain on them is a hypothesis about people, not evidence.",
    "Do not use these results to choose a treatment, to put a system in front of a person in distress, or to replace "
    "a professional. rlgen is a research instrument and a decision-support study tool.",
    "The signals of the shipped bank are synthetic; recognition of real voices and faces is harder and less even.",
    "Return is a proxy. Relief is the simulator's own gold outcome, and it too is only as good as the model of people.",
    "Differences hold for this environment, reward design, generator and set of frozen parts, "
    "all named at the end of this page.",
)

# Where a narrow screen may break the names of controls.
_BREAKABLE = {"directiveness": "direc&shy;tive&shy;ness", "temperature": "temper&shy;ature"}


_OWN = ' class="own"'


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
    if evaluation is not None:
        plots |= figures.comparisons(evaluation) | figures.by_turn(evaluation)
    for name, svg in plots.items():
        write_atomically(run.path / "plots" / f"{name}.svg", svg)
    for old in (run.path / "plots").glob("*.svg"):
        if old.stem not in plots:
            old.unlink()
    sections = [_header(run, config, manifest, evaluation, unlike)]
    sections.append(_learning(plots, metrics, evaluation))
    if evaluation is not None:
        sections += [_comparison(plots, evaluation), _behaviour(plots, evaluation), _consistency(evaluation)]
        if run.has_dialogues(evaluation):
            sections.append(examples.section(examples.read(run.dialogues)))
    sections += [_limits(config), _provenance(run, config, manifest, evaluation)]
    page = Template(files("rlgen.experiments.reporting").joinpath("report.html").read_text(encoding="utf-8"))
    body = "\n".join(sections)
    write_atomically(run.report, page.substitute(title=escape(f"{run.path.name}: {config['env']}"), body=body))
    return run.report


def _header(
    run: Run,
    config: Mapping[str, Any],
    manifest: Mapping[str, Any],
    evaluation: Mapping[str, Any] | None,
    unlike: str | None,
) -> str:
    standing = run.standing()
    eyebrow = (
        f'<p class="eyebrow">{escape(config["env"])} · run {escape(run.path.name)} · {escape(str(standing))} '
        "of training</p>"
    )
    unfinished = f'<p class="warning">{escape(standing.unfinished())}</p>' if not standing.finished else ""
    if evaluation is None:
        trained = "Trained" if standing.finished else "Not trained to the end"
        heading = f"{trained}, not yet evaluated." if unlike is None else f"{trained}; not evaluated as it is now."
        reason = "" if unlike is None else f"<p>{escape(unlike)}</p>"
        command = f"<p><code>rlgen evaluate {escape(str(run.path))}</code></p>"
        return f"{eyebrow}<h1>{heading}</h1>{unfinished}{reason}{command}"
    other = other_program(manifest["segments"][-1], evaluation["stamp"])
    told = f" Measured with another program than it was trained with: {escape(other)}." if other else ""
    verdict = judge(evaluation)
    own = evaluation["policies"][evaluation["reference"]]
    tiles = [
        (plain(own["return"]["mean"]), "return (proxy)", "proxy"),
        (plain(own["relief"]["mean"]), "relief (gold), \N{MINUS SIGN}1 to 1", "gold"),
        (plain(own["relief_points"]["mean"]), "relief (gold), survey points", "gold"),
        (share(own["completed"]["mean"]), "completed: it was enough", ""),
        (share(own["abandoned"]["mean"]), "abandoned: it did not help", ""),
        (f"{own['length']['mean']:.1f}", "turns", ""),
        (plain(own["mean_rating"]["mean"]), "rating, 1 to 5", ""),
        (plain(own["worst_tenth"]["return"]["mean"]), "return, worst tenth", ""),
        (plain(own["worst_tenth"]["relief"]["mean"]), "relief, worst tenth", ""),
    ]
    shown = "".join(
        f'<div class="tile"><b class="{tone}">{value}</b><span>{name}</span></div>' for value, name, tone in tiles
    )
    warning = f'<p class="warning">{escape(verdict.warning)}</p>' if verdict.warning else ""
    return (
        f"{eyebrow}<h1>{escape(verdict.headline)}</h1><p>{escape(verdict.standing)} {escape(verdict.gold)} "
        f"{escape(verdict.worst)}</p>"
        f'{unfinished}{warning}<div class="tiles">{shown}</div>'
        f'<p class="note">Means over {evaluation["people"]} simulated people that training never met.{told}</p>'
    )


def _figure(svg: str, heading: str, caption: str = "") -> str:
    note = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure><h3>{heading}</h3>{svg}{note}</figure>"


def _learning(plots: Mapping[str, str], metrics: Sequence[Any], evaluation: Mapping[str, Any] | None) -> str:
    if not metrics:
        return ""
    beside = ""
    if evaluation is not None:
        acting = "acting at its mode" if evaluation.get("deterministic", True) else "drawing its actions"
        beside = f" Dashed: each policy on fresh people, the trained one {acting}."
    told = {
        "return": (
            'Return per dialogue <span class="proxy">(what is trained)</span>',
            f"Dots are iterations, while exploring; the line is their moving mean.{beside}",
        ),
        "relief": (
            'Relief per dialogue <span class="gold">(never shown to the policy)</span>',
            "If the left curve rises and this one does not, the reward is being gamed. 1 is from the strongest feeling "
            "to none: 4 points of a survey that asks from 1 to 5.",
        ),
    }
    # What no dialogue has told has no curve: none has ended yet, or these people's relief is unknown.
    drawn = [_figure(plots[name], *words) for name, words in told.items() if name in plots]
    if not drawn:
        return "<h2>Learning</h2><p>No dialogue ended while training, so there is nothing to draw yet.</p>"
    names = [name for name in figures.term_names(metrics) if f"term_{name}" in plots]
    terms = "".join(_figure(plots[f"term_{name}"], escape(name)) for name in names)
    speed = metrics[-1]["step"] / metrics[-1]["seconds"] if metrics[-1]["seconds"] else math.nan
    learner = sum(record["learner_share"] for record in metrics) / len(metrics)
    return (
        f'<h2>Learning</h2><div class="grid">{"".join(drawn)}</div>'
        "<h2>The reward, term by term</h2><p>Weighted terms, summed over a dialogue; they add up to the return.</p>"
        f'<div class="grid">{terms}</div>'
        f'<p class="note">{metrics[-1]["step"]:,} steps in {metrics[-1]["seconds"] / 60:.1f} minutes, {speed:.0f} a '
        f"second; policy and learner took {share(learner)} of the time, the simulated world the rest.</p>"
    )


def _comparison(plots: Mapping[str, str], evaluation: Mapping[str, Any]) -> str:
    reference = evaluation["reference"]
    tail = "worst tenth"
    scale = "<small>\N{MINUS SIGN}1 to 1</small>"
    relief, points = f"relief{scale}", "relief<small>survey points</small>"
    head = (
        "policy", "return", "difference", f"{tail}<small>return</small>", relief, points,
        f"{tail}<small>relief</small>", "completed", "abandoned", "limit", "turns", "rating<small>1 to 5</small>",
        "cost",
    )  # fmt: skip
    rows = []
    for name, found in sorted(evaluation["policies"].items(), key=lambda item: -item[1]["return"]["mean"]):
        gap = evaluation["differences"].get(name)
        cells = [
            escape(title(name)),
            f"{plain(found['return']['mean'])}<small>SD {found['return_sd']:.2f}</small>",
            "" if gap is None else _spread(gap["return"], signed),
            _spread(found["worst_tenth"]["return"]),
            plain(found["relief"]["mean"], 3),
            plain(found["relief_points"]["mean"]),
            _spread(found["worst_tenth"]["relief"]),
            share(found["completed"]["mean"]),
            share(found["abandoned"]["mean"]),
            share(found["limit"]["mean"]),
            f"{found['length']['mean']:.1f}",
            plain(found["mean_rating"]["mean"]),
            f"{found['cost']['mean']:.3f}",
        ]
        rows.append((name == reference, cells))
    charts = ""
    if "difference_return" in plots:
        charts = (
            '<div class="grid">'
            + _figure(plots["difference_return"], 'Difference in return <span class="proxy">(proxy)</span>')
            + _figure(plots["difference_relief"], 'Difference in relief <span class="gold">(gold)</span>')
            + "</div><p></p>"
        )
    return (
        f"<h2>Beside the ladder of baselines</h2><p>{escape(title(reference).capitalize())} minus each baseline on the "
        "same people, with 95 % bootstrap intervals. Filled: the interval lies above zero; hollow: it holds zero; "
        f"red: below.</p>{charts}"
        f"{_table(head, rows)}"
    )


def _table(head: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    """A table that scrolls by itself, from cells of HTML; rows of the run's own policy stand out."""
    heads = "".join(f"<th>{name}</th>" for name in head)
    lines = [f"<tr{_OWN if own else ''}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for own, cells in rows]
    return f'<div class="scroll"><table><tr>{heads}</tr>{"".join(lines)}</table></div>'


def _spread(values: Mapping[str, float | None], say: Callable[[float | None], str] = plain) -> str:
    """A mean over its interval."""
    if values["mean"] is None:
        return say(None)
    return f"{say(values['mean'])}<small>{say(values['low'])} to {say(values['high'])}</small>"


def _behaviour(plots: Mapping[str, str], evaluation: Mapping[str, Any]) -> str:
    names = figures.CONTROLS
    rows = []
    for emotion, found in evaluation["behaviour"]["by_emotion"].items():
        cells = "".join(_heat(value) for value in found["mean"])
        rows.append(f"<tr><td>{escape(emotion)}<small>{found['count']:,} turns</small></td>{cells}</tr>")
    head = "".join(f"<th>{_BREAKABLE.get(name, name)}</th>" for name in names)
    table = f'<table class="heat"><tr><td></td>{head}</tr>{"".join(rows)}</table>'
    return (
        "<h2>What it does</h2><p>Mean actions, from −1 to 1: 0 is the middle of a control's range.</p>"
        f'<div class="grid"><figure><h3>By recognised emotion</h3>{table}</figure>'
        f"{_figure(plots['by_turn'], 'By turn')}</div>"
    )


def _consistency(evaluation: Mapping[str, Any]) -> str:
    """Whether replies follow the recognised emotion, each figure beside its trivial baseline."""
    head = ("policy", "trend", "raw cosine", "mirroring", "appropriateness", "anger for anger")
    rows = []
    for name, policy in evaluation["policies"].items():
        found = policy.get("consistency")
        if found is None:
            continue
        cells = [escape(title(name))]
        for what, beside in (
            ("trend", "shuffled"), ("raw", "constant"), ("mirroring", "constant"), ("appropriateness", "constant"),
        ):  # fmt: skip
            value, baseline = found[what]["value"], found[what][beside]
            small = "" if baseline is None else f"<small>{beside} {plain(baseline)}</small>"
            cells.append(f"{plain(value)}{small}")
        anger = found["anger_for_anger"]
        turns = f"<small>of {found['angry_turns']:,} turns</small>"
        cells.append("–" if anger is None else f"{anger:.0%}{turns}")
        rows.append((name == evaluation["reference"], cells))
    if not rows:
        return ""
    return (
        "<h2>Do the words follow the emotion?</h2><p>Trend: the cosine of two curves over a dialogue, the recognised "
        "affect and the affect read from the replies, each less its own mean. It is no praise in itself: mirroring is "
        "likeness to the person, appropriateness likeness to what would help them, by the regulating target. "
        "Beside each stands what the replies of other dialogues, or one reply that never changes, would reach.</p>"
        f"{_table(head, rows)}"
    )


def _heat(value: float) -> str:
    tone, depth = ("heat" if value >= 0 else "cold"), min(abs(value), 1.0) * 0.62
    return f'<td style="background:rgba(var(--{tone}),{depth:.2f})">{signed(value)}</td>'


def _limits(config: Mapping[str, Any]) -> str:
    notice = notice_of(config["world"]["reward"])
    told = (*_LIMITS, f"{notice[:1].upper()}{notice[1:]}.") if notice else _LIMITS
    items = "".join(f"<li>{escape(item)}</li>" for item in told)
    return f"<h2>What must not be concluded from this</h2><ul>{items}</ul>"


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


def _provenance(
    run: Run, config: Mapping[str, Any], manifest: Mapping[str, Any], evaluation: Mapping[str, Any] | None
) -> str:
    facts = {
        "config hash": config["hash"],
        **_segments(manifest["segments"]),
        "learner seed": manifest["seeds"]["learner"],
        "people of the training": "{realm}, seed {seed}, {rows} rows".format(**manifest["seeds"]["people"]),
    }
    if evaluation is not None:
        facts["people of the evaluation"] = f"evaluation, seed {evaluation['seed']}, {evaluation['people']} people"
    facts |= {f"{name} sha256": value for name, value in manifest["parts"].items()}
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    shown = escape(json.dumps({k: v for k, v in config.items() if k != "hash"}, indent=2))
    return (
        "<h2>How it was made</h2>"
        f'<details><summary>Seeds, versions, hashes</summary><div class="scroll"><table>{rows}</table></div></details>'
        f"<details><summary>Config</summary><div><pre>{shown}</pre></div></details>"
        f"<footer>Written by rlgen {escape(rlgen.__version__)}. The figures are in metrics.jsonl and evaluation.json, "
        "one line per person in evaluation.csv.</footer>"
    )
