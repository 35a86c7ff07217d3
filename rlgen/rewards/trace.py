"""What a reward may see of one vector step: the words of both sides, never the action or log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from rlgen.types import F32, I64, Bools, Estimate, Feedback, Reading, Rows


@dataclass(frozen=True)
class Trace(Rows):
    """One turn of N dialogues, as rewards see it.

    Attributes:
        utterance: N texts, what the person said and the reply answers.
        reply: N texts, the reply as the person met it; empty in a world without text.
        next_utterance: N texts, what the person said then; where the dialogue ended, in parting.
        estimate: the recognised state that the reply answers (before the reply).
        reading: what the reply's words are perceived as.
        feedback: what the person showed after the reply.
        next_estimate: the recognised state after the reply; where the dialogue ended, that of the
            person's parting words.
        turn: `[N]`, index of this turn from 0.
        max_turns: the limit of turns.
        rating_history_mean: `[N]`, the person's own mean of earlier ratings, 1-5; NaN where there is none.
        rating_before: `[N]`, the last of these ratings; NaN where there is none. None where nobody knows it.
        cost: `[N]`, the guard's costs of the reply, summed, which it found in the words; None where no guard looked.
        relief: `[N]` in [-1, 1] whoever the people are, fall of the person's hidden intensity since the dialogue
            began, as a survey after this turn would find it; for designs that need it, else None. NaN where nobody
            can know it.
    """

    utterance: list[str]
    reply: list[str]
    next_utterance: list[str]
    estimate: Estimate
    reading: Reading
    feedback: Feedback
    next_estimate: Estimate
    turn: I64
    max_turns: int
    rating_history_mean: F32
    rating_before: F32 | None = None
    cost: F32 | None = None
    relief: F32 | None = None

    @property
    def turns_left(self) -> I64:
        """`[N]`, turns that could still follow this one; 0 at the last."""
        return self.max_turns - 1 - self.turn

    @property
    def over(self) -> Bools:
        """`[N]`, rows that end with this turn: completed, abandoned or at the limit."""
        over: Bools = self.feedback.completed | self.feedback.abandoned | (self.turns_left <= 0)
        return over
