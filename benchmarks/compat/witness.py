"""What the world itself did, whoever drives it: the truth that a client's data is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.envs import World


@dataclass
class Episode:
    """One dialogue, as it was played or as a client remembers it.

    Attributes:
        obs: L + 1 observations `[D]`: the opening, and one after each reply; the last belongs to this dialogue.
        rewards: L.
        ending: how it ended; empty where it did not.
    """

    obs: list[NDArray[np.float32]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    ending: str = ""

    @property
    def length(self) -> int:
        """Turns."""
        return len(self.rewards)

    def key(self) -> bytes:
        """The same for the same bits of every observation and reward."""
        rewards = np.asarray(self.rewards, dtype=np.float32)
        obs = np.asarray(self.obs, dtype=np.float32)
        return rewards.tobytes() + b"|" + (obs + 0.0).tobytes()  # -0.0 and 0.0 are one number

    def sums(self) -> tuple[int, float]:
        """Length and return, the latter as exactly as statistics in single precision keep it."""
        return self.length, round(float(np.sum(self.rewards)), 3)


class Witness:
    """Sees every step of every world of this process while it is entered.

    Attributes:
        ended: dialogues that ended, in order.
        steps: turns of single dialogues.
    """

    def __init__(self) -> None:
        self.ended: list[Episode] = []
        self.steps = 0
        self._running: dict[int, list[Episode]] = {}
        self._worlds: list[World] = []  # kept, so that no id is used twice
        self._methods = {name: getattr(World, name) for name in ("reset", "restart", "step")}

    def __enter__(self) -> Witness:
        methods, watch = self._methods, self

        def reset(world: World, *args: Any, **kwargs: Any) -> Any:
            obs = methods["reset"](world, *args, **kwargs)
            watch._worlds.append(world)
            watch._running[id(world)] = [Episode([row.copy()]) for row in obs]
            return obs

        def restart(world: World, rows: Any, *args: Any) -> Any:
            obs = methods["restart"](world, rows, *args)
            for row in np.asarray(rows).tolist():
                watch._running[id(world)][row] = Episode([obs[row].copy()])
            return obs

        def step(world: World, *args: Any, **kwargs: Any) -> Any:
            result = methods["step"](world, *args, **kwargs)
            watch._took(id(world), result)
            return result

        for name, method in (("reset", reset), ("restart", restart), ("step", step)):
            setattr(World, name, method)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, method in self._methods.items():
            setattr(World, name, method)

    def _took(self, world: int, result: Any) -> None:
        running, ended = self._running[world], result.finished
        last = {} if ended is None else dict(zip(ended.rows.tolist(), range(len(ended.rows)), strict=True))
        for row, episode in enumerate(running):
            self.steps += 1
            episode.rewards.append(float(result.reward[row]))
            k = last.get(row)
            episode.obs.append((result.obs[row] if k is None else ended.final_obs[k]).copy())
            if k is not None:
                episode.ending = str(ended.ending[k]) if hasattr(ended, "ending") else ""
                self.ended.append(episode)
                running[row] = Episode([result.obs[row].copy()])

    def running(self) -> list[Episode]:
        """Dialogues that have not ended."""
        return [episode for rows in self._running.values() for episode in rows]

    def same_episodes(self, found: Iterable[Episode]) -> tuple[int, int]:
        """How many of a client's ended dialogues are dialogues of the world, bit for bit, and of how many."""
        truth = Counter(episode.key() for episode in self.ended)
        return _covered(truth, Counter(episode.key() for episode in found))

    def same_sums(self, found: Iterable[tuple[int, float]]) -> tuple[int, int]:
        """How many of a client's (length, return) are those of a dialogue of the world, and of how many."""
        truth = Counter(episode.sums() for episode in self.ended)
        near = Counter((int(length), round(float(total), 3)) for length, total in found)
        matched = 0
        for (length, total), count in near.items():
            for around in (total, round(total - 0.001, 3), round(total + 0.001, 3)):
                taken = min(count, truth[(length, around)])
                truth[(length, around)] -= taken
                count -= taken
                matched += taken
        return matched, near.total()

    def same_transitions(self, obs: NDArray[Any], rewards: NDArray[Any], following: NDArray[Any]) -> tuple[int, int]:
        """How many of a client's transitions are the world's, bit for bit: observation, reward, next observation."""
        truth: Counter[bytes] = Counter()
        for episode in [*self.ended, *self.running()]:
            for t in range(episode.length):
                truth[_transition(episode.obs[t], episode.rewards[t], episode.obs[t + 1])] += 1
        rows = zip(obs, np.asarray(rewards).reshape(-1), following, strict=True)
        return _covered(truth, Counter(_transition(*row) for row in rows))


def _transition(obs: Any, reward: Any, following: Any) -> bytes:
    parts = (np.asarray(part, dtype=np.float32).reshape(-1) + 0.0 for part in (obs, reward, following))
    return b"|".join(part.tobytes() for part in parts)


def _covered(truth: Counter[bytes], found: Counter[bytes]) -> tuple[int, int]:
    return (truth & found).total(), found.total()
