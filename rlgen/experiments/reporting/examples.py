"""Example dialogues for the report: chosen by rule, made ready to be shown turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
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
    if not dialogues:
        return []
    ordered = sorted(dialogues, key=lambda dialogue: dialogue[-1]["outcome"]["return"])
    chosen = [("median return", ordered[len(ordered) // 2])]
    if len(ordered) > 2:
        chosen += [("highest return", ordered[-1]), ("lowest return", ordered[0])]
    return chosen


def shown(dialogues: Sequence[Dialogue]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """The chosen ones for the page: by which rule, what is said of them, and their turns with bars to draw."""
    return [(rule, _facts(dialogue), [_turn(record) for record in dialogue]) for rule, dialogue in choose(dialogues)]


def _facts(dialogue: Dialogue) -> str:
    outcome = dialogue[-1]["outcome"]
    return (
        f"person {dialogue[0]['person']}, {outcome['length']} turns, return {plain(outcome['return'])}, "
        f"relief {in_both_units(outcome['relief'], outcome['relief_points'])}"
    )


def _turn(record: dict[str, Any]) -> dict[str, Any]:
    """A turn whose emotions and controls are bars: name, start and stop in [0, 1], figure, kind."""
    found, controls = record["recognised"], []
    ordered = sorted(CATEGORIES, key=lambda name: -found[name])
    recognised = [
        (name, 0.0, found[name], f"{found[name]:.2f}", "" if place else "top") for place, name in enumerate(ordered[:3])
    ]
    for name in ("valence", "arousal"):
        at = 0.5 + found[name] / 2
        recognised.append((name, min(0.5, at), max(0.5, at), signed(found[name]), ""))
    for name, value in record["controls"].items():
        low, high = CONTROL_RANGES[name]
        at = (value - low) / (high - low)
        start, stop = (min(0.5, at), max(0.5, at)) if low < 0 else (0.0, at)
        controls.append((name.removeprefix("emotional_"), start, stop, plain(value), "control"))
    missing = [name for name in MODALITIES if name not in found["present"]]
    drawn = {"recognised": recognised, "controls": controls, "missing": missing}
    return {"guard": None, "outcome": None, **record, **drawn}
