"""From controls to words as a person reads them: generator, guard and reader, or a measured surface of the three."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, Self

import numpy as np

from rlgen.envs.dialogues import Dialogues
from rlgen.envs.surface import ResponseSurface
from rlgen.text import Reader
from rlgen.types import ALLOW, Context, Controls, Generator, Guard, Reading, Verdict, Words, session


@dataclass(frozen=True)
class ReadReplies:
    """Replies as they were said and read.

    Attributes:
        words: after the guard; ids are -1 where it replaced the text.
        reading: what the words are perceived as.
        verdict: the guard's.
    """

    words: Words
    reading: Reading
    verdict: Verdict


class Pipeline(Protocol):
    """One batched call from controls to read words."""

    cost_names: tuple[str, ...]
    seconds: dict[str, float]

    def session(self) -> Self:
        """The same frozen models with memory, times and counts of their own: what one world uses."""

    def reply(self, now: Dialogues, controls: Controls) -> ReadReplies:
        """Answer what was said last in N dialogues, as the actions ask for."""

    def calls(self) -> dict[str, int]:
        """Model calls of this session so far, by part."""


class TextPipeline:
    """The real thing: generator, guard, reader."""

    def __init__(self, generator: Generator, guard: Guard | None, reader: Reader) -> None:
        self.generator = generator
        self.guard = guard
        self.reader = reader
        self.cost_names = guard.cost_names if guard is not None else ()
        self.seconds = {"generator": 0.0, "guard": 0.0, "reader": 0.0}

    def session(self) -> Self:
        """See `Pipeline.session`; the parts' own sessions, see `rlgen.types.session`."""
        mine = copy.copy(self)
        mine.generator, mine.guard, mine.reader = session(self.generator), session(self.guard), session(self.reader)
        mine.seconds = dict.fromkeys(self.seconds, 0.0)
        return mine

    def reply(self, now: Dialogues, controls: Controls) -> ReadReplies:
        """Generate, review, read; the reader sees only the words (see `Pipeline.reply`)."""
        started = perf_counter()
        context = Context(now.window, now.turn)
        words = self.generator.reply(context, now.estimate, controls, now.streams).words()
        generated = perf_counter()
        if self.guard is None:
            verdict = allow_all(words.text)
        else:
            verdict = self.guard.review(context, words)
            said = np.where((verdict.decision == ALLOW)[:, None], words.ids, -1)
            words = Words(said, verdict.text)
        reviewed = perf_counter()
        reading, _ = self.reader.read(words.text, now.said.embedding, now.replies)
        self.seconds["generator"] += generated - started
        self.seconds["guard"] += reviewed - generated
        self.seconds["reader"] += perf_counter() - reviewed
        return ReadReplies(words, reading, verdict)

    def calls(self) -> dict[str, int]:
        """Calls of the generator and of the encoder so far."""
        return {"generator": self.generator.calls, "encoder": self.reader.encoder.calls}


class SurfacePipeline:
    """A text-free stand-in: readings drawn from a measured response surface of the real chain.

    For fitting baselines and choosing coefficients at many times the speed. Results that are
    reported come from real words.
    """

    cost_names: tuple[str, ...] = ()

    def __init__(self, surface: ResponseSurface) -> None:
        self.surface = surface
        self.seconds = {"surface": 0.0}

    def session(self) -> Self:
        """See `Pipeline.session`."""
        mine = copy.copy(self)
        mine.seconds = dict.fromkeys(self.seconds, 0.0)
        return mine

    def reply(self, now: Dialogues, controls: Controls) -> ReadReplies:
        """Draw a reading for each row (see `Pipeline.reply`)."""
        started = perf_counter()
        reading = self.surface.draw(controls, now.controls, now.estimate, now.reply_reading, now.streams, now.turn)
        rows = len(now.turn)
        words = Words(np.full((rows, 1), -1, dtype=np.int64), [""] * rows)
        self.seconds["surface"] += perf_counter() - started
        return ReadReplies(words, reading, allow_all(words.text))

    def calls(self) -> dict[str, int]:
        """No model is called."""
        return {}


def allow_all(text: list[str]) -> Verdict:
    """The verdict of no guard."""
    rows = len(text)
    return Verdict(np.full(rows, ALLOW, dtype=np.int64), np.zeros((rows, 0), dtype=np.float32), text, [""] * rows)
