"""People who say what somebody said in a logged dialogue, whatever the reply was.

For one question: what would a policy have said at these points of real dialogues? The person does not
react, so nothing here measures what a reply does. `docs/users/replay.md` has what follows from that.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlgen.affect import from_points
from rlgen.errors import DataError, PopulationError
from rlgen.rng import Streams
from rlgen.text.language_models.chat_template import SILENCE
from rlgen.text.plain import clean
from rlgen.types import F32, I64, Bools, Expression, Feedback, Reading, SegmentCatalogue, UtteranceCatalogue, Words
from rlgen.users.logs.dialogues import Dialogue, read
from rlgen.users.own_words.config import ReplayConfig
from rlgen.users.protocol import numbers_sha256, with_points

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Log:
    """Logged dialogues from the person's first words on; arrays and lists over D dialogues.

    Attributes:
        name: id of each in its file.
        topic: the kind of problem, as the file has it.
        said: the person's turns, at most one more than there are replies.
        replied: the supporter's turns. What a supporter says before the person does is left out.
        rating: `[D, T]`, 1-5 as given after each reply, NaN where none was.
        length: `[D]` replies, at least 1.
        left: `[D]` 1 where the person left content, -1 where disappointed, 0 where the log breaks off before.
        initial: `[D]` intensity 1-5 surveyed before, 0 where a survey is missing.
        relief_points: `[D]` its fall to the survey after, in points, 0 where a survey is missing.
        surveyed: `[D]` whether both surveys are there.
    """

    name: list[str]
    topic: list[str]
    said: list[list[str]]
    replied: list[list[str]]
    rating: F32
    length: I64
    left: I64
    initial: F32
    relief_points: F32
    surveyed: Bools

    @classmethod
    def of(cls, dialogues: Sequence[Dialogue], where: str) -> Log:
        """The log of some dialogues; those without a reply to the person are left out, with a warning.

        Args:
            dialogues: as read.
            where: their file, for messages.

        Raises:
            DataError: no dialogue is left.
        """
        played = [(dialogue, *_exchange(dialogue)) for dialogue in dialogues]
        found = [row for row in played if row[2]]
        if not found:
            raise DataError(f"{where}: no person gets a reply in any dialogue; give dialogues of two speakers")
        if len(found) < len(played):
            _LOG.warning(
                "%s: %d of %d dialogues have no reply to the person and are left out",
                where,
                len(played) - len(found),
                len(played),
            )
        length = np.array([len(replied) for _, _, replied, _ in found], dtype=np.int64)
        rating = np.full((len(found), length.max()), np.nan, dtype=np.float32)
        for i, (_, _, _, given) in enumerate(found):
            rating[i, list(given)] = list(given.values())
        surveys = np.array([[d.initial or np.nan, d.final or np.nan] for d, *_ in found], dtype=np.float32)
        surveyed: Bools = np.isfinite(surveys).sum(axis=1) == 2
        return cls(
            [d.name for d, *_ in found],
            [d.topic for d, *_ in found],
            [said for _, said, _, _ in found],
            [replied for _, _, replied, _ in found],
            rating,
            length,
            np.array([0 if d.ending == "open" else -1 if d.abandoned else 1 for d, *_ in found], dtype=np.int64),
            np.where(surveyed, surveys[:, 0], 0.0).astype(np.float32),
            np.where(surveyed, surveys[:, 0] - surveys[:, 1], 0.0).astype(np.float32),
            surveyed,
        )

    @classmethod
    def read(cls, path: Path, topics: Sequence[str] | None = None) -> Log:
        """The log of a file or folder.

        Args:
            path: see `rlgen.users.logs.dialogues.read`.
            topics: only dialogues on these, as the file names them; None for all.

        Raises:
            DataError: nothing is there, a line is malformed, or no person gets a reply.
            PopulationError: the file has none of the topics, or not one of them.
        """
        dialogues = read(path)
        if topics is not None:
            known = {dialogue.topic for dialogue in dialogues}
            unknown = sorted(set(topics) - known)
            if unknown or not topics:
                given = repr(unknown[0]) if unknown else "an empty list"
                raise PopulationError(f"users: topics held {given}; those of {path} are {', '.join(sorted(known))}")
            dialogues = [dialogue for dialogue in dialogues if dialogue.topic in topics]
        return cls.of(dialogues, str(path))

    def __len__(self) -> int:
        return len(self.name)

    def __deepcopy__(self, memo: dict[int, object]) -> Log:
        return self

    def sha256(self) -> str:
        """Hash of all that is played back."""
        digest = hashlib.sha256(json.dumps([self.name, self.topic, self.said, self.replied]).encode())
        for array in (self.rating, self.length, self.left, self.initial, self.relief_points):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def order(self, seed: int) -> I64:
        """The dialogues in the order in which an evaluation meets them."""
        drawn = Streams.of(seed, len(self)).uniform("users.order")[:, 0]
        return np.argsort(drawn).astype(np.int64)


def _exchange(dialogue: Dialogue) -> tuple[list[str], list[str], dict[int, float]]:
    """What was said and replied in turn, from the person's first words on, and ratings by reply."""
    said: list[str] = []
    replied: list[str] = []
    ratings: dict[int, float] = {}
    for turn in dialogue.turns:
        mine, before = (replied, len(said)) if turn.supporter else (said, len(replied) + 1)
        text = clean(turn.text)
        if len(mine) < before:
            mine.append(text)
        elif mine:  # one goes on before the other has answered
            mine[-1] = f"{mine[-1]} {text}".strip()
        if turn.rating is not None and replied:
            ratings[len(replied) - 1] = turn.rating
    return [text or SILENCE for text in said], [text or SILENCE for text in replied], ratings


class ReplayUsers:
    """N logged people; a `rlgen.users.Users`.

    Attributes:
        log: what is played back.
        dialogue: `[N]`, which of its dialogues each person is.
        knows_relief: whether every dialogue of the log has both surveys.
        number: how many different people there are: where people are met once, no dialogue is met twice.
    """

    hidden_names: tuple[str, ...] = ("intensity", "model_relief", "relief", "surveyed", "dialogue")

    def __init__(
        self, config: ReplayConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue
    ) -> None:
        """Args as for `rlgen.users.build`; of the banks only the names of topics are used."""
        self.config = config
        self.log = Log.read(config.path, config.topics)
        self.knows_relief = bool(self.log.surveyed.all())
        # The same log at another place is the same people.
        self.sha256 = numbers_sha256(config.model_copy(update={"path": Path(self.log.sha256())}))
        self.number = len(self.log)
        self._order = self.log.order(config.order)
        names = list(utterances.topics)
        self._topic = np.array([names.index(t) if t in names else -1 for t in self.log.topic], dtype=np.int64)
        self._label = np.full(len(names) + 1, -1)  # an utterance of each topic; the last is for none
        self._label[utterances.topic] = np.arange(len(utterances))
        self.dialogue = np.zeros(rows, dtype=np.int64)
        self._replies = np.zeros(rows, dtype=np.int64)

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `rlgen.users.Users.reset`: the seed of a row tells the dialogue, and at later episodes a draw."""
        drawn = streams.integers("users.dialogue", len(self.log))
        at_first = self._order[((streams.seed + streams.row) % np.uint64(len(self.log))).astype(np.int64)]
        self.dialogue[rows] = np.where(streams.episode == 0, at_first, drawn)
        self._replies[rows] = 0
        return self._speak(rows)

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `rlgen.users.Users.respond`; what was replied is not heard, the rating is of the logged reply."""
        log, which = self.log, self.dialogue[rows]
        replies = self._replies[rows] = np.minimum(turn + 1, log.length[which])
        over = turn >= log.length[which]  # the log broke off, its last words have been said
        left = np.where(replies == log.length[which], log.left[which], 0)
        rating = np.where(turn < log.length[which], log.rating[which, replies - 1], np.float32(np.nan))
        engagement = np.full(len(which), self.config.engagement, dtype=np.float32)
        expression = self._speak(rows, over)
        # The dialogue goes on from what was replied then; where the log is over, from what is replied now.
        logged = [
            log.replied[i][t] if t < log.length[i] else text
            for i, t, text in zip(which.tolist(), turn.tolist(), words.text, strict=True)
        ]
        return Feedback(rating, engagement, left > 0, left < 0), replace(expression, to=logged)

    def hidden(self) -> dict[str, F32]:
        """See `rlgen.users.Users.hidden`; relief follows a straight line between the surveys, NaN without them."""
        log, which = self.log, self.dialogue
        fallen = log.relief_points[which] * (self._replies / log.length[which])
        fallen = np.where(log.surveyed[which], fallen, np.nan)
        values: dict[str, NDArray[Any]] = {
            "intensity": from_points(log.initial[which] - fallen - 1.0),
            "model_relief": from_points(fallen),
            "relief": from_points(fallen),
            "surveyed": log.surveyed[which],
            "dialogue": which,
        }
        return with_points({name: values[name].astype(np.float32) for name in self.hidden_names})

    def _speak(self, rows: I64, over: Bools | None = None) -> Expression:
        silent = np.full(len(rows), -1, dtype=np.int64)
        said = [self.log.said[which] for which in self.dialogue[rows].tolist()]
        at = np.where(False if over is None else over, len(self.log.rating[0]) + 1, self._replies[rows]).tolist()
        texts = [turns[i] if i < len(turns) else SILENCE for turns, i in zip(said, at, strict=True)]
        return Expression(self._label[self._topic[self.dialogue[rows]]], silent, texts)
