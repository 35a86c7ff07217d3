"""Sessions: a dialogue for each client, all of them rows of one world."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import CATEGORIES
from rlgen.envs import World, WorldConfig
from rlgen.envs.actions import to_box
from rlgen.envs.parts import Parts, load_parts
from rlgen.envs.pipeline import TextPipeline
from rlgen.errors import ActionError, ConfigError
from rlgen.experiments.serving.gathering import Dictation, Moved, Rounds
from rlgen.rng import Realm, Streams
from rlgen.types import F32

SPLITS: Final[dict[str, Realm]] = {"train": "training", "validation": "validation", "test": "evaluation"}
"""What clients call them -> the realm whose people are met: no two share a person, a word or a signal."""
LONGEST: Final = 2000
"""Characters of a reply that a client may send."""
_FIRST_SEED: Final = 2**40  # of sessions that name none: far from what people name


@dataclass(frozen=True)
class Heard:
    """What a client hears of a person, at the beginning and after each reply.

    Attributes:
        text: what the person says; empty where they left without a word, or where the world has no words.
        reply: what they answer; empty at the beginning.
        turn: replies so far.
        affect: what is recognised in voice, face and body: six probabilities by name, valence and arousal in [-1, 1].
        rating: 1-5 where the person gave one, else None.
        engagement: in [0, 1]; None at the beginning.
        observation: `[D]`, what a policy of rlgen sees.
        reward: of the reply; None at the beginning.
        terms: reward term -> its weighted part of the reward.
        cost: of the reply.
        ending: `completed`, `abandoned` or `limit`; empty while the dialogue goes on.
        summary: of an ended dialogue: return, length, relief (which a policy never sees), mean rating and cost, where
            there are such.
    """

    text: str
    turn: int
    affect: dict[str, float]
    observation: list[float]
    reply: str = ""
    rating: float | None = None
    engagement: float | None = None
    reward: float | None = None
    terms: dict[str, float] = field(default_factory=dict)
    cost: float = 0.0
    ending: str = ""
    summary: dict[str, float] = field(default_factory=dict)


class Sessions:
    """Dialogues for many clients: each is a row of one world, which steps the rows together that ask together.

    A client that thinks holds nobody up, and hears what it would hear alone.

    Attributes:
        world: of as many dialogues as there may be clients.
        rounds: moves its rows.
        takes_words: whether replies are words here, so that clients may bring their own.
    """

    def __init__(self, config: WorldConfig, clients: int = 64, wait: float = 0.004, parts: Parts | None = None) -> None:
        """Load the parts.

        Args:
            config: names them.
            clients: how many dialogues there may be at a time.
            wait: seconds that a turn waits for other clients'.
            parts: frozen parts of your own; None loads those that the config names.

        Raises:
            ConfigError: people who are a person at a terminal.
            ArtifactError: a damaged part.
        """
        if config.users.family == "human":
            raise ConfigError("people of the family 'human' sit at this terminal; serve simulated ones")
        parts = (load_parts(config) if parts is None else parts).session()
        dictation = None
        if isinstance(parts.pipeline, TextPipeline):
            dictation = Dictation(parts.pipeline.generator)
            parts = replace(parts, pipeline=TextPipeline(dictation, parts.pipeline.guard, parts.pipeline.reader))
        self.takes_words = dictation is not None
        self.world = World(config, clients, parts=parts)
        self.world.record = True
        self.world.reset(0)
        self.rounds = Rounds(self.world, dictation, wait)
        self._lock = threading.Lock()
        self._free = list(range(clients))[::-1]
        self._opened = 0

    def open(self) -> Session:
        """A session for one more client; it takes a place in the world when its first dialogue begins."""
        with self._lock:
            self._opened += 1
            return Session(self, _FIRST_SEED + self._opened)

    def place(self) -> int:
        """A free row.

        Raises:
            ConfigError: there is none.
        """
        with self._lock:
            if not self._free:
                raise ConfigError(f"all {self.world.num_envs} places are taken; wait for a client to leave")
            row = self._free.pop()
        self.rounds.joined(1)
        return row

    def leave(self, row: int) -> None:
        """A row is free again."""
        self.rounds.joined(-1)
        with self._lock:
            self._free.append(row)


class Session:
    """One client's dialogue; used by one thread at a time.

    Attributes:
        turns: replies so far in this dialogue.
    """

    def __init__(self, sessions: Sessions, seed: int) -> None:
        self._sessions, self._seed = sessions, seed
        self._row: int | None = None
        self._standing: F32 | None = None  # first observation of the dialogue that the world began by itself
        self.turns = 0

    def reset(self, seed: int | None = None, split: str = "train") -> Heard:
        """A dialogue begins.

        Args:
            seed: with it, that of the first person of this seed, as with `gymnasium.make`; without it, the next
                dialogue; the first is then of a seed of this session's own.
            split: `train`, `validation` or `test`: whose people are met. Looked at with a seed, and at the first.

        Raises:
            ConfigError: a seed out of range, no such split, or no place that is free.
        """
        if split not in SPLITS:
            raise ConfigError(f"split was {split!r}; the splits are {', '.join(SPLITS)}")
        streams = None
        if seed is not None or self._row is None:
            streams = Streams.of([self._seed if seed is None else seed], 1, SPLITS[split])
        if self._row is None:
            self._row = self._sessions.place()
        begun = self._sessions.rounds.begin(self._row, streams, self._standing if streams is None else None)
        self._standing, self.turns = None, 0
        return Heard(begun.text, 0, self._affect(begun.obs), begun.obs.tolist())

    def step(self, controls: list[float] | int | None = None, text: str | None = None) -> Heard:
        """One turn: a reply, and what the person makes of it.

        Args:
            controls: an action of the world; its generator finds the words.
            text: the reply itself, in words of the client's own. Exactly one of the two.

        Raises:
            ActionError: no dialogue is under way, both or neither were given, or an action outside the space.
        """
        if self._row is None or self._standing is not None:
            raise ActionError("there is no dialogue under way; call reset before the next step")
        if (controls is None) == (text is None):
            raise ActionError("give either text, the words of the reply, or controls, and the words are found for you")
        action = np.asarray(controls) if text is None else self._middle(text)
        to_box(action[None], self._sessions.world.single_action_space, 1)  # what is wrong with it concerns nobody else
        moved = self._sessions.rounds.turn(self._row, action, text)
        self.turns += 1
        return self._heard(moved)

    def close(self) -> None:
        """The client is gone; safe to call again."""
        if self._row is not None:
            self._sessions.leave(self._row)
            self._row = None

    def _middle(self, text: str) -> NDArray[Any]:
        """The action beside words of one's own: the middle of the space, which then moves nothing."""
        if not self._sessions.takes_words:
            raise ActionError("this world has no words (its generator is a surface) and hears none; send controls")
        if not text.strip() or len(text) > LONGEST:
            raise ActionError(f"text has {len(text)} characters; a reply has 1 to {LONGEST:,}, not all of them blanks")
        space: Any = self._sessions.world.single_action_space
        return np.asarray(getattr(space, "nvec", getattr(space, "n", np.zeros(4, dtype=np.float32)))) // 2

    def _heard(self, moved: Moved) -> Heard:
        step, last, at = moved.step, moved.record, moved.at
        obs, ending, summary = step.obs[at], "", {}
        if step.terminated[at]:
            ended, self._standing = step.finished, obs
            assert ended is not None
            k = ended.rows.tolist().index(self._row)
            obs, ending = ended.final_obs[k], ended.ending[k]
            sums: dict[str, NDArray[Any]] = {
                "return": ended.episode_return,
                "length": ended.length,
                "relief": ended.relief,
            }
            sums |= {"relief_points": ended.relief_points, "mean_rating": ended.mean_rating, "cost": ended.cost}
            summary = {name: float(values[k]) for name, values in sums.items() if np.isfinite(values[k])}
        rating = float(last.feedback.rating[at])
        return Heard(
            text=last.next_utterance[at],
            reply=last.reply[at],
            turn=self.turns,
            affect=self._affect(obs),
            rating=rating if np.isfinite(rating) else None,
            engagement=float(last.feedback.engagement[at]),
            observation=obs.tolist(),
            reward=float(step.reward[at]),
            terms={name: float(value[at]) for name, value in step.terms.items()},
            cost=float(step.cost[at]),
            ending=ending,
            summary=summary,
        )

    def _affect(self, obs: F32) -> dict[str, float]:
        """By name; empty where the observation leaves it out."""
        values = self._sessions.world.layout.unflatten(obs).get("affect")
        return {} if values is None else dict(zip((*CATEGORIES, "valence", "arousal"), values.tolist(), strict=True))
