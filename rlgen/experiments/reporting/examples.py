"""Example dialogues for the report: chosen by rule, shown turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from rlgen.affect import CATEGORIES
from rlgen.experiments.display.numbers import plain, signed
from rlgen.experiments.evaluation.verdict import in_both_units
from rlgen.experiments.files.whole import read_lines
from rlgen.types import CONTROL_RANGES, MODALITIES

Dialogue = list[dict[str, Any]]


def read(path: Path) -> list[Dialogue]:
    """Dialogues of a file that `rlgen simulate` wrote."""
    found: dict[int, Dialogue] = {}
    for record in read_lines(path, ("person", "turn", "said", "reply", "controls")):
        found.setdefault(record["person"], []).append(record)
    return list(found.values())


def choose(dialogues: Sequence[Dialogue]) -> list[tuple[str, Dialogue]]:
    """The dialogues of median, highest and lowest return, each with its rule."""
    ordered = sorted(dialogues, key=lambda dialogue: dialogue[-1]["outcome"]["return"])
    chosen = [("median return", ordered[len(ordered) // 2])]
    if len(ordered) > 2:
        chosen += [("highest return", ordered[-1]), ("lowest return", ordered[0])]
    return chosen


def section(dialogues: Sequence[Dialogue]) -> str:
    """The section of the page."""
    cards = [_card(rule, dialogue, i == 0) for i, (rule, dialogue) in enumerate(choose(dialogues))]
    return (
        f"<h2>Dialogues</h2><p>Chosen by rule among {len(dialogues)} simulated people, not by hand. Beside each turn: "
        "what the frozen recognizer made of voice, face and physiology, and the controls that the policy set.</p>"
        + "".join(cards)
    )


def _ending(outcome: dict[str, Any]) -> str:
    if outcome["completed"]:
        return '<span class="end yes">completed: it was enough</span>'
    if outcome["abandoned"]:
        return '<span class="end no">abandoned: it did not help</span>'
    return '<span class="end">limit of turns</span>'


def _card(rule: str, dialogue: Dialogue, is_open: bool) -> str:
    outcome = dialogue[-1]["outcome"]
    turns = "".join(_turn(record) for record in dialogue)
    facts = (
        f"person {dialogue[0]['person']}, {outcome['length']} turns, return {plain(outcome['return'])}, "
        f"relief {in_both_units(outcome['relief'], outcome['relief_points'])}"
    )
    shown = " open" if is_open else ""
    return (
        f"<details{shown}><summary>{escape(rule.capitalize())}<small>{facts}</small></summary>"
        f"<div>{turns}</div></details>"
    )


def _meter(name: str, start: float, stop: float, figure: str, kind: str) -> str:
    return (
        f'<div class="meter {kind}"><span>{escape(name)}</span>'
        f'<i><u style="left:{100 * start:.0f}%;width:{max(100 * (stop - start), 1):.0f}%"></u></i><b>{figure}</b></div>'
    )


def _recognised(found: dict[str, Any]) -> str:
    top = max(CATEGORIES, key=lambda name: found[name])
    bars = [
        _meter(name, 0.0, found[name], f"{found[name]:.2f}", "top" if name == top else "")
        for name in sorted(CATEGORIES, key=lambda name: -found[name])[:3]
    ]
    for name in ("valence", "arousal"):
        middle, value = 0.5, 0.5 + found[name] / 2
        bars.append(_meter(name, min(middle, value), max(middle, value), signed(found[name]), ""))
    missing = [name for name in MODALITIES if name not in found["present"]]
    heading = f"recognised without {' and '.join(missing)}" if missing else "recognised"
    return f'<div class="side"><h4>{escape(heading)}</h4>{"".join(bars)}</div>'


def _controls(found: dict[str, float]) -> str:
    bars = []
    for name, value in found.items():
        low, high = CONTROL_RANGES[name]
        place = (value - low) / (high - low)
        start, stop = (min(0.5, place), max(0.5, place)) if low < 0 else (0.0, place)
        bars.append(_meter(name.removeprefix("emotional_"), start, stop, plain(value), "control"))
    return f'<div class="side"><h4>controls</h4>{"".join(bars)}</div>'


def _turn(record: dict[str, Any]) -> str:
    feedback = record["feedback"]
    rating = feedback["rating"]
    pieces = []
    if rating is not None:
        full = round(rating)
        pieces.append(f'<span>rated <span class="stars">{"★" * full}{"☆" * (5 - full)}</span></span>')
    pieces.append(f"<span>engagement {feedback['engagement']:.2f}</span>")
    pieces.append(f"<span>reward {signed(record['reward'])}</span>")
    guard = record.get("guard")
    if guard is not None and guard["decision"] != "allow":
        pieces.append(f'<span class="end no">guard: {escape(guard["decision"])} ({escape(guard["reason"])})</span>')
    if "outcome" in record:
        pieces.append(_ending(record["outcome"]))
    return (
        f'<div class="turn"><div class="which">turn {record["turn"] + 1}</div>'
        f'<div class="talk"><div class="bubble said">{escape(record["said"])}</div>'
        f'<div class="bubble reply">{escape(record["reply"])}</div></div>'
        f"{_recognised(record['recognised'])}{_controls(record['controls'])}"
        f'<div class="feedback">{"".join(pieces)}</div></div>'
    )
