"""Simulated people for chatbots of any kind: utterances go out, replies come in, ratings go out.

    people = rlgen.simulated_people("calibrated", 64, seed=0)
    said = people.reset()
    while people.here.any():
        shown = people.respond([chatbot(text) for text in said])
        said = shown.utterances

No generator, policy, guard or recognizer takes part: only the bank that people speak from and the reader through which
they understand a reply. For the same seed and the same replies they say and show what they do in a `World`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlgen.envs.config import world_config
from rlgen.envs.parts import load_bank, signal_bank
from rlgen.envs.people import make_people
from rlgen.envs.pipeline import read_bank, read_texts
from rlgen.errors import ConfigError
from rlgen.rng import PEOPLE, Realm, Streams
from rlgen.text.reading.relevance import Heard, remembered
from rlgen.types import F32, I64, Bools, Expression, Words
from rlgen.users import FamilyConfig
from rlgen.users.faults import watched
from rlgen.users.reference import reference


@dataclass(frozen=True)
class Answers:
    """What n people show after a reply, and say next.

    Attributes:
        ratings: `[n]` 1-5; NaN where none was given: people rate every second or third reply.
        engagement: `[n]` in [0, 1]; NaN where nobody is there any more.
        left: n of `""`, `"completed"`, `"abandoned"` and `"limit"`: how those left who left after this reply.
        utterances: n strings, also of who takes leave; `""` where nobody is there any more.
        relief_points: `[n]` by how many points of a survey from 1 to 5 the feeling of those who left now has fallen;
            NaN for the others, and where nobody knows. The true outcome: to report, not to train on.
    """

    ratings: F32
    engagement: F32
    left: list[str]
    utterances: list[str]
    relief_points: F32


class SimulatedPeople:
    """n simulated people at a time, each of whom is met once.

    Attributes:
        config: of the people.
        fidelity: what is known of how human they are: a statement, and figures measured on held-out people.
        here: `[n]`, who has not left yet.
        first: number of the first of them among the persons of the seed; 0 at the first `reset`.
    """

    def __init__(
        self, people: Any = "calibrated", n: int = 1, *, seed: int = 0, realm: Realm = "evaluation", **world: Any
    ) -> None:
        """Load bank and reader.

        Args:
            people: what `WorldConfig.users` takes: a family (`"calibrated"`, `"theory"`), a mapping with its options, a
                config, or a class of people of your own.
            n: how many are met at a time.
            seed: which people.
            realm: what they are met for; no two realms share a person.
            **world: other fields of `WorldConfig` that people depend on, e.g. `readers`, `utterances`, `max_turns`.

        Raises:
            ConfigError: no such people, or fewer than one.
            ArtifactError: the bank or the reader is missing or damaged.
        """
        if n < 1:
            raise ConfigError(f"n was {n}: at least one person is needed")
        config = world_config("rlgen/Support-v0", users=people, **world)
        self.config: FamilyConfig = config.users
        self.fidelity = reference(self.config)
        self._max_turns, self._seed, self._realm, self._n = config.max_turns, seed, realm, n
        bank, self._reader = load_bank(config)
        self._said_by_bank, (_, self._embedded) = bank.text, read_bank(self._reader, bank.text)
        signals = signal_bank(config.bank).catalogue
        self._users = watched(make_people(self.config, n, bank, signals), n, len(bank), len(signals))
        self.here: Bools = np.zeros(n, dtype=np.bool_)
        self.first = -n

    def reset(self) -> list[str]:
        """The next n people sit down.

        Returns:
            Their first utterances.

        Raises:
            ConfigError: the seed has no more persons.
        """
        self.first += self._n
        if self.first + self._n > PEOPLE:
            raise ConfigError(f"seed {self._seed} has {PEOPLE} persons, and all were met; take another")
        streams = Streams.of(self._seed, self._n, self._realm)
        self._streams = Streams(streams.key, streams.row + np.uint32(self.first), streams.episode)
        self.here = np.ones(self._n, dtype=np.bool_)
        self._turn: I64 = np.zeros(self._n, dtype=np.int64)
        self._replies: list[list[str]] = [[] for _ in range(self._n)]
        self._asked: F32 = np.zeros((self._n, self._embedded.shape[1]), dtype=np.float32)
        self._before: F32 = np.zeros_like(self._asked)
        self._said = [""] * self._n
        return self._hear(np.arange(self._n), self._users.reset(np.arange(self._n), self._streams))

    def respond(self, texts: Sequence[str]) -> Answers:
        """What people make of n replies.

        Args:
            texts: n replies; those to people who have left are passed over.

        Raises:
            ConfigError: `reset` was not called, another number of replies, or one that is no text.
        """
        if self.first < 0:
            raise ConfigError("nobody sits there yet; call reset first")
        if isinstance(texts, str) or len(texts) != self._n or not all(isinstance(text, str) for text in texts):
            raise ConfigError(f"respond takes a list of {self._n} texts, one for each person")
        rows = np.flatnonzero(self.here)
        ratings, engagement, relief = np.full((3, self._n), np.nan, dtype=np.float32)
        left, said = [""] * self._n, [""] * self._n
        if len(rows):
            told = [texts[row] for row in rows.tolist()]
            earlier = [self._replies[row] for row in rows.tolist()]
            heard = Heard([self._said[row] for row in rows.tolist()], self._asked[rows], self._before[rows])
            reading, _ = read_texts(self._reader, told, heard, earlier)
            words = Words(np.full((len(rows), 1), -1, dtype=np.int64), told)
            feedback, expression = self._users.respond(rows, words, reading, self._streams.rows(rows), self._turn[rows])
            ratings[rows], engagement[rows] = feedback.rating, feedback.engagement
            self._turn[rows] += 1
            ways = feedback.completed, feedback.abandoned, self._turn[rows] >= self._max_turns
            how = np.select(ways, ("completed", "abandoned", "limit"), "")
            for row, text, way, utterance in zip(rows.tolist(), told, how, self._hear(rows, expression), strict=True):
                self._replies[row].append(text)
                left[row], said[row] = str(way), utterance
            gone = rows[how != ""]
            relief[gone] = self._users.hidden()["relief_points"][gone]
            self.here[gone] = False
        return Answers(ratings, engagement, left, said, relief)

    def _hear(self, rows: I64, expression: Expression) -> list[str]:
        """What people say; the next reply is read against it, and what they said before."""
        self._before[rows] = remembered(self._before[rows], self._asked[rows])
        if expression.text is None:
            self._asked[rows] = self._embedded[expression.utterance]
            texts = [self._said_by_bank[i] for i in expression.utterance]
        else:
            nothing = Heard.nothing(len(rows), self._embedded.shape[1])
            self._asked[rows] = read_texts(self._reader, expression.text, nothing, [[] for _ in rows])[1]
            texts = list(expression.text)
        for row, text in zip(rows.tolist(), texts, strict=True):
            self._said[row] = text
        return texts
