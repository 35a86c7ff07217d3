"""The mutable state of N dialogues, a struct of arrays."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np

from rlgen.envs.observation import VECTOR_DIM, Block, Visible, no_reading
from rlgen.envs.records import Finished, TurnRecord, Utterances
from rlgen.perception.table import project
from rlgen.rewards import Trace
from rlgen.rng import Streams
from rlgen.text.reading.relevance import Heard, remembered
from rlgen.types import F32, I64, NUM_CONTROLS, Bools, Controls, Estimate, Feedback, Rows, Verdict

_SUMS: Final = ("terms", "yardsticks")  # name -> [N], over the episode


@dataclass
class Dialogues(Rows):
    """Everything that changes from step to step besides the people's hidden state.

    Attributes:
        streams: random streams of the rows.
        said: what people said last, as read.
        before: `[N, dim]`, what they said before that, see `rlgen.text.reading.relevance.remembered`.
        estimate: what is recognised now.
        person: `[N]` index of the person in an evaluation, -1 outside one.
        turn: `[N]` turns done.
        window: N lists, the texts of both from the beginning, ending with what the person said.
        replies: N lists of the supporter's replies so far.
        reply_reading: `[N, 18]` of the last reply; `earlier_reply_reading` of the one before.
        controls: `[N, 4]` last action as a point of the box.
        rating: `[N]` last rating, NaN until there is one; `rating_present` whether it is from this turn.
        rating_sum: `[N]` and `rating_count`, over the episode.
        engagement: `[N]`.
        episode_return: `[N]`, with `cost`, `terms` and `yardsticks` summed over the episode.
    """

    streams: Streams
    said: Utterances
    before: F32
    estimate: Estimate
    person: I64
    turn: I64
    window: list[list[str]]
    replies: list[list[str]]
    reply_reading: F32
    earlier_reply_reading: F32
    controls: F32
    rating: F32
    rating_present: Bools
    rating_sum: F32
    rating_count: I64
    engagement: F32
    episode_return: F32
    cost: F32
    terms: dict[str, F32]
    yardsticks: dict[str, F32]

    @classmethod
    def begun(cls, streams: Streams, said: Utterances, estimate: Estimate) -> Self:
        """Dialogues in which nothing has been answered yet."""
        rows = len(streams)

        def level(value: float) -> F32:
            return np.full(rows, value, dtype=np.float32)

        return cls(
            streams=streams,
            said=said,
            before=np.zeros_like(said.embedding),
            estimate=estimate,
            person=np.full(rows, -1, dtype=np.int64),
            turn=np.zeros(rows, dtype=np.int64),
            window=[[text] for text in said.text],
            replies=[[] for _ in said.text],
            reply_reading=no_reading(rows),
            earlier_reply_reading=no_reading(rows),
            controls=np.zeros((rows, NUM_CONTROLS), dtype=np.float32),
            rating=level(np.nan),
            rating_present=np.zeros(rows, dtype=np.bool_),
            rating_sum=level(0),
            rating_count=np.zeros(rows, dtype=np.int64),
            engagement=level(0.5),
            episode_return=level(0),
            cost=level(0),
            terms={},
            yardsticks={},
        )

    def heard(self) -> Heard:
        """What the next replies answer."""
        return Heard(self.said.text, self.said.embedding, self.before)

    def rating_mean(self) -> F32:
        """`[N]` mean of the ratings so far, NaN where there is none."""
        mean = np.full(len(self.turn), np.nan, dtype=np.float32)
        return np.divide(self.rating_sum, self.rating_count, out=mean, where=self.rating_count > 0)

    def put(self, rows: I64, fresh: Self) -> None:
        """Write the dialogues of some rows over these, but for the streams, which a turn does not change."""
        for sums in _SUMS:
            for name, total in getattr(fresh, sums).items():
                getattr(self, sums).setdefault(name, np.zeros(len(self.turn), dtype=total.dtype))
        super().put(rows, fresh)

    def blocks(self, rows: I64 | slice, max_turns: int, own: Sequence[Block] = ()) -> dict[str, F32]:
        """What is observed of some rows, by the names of `rlgen.envs.ObservationLayout`, with blocks of one's own."""
        blocks = {
            "affect": self.estimate.affect[rows],
            "uncertainty": self.estimate.uncertainty[rows],
            "present": self.estimate.present[rows].astype(np.float32),
            "vector": project(self.estimate.vector[rows], VECTOR_DIM),
            "utterance_reading": self.said.reading[rows],
            "reply_reading": self.reply_reading[rows],
            "earlier_reply_reading": self.earlier_reply_reading[rows],
            "context": self.said.context[rows],
            "previous_controls": self.controls[rows],
            "rating": np.nan_to_num((self.rating[rows] - 3) / 2).astype(np.float32)[:, None],
            "rating_present": self.rating_present[rows, None].astype(np.float32),
            "engagement": self.engagement[rows, None],
            "turn": (self.turn[rows] / max_turns).astype(np.float32)[:, None],
        }
        if own:
            index = np.arange(len(self.turn))[rows].tolist()
            said, replied = [self.said.text[i] for i in index], [list(self.replies[i]) for i in index]
            visible = Visible(said, replied, self.turn[rows], dict(blocks))
            blocks |= {block.name: block.seen(visible) for block in own}
        return blocks

    def record(
        self,
        topic: list[str],
        controls: Controls,
        verdict: Verdict,
        trace: Trace,
        reward: F32,
        terms: dict[str, F32],
        hidden: dict[str, F32],
    ) -> TurnRecord:
        """All of the turn that was just made, before `advance`: for rendering and logs."""
        left = trace.feedback.completed | trace.feedback.abandoned
        seen: dict[str, Any] = {field.name: getattr(trace, field.name) for field in fields(trace)}
        seen["next_utterance"] = ["" if gone else text for gone, text in zip(left, trace.next_utterance, strict=True)]
        seen["next_estimate"] = copy.deepcopy(trace.next_estimate)  # a restart writes on what is recognised now
        return TurnRecord(
            **seen,
            person=self.person.copy(),
            topic=topic,
            controls=controls,
            verdict=verdict,
            reward=reward,
            terms=terms,
            hidden={name: value.copy() for name, value in hidden.items()},
        )

    def finished(self, rows: I64, obs: F32, feedback: Feedback, hidden: dict[str, F32]) -> Finished:
        """How dialogues went that ended in some rows.

        Args:
            rows: `[K]` which.
            obs: `[K, D]` last observations.
            feedback: `[K]` what people showed last.
            hidden: hidden variables, `[K]` each.
        """
        return Finished(
            rows=rows,
            person=self.person[rows],
            final_obs=obs,
            episode_return=self.episode_return[rows],
            length=self.turn[rows],
            completed=feedback.completed,
            abandoned=feedback.abandoned,
            limit=~(feedback.completed | feedback.abandoned),
            relief=hidden["relief"],
            mean_rating=self.rating_mean()[rows],
            cost=self.cost[rows],
            terms={name: total[rows] for name, total in self.terms.items()},
            hidden=hidden,
            yardsticks={name: total[rows] for name, total in self.yardsticks.items()},
        )

    def advance(
        self, controls: F32, replies: list[str], reading: F32, feedback: Feedback, said: Utterances, estimate: Estimate
    ) -> None:
        """Advance every row by one turn.

        Args:
            controls: `[N, 4]` the action as a point of the box.
            replies: N texts as said.
            reading: `[N, 18]` of the replies.
            feedback: what people showed.
            said: what people say next.
            estimate: what is recognised next.
        """
        self.turn = self.turn + 1
        self.controls = controls.copy()  # copies: a restart writes in place, a record keeps what it was given
        self.earlier_reply_reading, self.reply_reading = self.reply_reading, reading
        self.rating_present = np.isfinite(feedback.rating)
        self.rating = np.where(self.rating_present, feedback.rating, self.rating)
        self.rating_sum = self.rating_sum + np.where(self.rating_present, feedback.rating, 0)
        self.rating_count = self.rating_count + self.rating_present
        self.engagement = feedback.engagement.copy()
        self.before = remembered(self.before, self.said.embedding)
        self.said, self.estimate = said, estimate
        for window, earlier, reply, utterance in zip(self.window, self.replies, replies, said.text, strict=True):
            earlier.append(reply)
            window.append(reply)
            window.append(utterance)

    def add_rewards(self, reward: F32, terms: Mapping[str, F32], cost: F32, yardsticks: Mapping[str, F32]) -> None:
        """Add one turn's reward, its terms, its cost and what other designs would have paid to the episode's sums."""
        self.episode_return = self.episode_return + reward
        self.cost = self.cost + cost
        zero = np.zeros_like(reward)
        self.terms = {name: self.terms.get(name, zero) + value for name, value in terms.items()}
        self.yardsticks = {name: self.yardsticks.get(name, zero) + value for name, value in yardsticks.items()}

    def restart(self, rows: I64, streams: Streams, said: Utterances, estimate: Estimate) -> None:
        """Begin a new dialogue in some rows.

        Args:
            rows: `[K]` which.
            streams: of all N rows, already advanced.
            said: `[K]`, what the new people say first.
            estimate: `[K]`, what is recognised in it.
        """
        fresh = type(self).begun(streams.rows(rows), said, estimate)
        for sums in _SUMS:
            setattr(
                fresh, sums, {name: np.zeros(len(rows), total.dtype) for name, total in getattr(self, sums).items()}
            )
        fresh.person = self.person[rows]
        self.put(rows, fresh)  # in place: records hold what was said and recognised a turn ago
        self.streams = streams
