"""The project's contrast sentences: short supporter replies with known warmth, directiveness, intensity.

The axes are those of the interpersonal circumplex (Leary, 1957; Wiggins, 1979). Sentences come as
ladders (one content, five rungs along one axis, the other axis held) and as parts, whose
combinations carry the axes independently by construction: a warm opening before an order, a cold
one before an open question, a calm or a shaken one before either.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rlgen.text.topics import bank

Axis = Literal["warmth", "directiveness", "intensity"]
AXES: Final[tuple[Axis, ...]] = ("warmth", "directiveness", "intensity")
_RUNGS: Final = {
    "warmth": (-1.0, -0.5, 0.0, 0.5, 1.0),
    "directiveness": (-0.75, -0.25, 0.0, 0.5, 1.0),
    "intensity": (0.0, 0.25, 0.5, 0.75, 1.0),
}
_HELD: Final[dict[str, Axis]] = {"warmth": "directiveness", "directiveness": "warmth", "intensity": "warmth"}
_SHAPES: Final = ("{a} {b}", "{b} {a}")


@dataclass(frozen=True)
class Labelled:
    """Texts with a value on each axis, NaN where it is not stated; `group` keeps together what shares words."""

    texts: list[str]
    values: NDArray[np.float32]
    group: NDArray[np.int64]

    def on(self, axis: Axis) -> NDArray[np.float32]:
        """Values on one axis, `[N]`."""
        return self.values[:, AXES.index(axis)]


def _read(axis: str) -> Any:
    return bank(axis, Path(__file__).with_name("contrast"))


def ladders(axis: Axis, held_out: bool) -> list[tuple[list[str], float]]:
    """Ladders of an axis with the value they hold on the other; every fourth is held out of fitting."""
    every = [(rungs, float(block["holding"])) for block in _read(axis)["ladders"] for rungs in block["rungs"]]
    return [ladder for i, ladder in enumerate(every) if (i % 4 == 3) == held_out]


def _ladder_texts(axis: Axis, held_out: bool) -> list[tuple[str, dict[str, float]]]:
    return [
        (text, {axis: level, _HELD[axis]: holding})
        for rungs, holding in ladders(axis, held_out)
        for text, level in zip(rungs, _RUNGS[axis], strict=True)
    ]


def _parts(axis: Axis, held_out: bool) -> list[tuple[str, float]]:
    """Parts of an axis with their values; the last quarter of each level is held out of fitting."""
    found = []
    for level, texts in _read(axis)["parts"].items():
        cut = len(texts) - len(texts) // 4
        found += [(text, float(level)) for text in (texts[cut:] if held_out else texts[:cut])]
    return found


def labelled(held_out: bool = False, combinations: int = 300, seed: int = 0) -> Labelled:
    """All sentences for fitting, or those held out.

    Args:
        held_out: the sentences that fitting never sees instead of those it sees.
        combinations: how many texts to join from parts of two or three axes.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, dict[str, float], int]] = []
    group = 0
    for axis in AXES:
        for i, (text, values) in enumerate(_ladder_texts(axis, held_out)):
            rows.append((text, values, group + i // 5))
        group = rows[-1][2] + 1
    warm, lead, deep = (_parts(axis, held_out) for axis in AXES)
    for axis, parts in zip(AXES, (warm, lead, deep), strict=True):
        for text, value in parts:
            values = {axis: value}
            if axis == "directiveness":
                values["warmth"] = 0.0
            rows.append((text, values, group))
            group += 1
    for _ in range(combinations):
        (a, w), (b, d), (c, depth) = (parts[rng.integers(len(parts))] for parts in (warm, lead, deep))
        way = rng.random()
        if way < 0.5:
            text = _SHAPES[int(rng.random() < 0.3)].format(a=a, b=b)
            rows.append((text, {"warmth": w, "directiveness": d}, group))
        elif way < 0.75:
            rows.append((f"{c} {b}", {"directiveness": d, "intensity": depth}, group))
        else:
            rows.append((f"{a} {c} {b}", {"warmth": w, "directiveness": d}, group))
        group += 1
    values_array = np.array([[values.get(axis, np.nan) for axis in AXES] for _, values, _ in rows], dtype=np.float32)
    return Labelled([text for text, _, _ in rows], values_array, np.array([g for _, _, g in rows]))
