"""What people said, and what a world hands out after a step: structs of arrays that nothing is computed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from rlgen.affect import in_points
from rlgen.rewards import Trace
from rlgen.types import F32, I64, Bools, Controls, Estimate, Rows, Verdict

ENDINGS: Final = ("completed", "abandoned", "limit")
"""How a dialogue ends: the person left because it was enough, left because it did not help, or ran out of turns."""


@dataclass(frozen=True)
class Utterances(Rows):
    """What N people said, and what a reader makes of it.

    Attributes:
        text: N strings.
        topic: `[N]` index into the topics of the utterance bank, -1 where unknown.
        embedding: `[N, 384]` of the words.
        reading: `[N, 18]`, see `Reading.array`. As in the bank, what people say counts as answering nothing
            and repeating nothing: relevance is 1 and repetition 0.
        context: `[N, 32]`, the embeddings projected for the observation.
    """

    text: list[str]
    topic: I64
    embedding: F32
    reading: F32
    context: F32


@dataclass(frozen=True)
class Finished:
    """Dialogues that ended in this step, one row of each array per dialogue.

    Attributes:
        rows: `[K]` rows of the world.
        person: `[K]` index of the person in an evaluation, -1 outside one or for surplus rows.
        final_obs: `[K, D]` last observation of the episode.
        episode_return: `[K]` undiscounted.
        length: `[K]` turns.
        completed: `[K]` left because it was enough.
        abandoned: `[K]` left because it did not help.
        limit: `[K]` neither: the turn limit ended it. Exactly one of the three is true.
        relief: `[K]` the true outcome: fall of the hidden intensity, in [-1, 1]; NaN where it is unknown.
        mean_rating: `[K]`, NaN where no rating was given.
        cost: `[K]` summed over the episode.
        terms: reward term -> `[K]` summed over the episode.
        yardsticks: design -> `[K]`, the undiscounted return that it would have paid.
        hidden: hidden variable -> `[K]` at the end.
    """

    rows: I64
    person: I64
    final_obs: F32
    episode_return: F32
    length: I64
    completed: Bools
    abandoned: Bools
    limit: Bools
    relief: F32
    mean_rating: F32
    cost: F32
    terms: dict[str, F32]
    hidden: dict[str, F32]
    yardsticks: dict[str, F32] = field(default_factory=dict)

    @property
    def ending(self) -> list[str]:
        """K of `ENDINGS`."""
        return [ENDINGS[i] for i in np.stack([getattr(self, name) for name in ENDINGS]).argmax(axis=0)]

    @property
    def relief_points(self) -> F32:
        """`[K]`, relief in points of the survey's scale of intensity, 1 to 5."""
        return in_points(self.relief).astype(np.float32)


@dataclass(frozen=True)
class StepResult:
    """One vector step with `SAME_STEP` autoreset.

    Attributes:
        obs: `[N, D]`; of finished rows already the first of their next episode.
        reward: `[N]`.
        terminated: `[N]` the dialogue ended, in one of the three `ENDINGS`.
        truncated: `[N]` never: the turn limit is part of the problem.
        terms: reward term -> `[N]`, weighted: they sum to the reward.
        cost: `[N]`, the sum of `costs`.
        costs: cost name -> `[N]`.
        finished: None where no dialogue ended.
        yardsticks: design -> `[N]`, what it would have paid; empty where the world has none (`World.yardsticks`).
    """

    obs: F32
    reward: F32
    terminated: Bools
    truncated: Bools
    terms: dict[str, F32]
    cost: F32
    costs: dict[str, F32]
    finished: Finished | None
    yardsticks: dict[str, F32] = field(default_factory=dict)


@dataclass(frozen=True)
class Opening:
    """What people have just said and nobody has answered yet, over N rows: for rendering and infos.

    Attributes:
        topic: N names, empty where unknown.
        utterance: what was said.
        estimate: what was recognised.
    """

    topic: list[str]
    utterance: list[str]
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class TurnRecord(Trace):
    """All of one turn, for rendering and logs: its trace, and what no reward may see. Arrays and lists over N rows.

    `next_utterance` is empty here where the person left: nobody waits for an answer.

    Attributes:
        person: `[N]` as in `Finished`.
        topic: N names, empty where unknown.
        controls: what the action asked for.
        verdict: the guard's.
        reward: `[N]`.
        terms: reward term -> `[N]`.
        hidden: hidden variable -> `[N]` after the turn.
    """

    person: I64
    topic: list[str]
    controls: Controls
    verdict: Verdict
    reward: F32
    terms: dict[str, F32]
    hidden: dict[str, F32]
