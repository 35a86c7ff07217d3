"""What turns are paid by: the reward design of a world, and others that look on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from rlgen.envs.config import WorldConfig
from rlgen.errors import ConfigError, RewardError
from rlgen.rewards import RewardDesign, Scorer, Trace, design
from rlgen.rewards.scorer import Gather
from rlgen.rng import Streams
from rlgen.types import F32, I64
from rlgen.users import Users


class _Unsaid(list[str]):
    """Replies of a world without words: whoever reads them is told so, and not given empty ones."""

    def __iter__(self) -> Iterator[str]:
        self._refuse()

    def __getitem__(self, index: Any) -> Any:
        self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise RewardError(
            "a reward reads the words of replies, and a response surface has none; take a generator of words, or "
            "a reward that goes by readings"
        )


class Scoring:
    """A world's reward and its yardsticks, with what they remember of its dialogues.

    Attributes:
        reward: what the policy is paid by.
        yardsticks: designs that score the same turns, by name.
    """

    def __init__(
        self,
        reward: RewardDesign,
        yardsticks: Sequence[object],
        config: WorldConfig,
        users: Users,
        rows: int,
        gather: Gather | None = None,
    ) -> None:
        """Begin.

        Args:
            reward: the world's.
            yardsticks: further designs, each anything that `rlgen.rewards.design` takes.
            config: of the world.
            users: of the world.
            rows: N.
            gather: see `World`.

        Raises:
            ConfigError: two yardsticks of one name, or a design that these people or this generator cannot feed.
        """
        self.reward = reward
        self.yardsticks: dict[str, RewardDesign] = {}
        for one in map(design, yardsticks):
            if one.name in self.yardsticks:
                raise ConfigError(f"two yardsticks are called {one.name!r}; give one of them another name")
            one.load()
            self.yardsticks[one.name] = one
        for one in (reward, *self.yardsticks.values()):
            if one.requires_relief and not users.knows_relief:
                raise ConfigError(
                    f"reward was {one.name}: it pays for relief, which is not known of all of these people; "
                    "take another"
                )
            if one.reads_words and not config.has_words:
                raise ConfigError(
                    f"reward was {one.name}: it reads the words of replies, and a response surface has none"
                )

        self._rows, self._words, self._gather = rows, config.has_words, gather
        self._begin()

    @property
    def needs_relief(self) -> bool:
        """Whether one of them reads `Trace.relief`."""
        return any(one.needs_relief for one in (self.reward, *self.yardsticks.values()))

    def begin(self, rows: I64 | None = None) -> None:
        """New dialogues in some rows; None: in all, and nothing is remembered of earlier ones."""
        if rows is None:
            self._begin()
            return
        for one in (self._reward, *self._others.values()):
            one.begin(rows)

    def _begin(self) -> None:
        self._reward = Scorer(self.reward, self._rows, gather=self._gather)
        self._others = {name: Scorer(one, self._rows, gather=self._gather) for name, one in self.yardsticks.items()}

    def score(self, trace: Trace, streams: Streams, rows: I64) -> tuple[F32, dict[str, F32], dict[str, F32]]:
        """Of a turn of some rows: reward `[K]`, its terms, and what each yardstick would have paid, `[K]` by name.

        Raises:
            RewardError: a term met something missing or not finite, or reads the words of a world that has none.
        """
        if not self._words:
            trace = replace(trace, reply=_Unsaid(trace.reply))
        reward, terms = self._reward.score(trace, streams, rows)
        return reward, terms, {name: one.score(trace, streams, rows)[0] for name, one in self._others.items()}

    def state(self) -> Any:
        """What is remembered, as a deep copy that can be pickled; None where nothing is."""
        if not any(one.remembers for one in (self.reward, *self.yardsticks.values())):
            return None
        return self._reward.state(), {name: one.state() for name, one in self._others.items()}

    def load_state(self, state: Any) -> None:
        """Go on from a state of the same reward; yardsticks that it knows nothing of begin anew."""
        self._begin()
        if state is None:
            return
        reward, others = state
        self._reward.load_state(reward)
        for name in others.keys() & self._others.keys():
            self._others[name].load_state(others[name])
