"""What a world keeps of a reward design: what it has seen of N dialogues, and how far its terms spread."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlgen.rewards.composition import Part, RewardDesign
from rlgen.rewards.feedback import Seen
from rlgen.rewards.registry import Floats
from rlgen.rewards.trace import Trace
from rlgen.rng import Streams
from rlgen.types import F32, I64

Gather = Callable[[Floats], Floats]
"""From the values of some rows to those of all, where a world's rows live in several processes."""

PURPOSE = "rewards.feedback"
"""Prefix of the streams from which feedback's bias, noise and gaps are drawn. Designs of one world draw the same."""


@dataclass
class Spread:
    """Mean and deviation of all values so far (Welford, Technometrics 1962; batches as by Chan, Golub and LeVeque)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def take(self, values: Floats) -> None:
        """Count values in."""
        number, mean = len(values), float(values.mean())
        apart, whole = mean - self.mean, self.count + number
        self.squares += float(((values - mean) ** 2).sum()) + apart**2 * self.count * number / whole
        self.mean += apart * number / whole
        self.count = whole

    @property
    def deviation(self) -> float:
        """Standard deviation; 1 where nothing spreads yet."""
        return float(np.sqrt(self.squares / self.count)) if self.squares > 0 else 1.0


class Scorer:
    """Scores the turns of N dialogues by a design, with what it has to remember of them.

    A design that remembers nothing is scored as `RewardDesign.score` does, to the bit, and keeps nothing here.

    Attributes:
        design: the design.
    """

    def __init__(self, design: RewardDesign, rows: int, purpose: str = PURPOSE, gather: Gather | None = None) -> None:
        """Begin.

        Args:
            design: the design.
            rows: N.
            purpose: prefix of the names of its streams.
            gather: asked for the values of all rows; None: these are all.
        """
        self.design = design
        self._purpose, self._remembers, self._gather = purpose, design.remembers, gather
        self._seen = None if design.feedback.exact else Seen.nothing(rows, design.feedback.delay)
        self._spread = {part.name: Spread() for part in design.parts if part.weighted.normalise is not None}
        self._within = {
            part.name: Scorer(part.design, rows, f"{purpose}/{part.name}", gather)
            for part in design.parts
            if part.design is not None and part.design.remembers
        }

    def begin(self, rows: I64) -> None:
        """New dialogues in some rows, of which nothing has been seen; how far terms spread stays known."""
        if self._seen is not None:
            self._seen.put(rows, Seen.nothing(len(rows), self.design.feedback.delay))
        for within in self._within.values():
            within.begin(rows)

    def score(self, trace: Trace, streams: Streams, rows: I64) -> tuple[F32, dict[str, F32]]:
        """Rewards of one turn of some dialogues, and what each term added, as `RewardDesign.score` gives them.

        Args:
            trace: of K dialogues.
            streams: of these.
            rows: `[K]`, which of the N they are.

        Raises:
            RewardError: names the term that met something missing or not finite.
        """
        if not self._remembers:
            return self.design.score(trace)
        if self._seen is not None:
            seen = self._seen.rows(rows)
            trace = seen.turn(self.design.feedback, trace, streams, self._purpose)
            self._seen.put(rows, seen)
        return self.design.combined([self._part(part, trace, streams, rows) for part in self.design.parts])

    def _part(self, part: Part, trace: Trace, streams: Streams, rows: I64) -> Floats:
        within = self._within.get(part.name)
        if within is None:
            scored = part.score(trace)
        else:
            scored = within.score(trace, streams, rows)[0].astype(np.float64) + part.weighted.plus
        most = part.weighted.normalise
        if most is None:
            return scored
        spread = self._spread[part.name]
        spread.take(scored if self._gather is None else self._gather(scored))
        kept: Floats = np.clip(scored / spread.deviation, -most, most)
        return kept

    def state(self) -> Any:
        """Everything that changes, as a deep copy that can be pickled."""
        return copy.deepcopy((self._seen, self._spread, {name: each.state() for name, each in self._within.items()}))

    def load_state(self, state: Any) -> None:
        """Go on from a state of a scorer of the same design and N."""
        self._seen, self._spread, within = copy.deepcopy(state)
        for name, each in within.items():
            self._within[name].load_state(each)
