"""From controls to words as a person reads them: the middle of a step."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, Self

import numpy as np

from rlgen.envs.surface import ResponseSurface
from rlgen.rng import Streams
from rlgen.text import Reader
from rlgen.types import ALLOW, F32, Context, Controls, Estimate, Generator, Guard, Reading, Verdict, Words, session


@dataclass(frozen=True)
class Spoken:
    """Replies as they were said and read.

    Attributes:
        words: after the guard; ids are -1 where it replaced the text.
        reading: what the words are perceived as.
        verdict: the guard's.
    """

    words: Words
    reading: Reading
    verdict: Verdict


class Speech(Protocol):
    """One batched call from controls to read words."""

    cost_names: tuple[str, ...]
    seconds: dict[str, float]

    def session(self) -> Self:
        """The same frozen models with memory, times and counts of their own: what one world uses."""

    def speak(
        self,
        context: Context,
        estimate: Estimate,
        controls: Controls,
        asked: F32,
        earlier: Sequence[Sequence[str]],
        last: F32,
        before: F32,
        streams: Streams,
    ) -> Spoken:
        """Speak in N rows.

        Args:
            context: the dialogue windows.
            estimate: what was recognised.
            controls: what the action asks for.
            asked: `[N, 384]` embeddings of the utterances to answer.
            earlier: N lists of the supporter's earlier replies.
            last: `[N, 18]` reading of the last reply, zeros at the first turn.
            before: `[N, 4]` the last action as a point of the box, zeros at the first turn.
            streams: of the rows.
        """

    def calls(self) -> dict[str, int]:
        """Model calls of this session so far, by part."""


class SpokenReplies:
    """The real thing: generator, guard, reader."""

    def __init__(self, generator: Generator, guard: Guard | None, reader: Reader) -> None:
        self.generator = generator
        self.guard = guard
        self.reader = reader
        self.cost_names = guard.cost_names if guard is not None else ()
        self.seconds = {"generator": 0.0, "guard": 0.0, "reader": 0.0}

    def session(self) -> Self:
        """See `Speech.session`; the parts' own sessions, see `rlgen.types.session`."""
        mine = copy.copy(self)
        mine.generator, mine.guard, mine.reader = session(self.generator), session(self.guard), session(self.reader)
        mine.seconds = dict.fromkeys(self.seconds, 0.0)
        return mine

    def speak(
        self,
        context: Context,
        estimate: Estimate,
        controls: Controls,
        asked: F32,
        earlier: Sequence[Sequence[str]],
        last: F32,
        before: F32,
        streams: Streams,
    ) -> Spoken:
        """Generate, review, read; the reader sees only the words (see `Speech.speak`)."""
        started = perf_counter()
        words = self.generator.reply(context, estimate, controls, streams).words()
        generated = perf_counter()
        if self.guard is None:
            verdict = allow_all(words.text)
        else:
            verdict = self.guard.review(context, words)
            said = np.where((verdict.decision == ALLOW)[:, None], words.ids, -1)
            words = Words(said, verdict.text)
        reviewed = perf_counter()
        reading, _ = self.reader.read(words.text, asked, earlier)
        self.seconds["generator"] += generated - started
        self.seconds["guard"] += reviewed - generated
        self.seconds["reader"] += perf_counter() - reviewed
        return Spoken(words, reading, verdict)

    def calls(self) -> dict[str, int]:
        """Calls of the generator and of the encoder so far."""
        return {"generator": self.generator.calls, "encoder": self.reader.encoder.calls}


class SurfaceSpeech:
    """A text-free stand-in: readings drawn from a measured response surface of the real chain.

    For fitting baselines and choosing coefficients at many times the speed. Results that are
    reported come from real words.
    """

    cost_names: tuple[str, ...] = ()

    def __init__(self, surface: ResponseSurface) -> None:
        self.surface = surface
        self.seconds = {"surface": 0.0}

    def session(self) -> Self:
        """See `Speech.session`."""
        mine = copy.copy(self)
        mine.seconds = dict.fromkeys(self.seconds, 0.0)
        return mine

    def speak(
        self,
        context: Context,
        estimate: Estimate,
        controls: Controls,
        asked: F32,
        earlier: Sequence[Sequence[str]],
        last: F32,
        before: F32,
        streams: Streams,
    ) -> Spoken:
        """Draw a reading for each row (see `Speech.speak`)."""
        started = perf_counter()
        reading = self.surface.draw(controls, before, estimate, last, streams, context.turn)
        rows = len(context.turn)
        words = Words(np.full((rows, 1), -1, dtype=np.int64), [""] * rows)
        self.seconds["surface"] += perf_counter() - started
        return Spoken(words, reading, allow_all(words.text))

    def calls(self) -> dict[str, int]:
        """No model is called."""
        return {}


def allow_all(text: list[str]) -> Verdict:
    """The verdict of no guard."""
    rows = len(text)
    return Verdict(np.full(rows, ALLOW, dtype=np.int64), np.zeros((rows, 0), dtype=np.float32), text, [""] * rows)
