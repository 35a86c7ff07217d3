"""What N dialogues have been so far, for people to look at: rendering, and the words in infos."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.envs.records import Opening, TurnRecord
from rlgen.envs.world import World


class Transcripts:
    """The dialogues of a world, each from its opening on.

    Args:
        world: it keeps records from now on; `begin` and `take` follow its dialogues.
    """

    def __init__(self, world: World) -> None:
        world.record = True
        self._world = world
        self._openings: list[Opening | None] = [None] * world.num_envs
        self._turns: list[list[TurnRecord]] = [[] for _ in range(world.num_envs)]

    def begin(self, rows: Iterable[int]) -> None:
        """Dialogues that the world has just begun."""
        opening = self._world.opening()
        for row in rows:
            self._openings[row], self._turns[row] = opening, []

    def take(self, rows: Iterable[int]) -> None:
        """The turn that the world has just made."""
        if (record := self._world.last) is not None:
            for row in rows:
                self._turns[row].append(record)

    def last(self, row: int) -> str:
        """The last turn as text, or the opening before the first."""
        from rlgen.envs import rendering

        return rendering.text(self._turns[row][-1:], row, self._openings[row])

    def text(self, row: int) -> str:
        """The dialogue so far as text."""
        from rlgen.envs import rendering

        return rendering.text(self._turns[row], row, self._openings[row])

    def picture(self, row: int) -> NDArray[np.uint8]:
        """The last turn, or the opening before the first, as a picture `[H, W, 3]` uint8."""
        from rlgen.envs import rendering

        return rendering.picture(self._turns[row], row, self._openings[row])

    def words(self, row: int) -> dict[str, Any]:
        """What was said last on both sides, and how long ago.

        Returns:
            `utterance`, the person's last words, and `utterance_age`, 0 where they wait for an answer and 1 where
            the person left without another; `reply`, the last one, empty before the first; `turn`, how many turns
            are done; `rating`, the last one given, and `rating_age`, how many turns ago (0: to the last reply);
            0 and -1 until there is one.
        """
        turns, opening = self._turns[row], self._openings[row]
        said: dict[str, Any] = {"utterance": "", "utterance_age": 0, "reply": "", "turn": len(turns)}
        if turns:
            following = turns[-1].next_utterance[row]
            said |= {"utterance": following or turns[-1].utterance[row], "utterance_age": int(not following)}
            said["reply"] = turns[-1].reply[row]
        elif opening is not None:
            said["utterance"] = opening.utterance[row]
        rating, age = 0.0, -1  # no NaN: checkers compare infos, and it equals nothing
        for ago, record in enumerate(reversed(turns)):
            if np.isfinite(given := record.feedback.rating[row]):
                rating, age = float(given), ago
                break
        return {**said, "rating": rating, "rating_age": age}
