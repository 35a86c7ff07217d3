"""The observation: one flat float32 vector with a named layout."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from gymnasium import spaces

from rlgen.errors import ConfigError
from rlgen.seams import own_fault, refused
from rlgen.types import F32, I64, NUM_CONTROLS, Reading, array_fault

VECTOR_DIM: Final = 32
CONTEXT_DIM: Final = 32
_VECTOR_BOUND: Final = 5.0
_READING_LOW: Final = [0.0] * 6 + [-1.0] * 2 + [0.0] * 3 + [-1.0, -1.0] + [0.0] * 5
_READING_HIGH: Final = [1.0] * len(_READING_LOW)

# name -> (lower bounds, upper bounds); a block's length is that of its bounds.
_BLOCKS: Final[dict[str, tuple[list[float], list[float]]]] = {
    "affect": ([0.0] * 6 + [-1.0] * 2, [1.0] * 8),
    "uncertainty": ([0.0] * 3, [1.0] * 3),
    "present": ([0.0] * 3, [1.0] * 3),
    "vector": ([-_VECTOR_BOUND] * VECTOR_DIM, [_VECTOR_BOUND] * VECTOR_DIM),
    "utterance_reading": (_READING_LOW, _READING_HIGH),
    "reply_reading": (_READING_LOW, _READING_HIGH),
    "earlier_reply_reading": (_READING_LOW, _READING_HIGH),
    "context": ([-1.0] * CONTEXT_DIM, [1.0] * CONTEXT_DIM),
    "previous_controls": ([-1.0] * NUM_CONTROLS, [1.0] * NUM_CONTROLS),
    "rating": ([-1.0], [1.0]),
    "rating_present": ([0.0], [1.0]),
    "engagement": ([0.0], [1.0]),
    "turn": ([0.0], [1.0]),
}

BLOCKS: Final = tuple(_BLOCKS)
"""Names of the blocks that a policy sees, in order."""


@dataclass(frozen=True)
class Visible:
    """What a policy may know of N dialogues, for observation blocks of one's own.

    Attributes:
        utterance: N texts, what the person said last.
        replies: N lists of the supporter's replies so far.
        turn: `[N]` turns done.
        blocks: the named blocks, `[N, length]` each.
    """

    utterance: list[str]
    replies: list[list[str]]
    turn: I64
    blocks: Mapping[str, F32]


@dataclass(frozen=True)
class Block:
    """An observation block of one's own.

    Attributes:
        name: of the block.
        width: its length.
        see: from what a policy may know to `[N, width]`; a row must not depend on the others.
        low: least value of each number, finite.
        high: greatest value.
    """

    name: str
    width: int
    see: Callable[[Visible], F32]
    low: float = 0.0
    high: float = 1.0

    def seen(self, visible: Visible) -> F32:
        """The block of N rows.

        Raises:
            PartError: `see` fails, or does not give `[N, width]`, finite.
        """
        with own_fault(f"block {self.name}", self.see):
            found = self.see(visible)
        with suppress(TypeError, ValueError):
            found = np.asarray(found, dtype=np.float32)
        if wrong := array_fault("block", found, "F32", (len(visible.turn), self.width)):
            raise refused(f"block {self.name}", self.see, wrong)
        return found


@dataclass(frozen=True)
class ObservationLayout:
    """Where each named block lies in the flat observation.

    | block | length | meaning |
    |---|---|---|
    | affect | 8 | recognised category probabilities, valence, arousal |
    | uncertainty | 3 | normalised entropy of the categories, standard deviations of valence and arousal |
    | present | 3 | which of speech, face, physiology were there |
    | vector | 32 | emotion vector, projected to 32 dimensions |
    | utterance_reading | 18 | reading of what the person just said (`Reading.array`) |
    | reply_reading | 18 | reading of the supporter's last reply, zeros at the first turn |
    | earlier_reply_reading | 18 | reading of the reply before it, zeros until there is one |
    | context | 32 | embedding of what the person just said, projected to 32 dimensions |
    | previous_controls | 4 | last action as a point of the box, zeros at the first turn |
    | rating | 1 | last rating given, (rating - 3) / 2, 0 until there is one |
    | rating_present | 1 | 1 where a rating was given after the last reply |
    | engagement | 1 | shown after the last reply, .5 at the first turn |
    | turn | 1 | turns done / turn limit |
    | privileged | p | hidden state of the person, only in `observation="privileged"` |

    Blocks can be left out (`WorldConfig.drop`); the others then move together and keep their order. Blocks of one's
    own (`WorldConfig.blocks`) follow them, before the privileged one.

    Attributes:
        slices: block name -> slice of the flat vector.
        privileged: names of the hidden variables in the last block.
        own: name -> bounds of each number of a block of one's own.
    """

    slices: Mapping[str, slice]
    privileged: tuple[str, ...] = ()
    own: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, privileged: tuple[str, ...] = (), drop: Collection[str] = (), blocks: Sequence[Block] = ()
    ) -> ObservationLayout:
        """The layout, with a privileged block for the named hidden variables, without the blocks in `drop`.

        Raises:
            ConfigError: a block of one's own has a name that is taken, no width or bounds that are not finite.
        """
        slices, start = {}, 0
        for name, (low, _) in _BLOCKS.items():
            if name in drop:
                continue
            slices[name] = slice(start, start + len(low))
            start += len(low)
        for block in blocks:
            if block.name in {*_BLOCKS, *slices, "privileged"}:
                raise ConfigError(f"observation block {block.name!r}: there is one of that name; choose another")
            if block.width < 1 or not (np.isfinite([block.low, block.high]).all() and block.low < block.high):
                raise ConfigError(f"observation block {block.name!r}: give a width above 0 and finite low < high")
            slices[block.name] = slice(start, start + block.width)
            start += block.width
        if privileged:
            slices["privileged"] = slice(start, start + len(privileged))
        return cls(slices, privileged, {block.name: (block.low, block.high) for block in blocks})

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        return max(int(block.stop) for block in self.slices.values())

    @cached_property
    def _bounds(self) -> tuple[F32, F32]:
        """Lower and upper bounds `[D]`."""
        ends = {**self.own, "privileged": (-_VECTOR_BOUND, _VECTOR_BOUND)}
        low, high = np.empty(self.size, dtype=np.float32), np.empty(self.size, dtype=np.float32)
        for name, where in self.slices.items():
            low[where], high[where] = _BLOCKS[name] if name in _BLOCKS else ends[name]
        return low, high

    def space(self) -> spaces.Box:
        """The Gymnasium space, with finite bounds."""
        low, high = self._bounds
        return spaces.Box(low.copy(), high.copy())

    def flatten(self, blocks: Mapping[str, F32]) -> F32:
        """Blocks `[N, length]` as the flat `[N, D]` vector, clipped to the bounds.

        Args:
            blocks: one array for each name in `slices`; others are left out.
        """
        rows = len(next(iter(blocks.values())))
        flat = np.empty((rows, self.size), dtype=np.float32)
        for name, where in self.slices.items():
            flat[:, where] = blocks[name]
        low, high = self._bounds
        return np.clip(flat, low, high, out=flat)

    def unflatten(self, observation: F32) -> dict[str, F32]:
        """The named blocks, views `[..., length]` of `observation` `[..., D]`."""
        return {name: observation[..., where] for name, where in self.slices.items()}


def no_reading(rows: int) -> F32:
    """What stands for a reply that was not yet given: zeros `[rows, 18]`."""
    return np.zeros((rows, len(_READING_LOW)), dtype=np.float32)


assert len(_READING_LOW) == 8 + 3 + len(Reading.SCALARS)
