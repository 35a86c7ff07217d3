"""What turns are paid by: the reward design of a world, and others that look on."""

from __future__ import annotations

from collections.abc import Sequence

from rlgen.envs.config import WorldConfig
from rlgen.errors import ConfigError
from rlgen.rewards import RewardDesign, Trace, design
from rlgen.types import F32
from rlgen.users import Users


class Scoring:
    """A world's reward and its yardsticks.

    Attributes:
        reward: what the policy is paid by.
        yardsticks: designs that score the same turns, by name.
    """

    def __init__(self, reward: RewardDesign, yardsticks: Sequence[object], config: WorldConfig, users: Users) -> None:
        """Begin.

        Args:
            reward: the world's.
            yardsticks: further designs, each anything that `rlgen.rewards.design` takes.
            config: of the world.
            users: of the world.

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

    @property
    def needs_relief(self) -> bool:
        """Whether one of them reads `Trace.relief`."""
        return any(one.needs_relief for one in (self.reward, *self.yardsticks.values()))

    def score(self, trace: Trace) -> tuple[F32, dict[str, F32], dict[str, F32]]:
        """Reward `[K]` of a turn, its terms, and what each yardstick would have paid, `[K]` by name."""
        reward, terms = self.reward.score(trace)
        return reward, terms, {name: one.score(trace)[0] for name, one in self.yardsticks.items()}
