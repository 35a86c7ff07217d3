"""From controls to words as a person reads them: generator, guard and reader, or a measured surface of the three."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol, Self

import numpy as np

from rlgen.envs.dialogues import Dialogues
from rlgen.envs.surface import ResponseSurface
from rlgen.seams import held, is_own, own_fault, refused
from rlgen.text import Reader
from rlgen.text.reading.relevance import Heard
from rlgen.types import (
    ALLOW,
    ESCALATE,
    F32,
    Context,
    Controls,
    Generator,
    Guard,
    Reading,
    Replies,
    Verdict,
    Words,
    array_fault,
    described,
    session,
)


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
        for field, part in (("generator", self.generator), ("guard", self.guard), ("reader", self.reader)):
            with own_fault(field, part):
                setattr(mine, field, session(part))
        mine.seconds = dict.fromkeys(self.seconds, 0.0)
        return mine

    def reply(self, now: Dialogues, controls: Controls) -> ReadReplies:
        """Generate, review, read; the reader sees only the words (see `Pipeline.reply`)."""
        started = perf_counter()
        context = Context(now.window, now.turn)
        with own_fault("generator", self.generator):
            replies = self.generator.reply(context, now.estimate, controls, now.streams)
        words = held("generator", self.generator, replies, Replies, len(now.turn)).words()
        generated = perf_counter()
        if self.guard is None:
            verdict = allow_all(words.text)
        else:
            verdict = reviewed_by(self.guard, context, words)
            said = np.where((verdict.decision == ALLOW)[:, None], words.ids, -1)
            words = Words(said, verdict.text)
        reviewed = perf_counter()
        reading, _ = read_texts(self.reader, words.text, now.heard(), now.replies)
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


def reviewed_by(guard: Guard, context: Context, words: Words) -> Verdict:
    """Verdicts on N replies.

    Raises:
        PartError: a guard of one's own fails, or decides what nobody can follow.
    """
    with own_fault("guard", guard):
        verdict = guard.review(context, words)
    if not is_own(guard):
        return verdict
    verdict = held("guard", guard, verdict, Verdict, len(words.text), cost=len(guard.cost_names))
    decision = verdict.decision
    if not ((decision >= ALLOW) & (decision <= ESCALATE)).all():
        raise refused("guard", guard, f"it decided {decision.min()} to {decision.max()}; give ALLOW, REPLACE, ESCALATE")
    for row in np.flatnonzero(decision == ALLOW).tolist():
        if verdict.text[row] != words.text[row]:
            raise refused("guard", guard, f"it allows row {row} and changes its text; decide REPLACE there")
    if (verdict.cost < 0).any():
        raise refused("guard", guard, "it gave a cost below 0; give 0 where nothing was found")
    return verdict


def read_texts(
    reader: Reader, texts: Sequence[str], heard: Heard, earlier: Sequence[Sequence[str]]
) -> tuple[Reading, F32]:
    """`Reader.read`.

    Raises:
        PartError: a reader of one's own fails, or gives something else.
    """
    with own_fault("readers", reader):
        gave = reader.read(texts, heard, earlier)
    return _readings(reader, gave, (len(texts), heard.embedding.shape[1]))


def read_bank(reader: Reader, texts: Sequence[str]) -> tuple[Reading, F32]:
    """`Reader.read_catalogue`.

    Raises:
        PartError: a reader of one's own fails, or gives something else.
    """
    with own_fault("readers", reader):
        gave = reader.read_catalogue(texts)
    return _readings(reader, gave, (len(texts), None))


def _readings(reader: Reader, gave: Any, shape: tuple[int, int | None]) -> tuple[Reading, F32]:
    if not is_own(reader):
        whole: tuple[Reading, F32] = gave
        return whole
    if not isinstance(gave, tuple) or len(gave) != 2:
        raise refused(
            "readers", reader, f"it gave {described(gave)}; give a pair of rlgen.types.Reading and embeddings"
        )
    reading, embedding = gave
    if wrong := array_fault("embedding", embedding, "F32", shape):
        raise refused("readers", reader, wrong)
    return held("readers", reader, reading, Reading, shape[0]), embedding


def allow_all(text: list[str]) -> Verdict:
    """The verdict of no guard."""
    rows = len(text)
    return Verdict(np.full(rows, ALLOW, dtype=np.int64), np.zeros((rows, 0), dtype=np.float32), text, [""] * rows)
