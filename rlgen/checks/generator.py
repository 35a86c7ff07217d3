"""Does a generator keep what a world relies on?

In comes a generator (`rlgen.types.Generator`); out comes nothing, or one sentence a fault. It is asked some thirty
times for a dozen replies. Where a model computes in bfloat16, a neighbour can tip a close decision; try it in float32.

    from rlgen.checks.generator import check_generator

    check_generator(MyGenerator())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from rlgen.affect import from_category
from rlgen.checks.batched import COMMON, FROZEN, Answer, Batched, apart, texts
from rlgen.checks.laws import Finding, Law, raise_first, try_laws
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, Context, Controls, Estimate, Replies, Rows, session

_ROWS: Final = 12
_SAID: Final = (
    "Hello.",
    "I failed the statistics exam on Friday, and I have not slept since, because I keep thinking of what to tell them.",
    "My sister does not talk to me any more. I don't know why.",
    "It is a bit better today.",
    "no",
)
_ANSWERED: Final = ("That sounds hard.", "What happened then, and who was with you?", "I am here. Take your time.")
_ODD: Final = (
    "",
    "   ",
    "\x00\x07",
    "!?",
    "😀 çà 你好",
    "a" * 5000,
    "word " * 1500,
    "\ud800 half",
    "[INST] <|end|> </s>",
)


@dataclass(frozen=True)
class Asked(Rows):
    """What a generator is asked at once: N dialogues with all that belongs to them."""

    context: Context
    estimate: Estimate
    controls: Controls
    streams: Streams

    def of(self, generator: Any) -> Replies:
        """What a generator answers."""
        replies: Replies = generator.reply(self.context, self.estimate, self.controls, self.streams)
        return replies


def asked(texts: Sequence[Sequence[str]], seed: int = 0) -> Asked:
    """Dialogues under various feelings and controls."""
    rows = len(texts)
    draw = np.random.default_rng(seed)
    category = np.arange(rows) % 6
    return Asked(
        Context([list(dialogue) for dialogue in texts], np.array([len(dialogue) // 2 for dialogue in texts])),
        Estimate(
            vector=np.zeros((rows, 4), dtype=np.float32),
            affect=from_category(category, np.full(rows, 0.8)),
            uncertainty=np.full((rows, 3), 0.3, dtype=np.float32),
            present=np.ones((rows, 3), dtype=bool),
        ),
        Controls(*(draw.uniform(low, high, rows).astype(np.float32) for low, high in CONTROL_RANGES.values())),
        Streams.of(seed, rows),
    )


def _dialogues(rows: int = _ROWS) -> list[list[str]]:
    """Of one to four turns, no two alike."""
    found = []
    for row in range(rows):
        texts = [f"This is number {row}."] if row % 4 == 3 else [_SAID[row % len(_SAID)]]
        for turn in range(row % 4):
            texts += [_ANSWERED[(row + turn) % len(_ANSWERED)], _SAID[(row + 2 * turn + 1) % len(_SAID)]]
        found.append(texts)
    return found


def _form(replies: Any, rows: int) -> Iterator[str]:
    """What is wrong with the form of replies."""
    if type(replies) is not Replies:
        yield f"reply gives {type(replies).__name__}; give rlgen.types.Replies, which holds words and nothing else"
        return
    if wrong := Replies.fault(replies, rows):
        yield wrong


class _Tried(Batched):
    """A generator, and dialogues that it is asked about, each time in a new session."""

    near = 1e-2  # of log-probabilities; words are the same or not

    def call(self, part: Any, given: Asked) -> Any:
        return given.of(part)

    def form(self, made: Any, given: Asked) -> Iterator[str]:
        return _form(made, len(given.context.turn))

    def answer(self, made: Replies) -> Answer:
        ids = texts([each for each in row if each != -1] for row in made.ids.tolist())  # padded as batches need
        return {"text": texts(made.text), "ids": ids, "logprob": made.logprob}


def _answers(tried: _Tried) -> Iterator[str]:
    yield from _form(tried.made(), tried.rows)


def _words(tried: _Tried) -> Iterator[str]:
    for text in tried.made().text:
        if not text.strip():
            yield "a reply says nothing; a person needs words, if only '...'"
        elif not text.isprintable():
            yield f"the reply {text[:40]!r} holds line breaks or control characters; say it on one printable line"


def _padding(tried: _Tried) -> Iterator[str]:
    replies = tried.made()
    held = replies.ids >= 0
    if (replies.ids < -1).any():
        yield "an id is below -1; pad with -1"
    if (held[:, 1:] > held[:, :-1]).any():
        yield "an id follows padding; pad at the end only"
    said: dict[tuple[int, ...], str] = {}
    for ids, text in zip(replies.ids.tolist(), replies.text, strict=True):
        if said.setdefault(tuple(ids), text) != text:
            yield f"{said[tuple(ids)][:30]!r} and {text[:30]!r} have the same ids; ids must tell words apart"


def _chances(tried: _Tried) -> Iterator[str]:
    logprob = tried.made().logprob
    if (logprob > 1e-6).any():
        yield f"a log-probability is {logprob.max()}; it must be at most 0"


def _goes_on(tried: _Tried) -> Iterator[str]:
    begun = session(tried.part)
    _beginnings().of(begun)
    for when in ("after the beginning of the dialogues was asked for", "asked again in one session"):
        if where := apart(tried.of(), tried.answer(asked(_dialogues()).of(begun)), tried.near):
            yield f"{when}, {where}; what was asked before may save work only"


def _beginnings() -> Asked:
    return asked([dialogue[:1] for dialogue in _dialogues()])


def _sessions(tried: _Tried) -> Iterator[str]:
    part = tried.part
    if session(part) is part:  # it keeps nothing, by the contract
        return
    asked(_dialogues(2)).of(part)
    first, second = session(part), session(part)
    before = part.calls
    _beginnings().of(first)
    asked(_dialogues()[::-1], seed=3).of(second)
    if where := apart(tried.answer(asked(_dialogues()).of(first)), tried.of(), tried.near):
        yield f"with another session between, {where}; give each session a memory of its own"
    if (first.calls, second.calls, part.calls) != (2, 1, before):
        yield (
            f"sessions that were asked twice and once count {first.calls} and {second.calls} calls, and the part that "
            f"they come from {part.calls - before}; let each session count its own, from 0"
        )


def _counts(tried: _Tried) -> Iterator[str]:
    mine = session(tried.part)
    before = mine.calls
    asked(_dialogues(3)).of(mine)
    if mine.calls != before + 1:
        yield f"after one call `calls` has grown by {mine.calls - before}; count calls of `reply`"


def _any_text(tried: _Tried) -> Iterator[str]:
    replies = asked([[text] for text in _ODD] + [["Hello.", "", text] for text in _ODD]).of(session(tried.part))
    yield from (f"of odd texts, {fault}" for fault in _form(replies, 2 * len(_ODD)))


def _extremes(tried: _Tried) -> Iterator[str]:
    corners = np.array(np.meshgrid(*CONTROL_RANGES.values())).reshape(len(CONTROL_RANGES), -1).astype(np.float32)
    lot = asked([[_SAID[i % len(_SAID)]] for i in range(corners.shape[1])])
    replies = replace(lot, controls=Controls(*corners)).of(session(tried.part))
    yield from (f"at the ends of the controls, {fault}" for fault in _form(replies, corners.shape[1]))


LAWS: Final = (
    Law("every row is answered in ids, words and a log-probability", _answers, basic=True),
    Law("words are one printable line, and never nothing", _words),
    Law("ids are padded at the end, and tell words apart", _padding),
    Law("log-probabilities are at most 0", _chances),
    *COMMON,
    *FROZEN,
    Law("what was asked before makes no difference", _goes_on),
    Law("sessions do not hear each other", _sessions),
    Law("calls are counted", _counts),
    Law("any text is answered", _any_text),
    Law("the ends of all controls are answered", _extremes),
)
"""What a generator owes, in the order in which it is tried."""


def try_generator(generator: Any) -> Iterator[Finding]:
    """Try all laws on a generator, one after another."""
    return try_laws(_Tried(generator, asked(_dialogues()), _ROWS), LAWS)


def check_generator(generator: Any) -> None:
    """Try a generator.

    Raises:
        CheckError: with the first fault.
    """
    raise_first(try_generator(generator))
