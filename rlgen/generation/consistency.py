"""The consistency monitor: does the emotional trend of what was said follow what was recognised?

Two curves over the turns of a dialogue are compared: the affect that was recognised in the person and the
affect that the replies are read to carry. Both are *centred* on their own mean over the dialogue, so
that the figure speaks of change: the raw cosine of two affects is high for any pair of calm texts, and a
constant reply earns it too. Both come beside the same figure for the replies of other dialogues
(shuffled) and for one reply that never changes (constant).

A high consistency is not a good reply. So two more figures stand apart: *mirroring*, the cosine of the
reply to what was recognised, and *appropriateness*, its cosine to the regulating target of the alignment
reward (`rlgen.affect.regulating_target`), which asks for calm where the person is angry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import AFFECT_DIM, ANGER, NUM_CATEGORIES, cosine, regulating_target
from rlgen.errors import DataError
from rlgen.types import F64

# Other dialogues that each dialogue is paired with for the shuffled figures, at most.
_SHUFFLES: Final = 16
_LEAST_TURNS: Final = 2  # below that a trend is nothing

Compare = Callable[[F64, F64], float]


@dataclass(frozen=True)
class Beside:
    """A figure with its trivial baselines.

    Attributes:
        value: as measured, in [-1, 1].
        shuffled: the same with the replies of other dialogues.
        constant: the same with every reply read as the mean of all readings.
    """

    value: float
    shuffled: float
    constant: float


@dataclass(frozen=True)
class Consistency:
    """How replies follow what was recognised, over the dialogues of two turns or more.

    Attributes:
        dialogues: how many.
        turns: in all of them.
        trend: mean cosine of the centred curves; `constant` is 0, since a constant has no trend.
        raw: mean cosine of the curves as they are, which is inflated.
        mirroring: mean cosine of a reply to what was recognised.
        appropriateness: mean cosine of a reply to its regulating target.
        angry_turns: turns at which anger was the likeliest category of the person.
        anger_for_anger: share of them at which it was the reply's too; NaN where there are none.
        anger_otherwise: share of angry replies at the other turns; NaN where there are none.
        by_dialogue: `[dialogues]`, the trend's cosine of each, in the order of their first turns.
    """

    dialogues: int
    turns: int
    trend: Beside
    raw: Beside
    mirroring: Beside
    appropriateness: Beside
    angry_turns: int
    anger_for_anger: float
    anger_otherwise: float
    by_dialogue: F64

    def figures(self) -> dict[str, Any]:
        """All but the single dialogues, as plain values with NaN as None, for JSON."""

        def plain(value: float) -> float | None:
            return None if np.isnan(value) else round(value, 4)

        beside = {
            name: {part: plain(getattr(getattr(self, name), part)) for part in ("value", "shuffled", "constant")}
            for name in ("trend", "raw", "mirroring", "appropriateness")
        }
        anger = {name: plain(getattr(self, name)) for name in ("anger_for_anger", "anger_otherwise")}
        return {
            "dialogues": self.dialogues,
            "turns": self.turns,
            **beside,
            "angry_turns": self.angry_turns,
            **anger,
        }


def consistency(
    recognised: NDArray[np.floating], read: NDArray[np.floating], dialogue: NDArray[np.integer]
) -> Consistency:
    """Compare what was said with what was recognised.

    Args:
        recognised: `[T, 8]` affect of the person before each reply, see `rlgen.affect`.
        read: `[T, 8]` affect read from each reply's words.
        dialogue: `[T]` which dialogue a turn belongs to; turns of a dialogue in order, dialogues in any mixture.

    Raises:
        DataError: the shapes do not fit, a value is not finite, or no dialogue has two turns.
    """
    person: F64 = np.asarray(recognised, dtype=np.float64)
    reply: F64 = np.asarray(read, dtype=np.float64)
    turns = len(dialogue)
    if person.shape != (turns, AFFECT_DIM) or reply.shape != (turns, AFFECT_DIM):
        raise DataError(
            f"affects are {person.shape} and {reply.shape}; both must be ({turns}, {AFFECT_DIM}), a row per turn"
        )
    if not (np.isfinite(person).all() and np.isfinite(reply).all()):
        raise DataError("an affect is not finite; leave such turns out")
    lots = [rows for rows in _by_dialogue(dialogue) if len(rows) >= _LEAST_TURNS]
    if not lots:
        raise DataError(f"no dialogue has {_LEAST_TURNS} turns; a trend needs that many")
    kept = np.concatenate(lots)
    mean = reply[kept].mean(axis=0)
    felt, said = [person[rows] for rows in lots], [reply[rows] for rows in lots]
    still = [np.tile(mean, (len(rows), 1)) for rows in lots]
    asked = [regulating_target(curve).astype(np.float64) for curve in felt]
    trends = _each(_trend, felt, said)
    angry = person[kept, :NUM_CATEGORIES].argmax(axis=1) == ANGER
    angrily = reply[kept, :NUM_CATEGORIES].argmax(axis=1) == ANGER
    return Consistency(
        dialogues=len(lots),
        turns=len(kept),
        trend=Beside(float(trends.mean()), _shuffled(_trend, felt, said), 0.0),
        raw=_beside(_whole, felt, said, still),
        mirroring=_beside(_turnwise, felt, said, still),
        appropriateness=_beside(_turnwise, asked, said, still),
        angry_turns=int(angry.sum()),
        anger_for_anger=_share(angrily[angry]),
        anger_otherwise=_share(angrily[~angry]),
        by_dialogue=trends,
    )


def _by_dialogue(dialogue: NDArray[np.integer]) -> list[NDArray[np.intp]]:
    """The turns of each dialogue, in order."""
    _, first, whose = np.unique(dialogue, return_index=True, return_inverse=True)
    order = np.argsort(first[whose], kind="stable")  # dialogues by their first turn, turns as they came
    return np.split(order, np.cumsum(np.bincount(whose)[np.argsort(first)])[:-1])


def _angle(a: F64, b: F64) -> float:
    return float(cosine(a.reshape(1, -1), b.reshape(1, -1))[0])


def _trend(a: F64, b: F64) -> float:
    return _angle(a - a.mean(axis=0), b - b.mean(axis=0))


def _whole(a: F64, b: F64) -> float:
    return _angle(a, b)


def _turnwise(a: F64, b: F64) -> float:
    return float(cosine(a, b).mean())


def _each(compare: Compare, a: Sequence[F64], b: Sequence[F64]) -> F64:
    """Of each dialogue; the longer of two curves is cut to the length of the other."""
    return np.array([compare(x[: len(y)], y[: len(x)]) for x, y in zip(a, b, strict=True)])


def _shuffled(compare: Compare, a: Sequence[F64], b: Sequence[F64]) -> float:
    """Mean over pairs of different dialogues: each with those that follow it, around the end; NaN with one alone."""
    shifts = range(1, min(len(a), _SHUFFLES + 1))
    means = [_each(compare, a, [*b[k:], *b[:k]]).mean() for k in shifts]
    return float(np.mean(means)) if means else float("nan")


def _beside(compare: Compare, a: Sequence[F64], b: Sequence[F64], still: Sequence[F64]) -> Beside:
    return Beside(float(_each(compare, a, b).mean()), _shuffled(compare, a, b), float(_each(compare, a, still).mean()))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
