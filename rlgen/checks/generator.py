"""Does a generator keep what a world relies on?

In comes a generator (`rlgen.types.Generator`); out comes nothing, or one sentence a fault. It is asked some thirty
times for a dozen replies. Where a model computes in bfloat16, a neighbour can tip a close decision; try it in float32.

    from rlgen.checks.generator import check_generator

    check_generator(MyGenerator())
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from rlgen.affect import from_category
from rlgen.checks.laws import Finding, Law, insist, shake, try_laws
from rlgen.rng import Streams
from rlgen.types import CONTROL_RANGES, I64, Context, Controls, Estimate, Replies, session

_ROWS: Final = 12
_THREADS: Final = 4
_NEAR: Final = 1e-2  # how far log-probabilities of the same words may be apart
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
class Asked:
    """What a generator is asked at once: N dialogues with all that belongs to them."""

    context: Context
    estimate: Estimate
    controls: Controls
    streams: Streams

    def rows(self, index: I64) -> Asked:
        """Some of the dialogues."""
        return Asked(*(getattr(self, field.name).rows(index) for field in fields(self)))

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
    text, ids, logprob = replies.text, replies.ids, replies.logprob
    if not isinstance(text, list) or len(text) != rows or not all(isinstance(each, str) for each in text):
        yield f"text is no list of {rows} strings, one a row"
    if not isinstance(ids, np.ndarray) or ids.ndim != 2 or len(ids) != rows or ids.dtype.kind != "i":
        yield f"ids are {_shown(ids)}; give whole numbers [{rows}, L], padded with -1"
    if not isinstance(logprob, np.ndarray) or logprob.shape != (rows,) or logprob.dtype.kind != "f":
        yield f"logprob is {_shown(logprob)}; give floats [{rows}]"


def _shown(value: Any) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__


def _apart(one: Replies, other: Replies) -> str:
    """Where replies differ, empty for nowhere."""
    for row, (a, b) in enumerate(zip(one.text, other.text, strict=True)):
        if a != b:
            return f"row {row} says {a[:40]!r} and then {b[:40]!r}"
    width = max(one.ids.shape[1], other.ids.shape[1])
    padded = [np.pad(each.ids, ((0, 0), (0, width - each.ids.shape[1])), constant_values=-1) for each in (one, other)]
    if (differ := (padded[0] != padded[1]).any(axis=1)).any():
        return f"the ids of row {int(differ.argmax())} differ, though its words do not"
    with np.errstate(invalid="ignore"):  # what is not finite is another law's affair
        far = np.abs(one.logprob - other.logprob)
    return (
        "" if not (far > _NEAR).any() else f"the log-probability of row {int(far.argmax())} differs by {far.max():.3g}"
    )


def _answers(generator: Any) -> Iterator[str]:
    yield from _form(asked(_dialogues()).of(session(generator)), _ROWS)


def _words(generator: Any) -> Iterator[str]:
    for text in asked(_dialogues()).of(session(generator)).text:
        if not text.strip():
            yield "a reply says nothing; a person needs words, if only '...'"
        elif not text.isprintable():
            yield f"the reply {text[:40]!r} holds line breaks or control characters; say it on one printable line"


def _padding(generator: Any) -> Iterator[str]:
    replies = asked(_dialogues()).of(session(generator))
    held = replies.ids >= 0
    if (replies.ids < -1).any():
        yield "an id is below -1; pad with -1"
    if (held[:, 1:] > held[:, :-1]).any():
        yield "an id follows padding; pad at the end only"
    said: dict[tuple[int, ...], str] = {}
    for ids, text in zip(replies.ids.tolist(), replies.text, strict=True):
        if said.setdefault(tuple(ids), text) != text:
            yield f"{said[tuple(ids)][:30]!r} and {text[:30]!r} have the same ids; ids must tell words apart"


def _chances(generator: Any) -> Iterator[str]:
    logprob = asked(_dialogues()).of(session(generator)).logprob
    if not np.isfinite(logprob).all() or (logprob > 1e-6).any():
        yield f"a log-probability is {logprob[np.argmax(~(logprob <= 1e-6))]}; it must be finite and at most 0"


def _repeats(generator: Any) -> Iterator[str]:
    made = []
    for seed in (1, 2):
        shake(seed)
        made.append(asked(_dialogues()).of(session(generator)))
    if apart := _apart(*made):
        yield f"asked the same twice, {apart}; draw from the streams that `reply` is given, and from nothing else"


def _neighbours(generator: Any) -> Iterator[str]:
    every = asked(_dialogues())
    whole = every.of(session(generator))
    for index in (np.arange(_ROWS)[::-1].copy(), np.array([0]), np.array([7]), np.array([2, 3, 11])):
        if apart := _apart(whole.rows(index), every.rows(index).of(session(generator))):
            yield f"of rows {index.tolist()} alone, {apart}; its dialogue, controls and stream alone may decide a row"
            return


def _goes_on(generator: Any) -> Iterator[str]:
    whole = asked(_dialogues())
    begun = session(generator)
    asked([dialogue[:1] for dialogue in _dialogues()]).of(begun)
    if apart := _apart(whole.of(session(generator)), whole.of(begun)):
        yield f"after the beginning of the dialogues was asked for, {apart}; what was asked before may save work only"
    if apart := _apart(whole.of(session(generator)), whole.of(begun)):
        yield f"asked again in one session, {apart}; what was asked before may save work only"


def _sessions(generator: Any) -> Iterator[str]:
    if session(generator) is generator:  # it keeps nothing, by the contract
        return
    asked(_dialogues(2)).of(generator)
    first, second = session(generator), session(generator)
    before = generator.calls
    beginnings = asked([dialogue[:1] for dialogue in _dialogues()])
    others = asked(_dialogues()[::-1], seed=3)
    beginnings.of(first)
    others.of(second)
    whole = asked(_dialogues())
    if apart := _apart(whole.of(first), whole.of(session(generator))):
        yield f"with another session between, {apart}; give each session a memory of its own"
    if (first.calls, second.calls, generator.calls) != (2, 1, before):
        yield (
            f"sessions that were asked twice and once count {first.calls} and {second.calls} calls, and the part that "
            f"they come from {generator.calls - before}; let each session count its own, from 0"
        )


def _counts(generator: Any) -> Iterator[str]:
    mine = session(generator)
    before = mine.calls
    asked(_dialogues(3)).of(mine)
    if mine.calls != before + 1:
        yield f"after one call `calls` has grown by {mine.calls - before}; count calls of `reply`"


def _threads(generator: Any) -> Iterator[str]:
    lots = [asked(_dialogues(), seed) for seed in range(_THREADS)]
    alone = [lot.of(session(generator)) for lot in lots]
    with ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(lambda lot: lot.of(session(generator)), lots * 2))
    for one, other in zip(alone * 2, together, strict=True):
        if apart := _apart(one, other):
            yield f"in {_THREADS} threads at once, {apart}; keep state in `session()`, or lock what sessions share"
            return


def _travels(generator: Any) -> Iterator[str]:
    try:
        again = pickle.loads(pickle.dumps(generator))
    except Exception as error:  # noqa: BLE001 - pickling a part of one's own may raise anything
        yield f"it cannot be pickled ({' '.join(str(error).split())[:120]}), so its worlds cannot go to another process"
        return
    whole = asked(_dialogues())
    if apart := _apart(whole.of(session(generator)), whole.of(session(again))):
        yield f"once pickled, {apart}; keep all that it says in what is pickled"


def _nobody(generator: Any) -> Iterator[str]:
    none = asked(_dialogues()).rows(np.arange(0))
    yield from (f"of no rows, {fault}" for fault in _form(none.of(session(generator)), 0))


def _untouched(generator: Any) -> Iterator[str]:
    given = asked(_dialogues())
    before = copy.deepcopy(given)
    given.of(session(generator))
    for name in ("estimate", "controls"):
        mine, kept = getattr(given, name), getattr(before, name)
        for field in fields(mine):
            if not np.array_equal(getattr(mine, field.name), getattr(kept, field.name)):
                yield f"{name}.{field.name} was written on; work on a copy"
    if given.context.texts != before.context.texts:
        yield "context.texts was written on; work on a copy"


def _frozen(generator: Any) -> Iterator[str]:
    before = generator.weights_sha256()
    if not isinstance(before, str) or not before:
        yield f"weights_sha256 gives {before!r}; give a hash of all that is frozen, as text"
        return
    mine = session(generator)
    asked(_dialogues()).of(mine)
    if {generator.weights_sha256(), mine.weights_sha256()} != {before}:
        yield "the hash of its weights is another after a call; freeze them: eval mode, no gradients, no updates"


def _any_text(generator: Any) -> Iterator[str]:
    replies = asked([[text] for text in _ODD] + [["Hello.", "", text] for text in _ODD]).of(session(generator))
    yield from (f"of odd texts, {fault}" for fault in _form(replies, 2 * len(_ODD)))


def _extremes(generator: Any) -> Iterator[str]:
    corners = np.array(np.meshgrid(*CONTROL_RANGES.values())).reshape(len(CONTROL_RANGES), -1).astype(np.float32)
    lot = asked([[_SAID[i % len(_SAID)]] for i in range(corners.shape[1])])
    replies = Asked(lot.context, lot.estimate, Controls(*corners), lot.streams).of(session(generator))
    yield from (f"at the ends of the controls, {fault}" for fault in _form(replies, corners.shape[1]))
    if not np.isfinite(replies.logprob).all():
        yield "at the ends of the controls a log-probability is not finite; keep probabilities above 0"


LAWS: Final = (
    Law("every row is answered in ids, words and a log-probability", _answers, basic=True),
    Law("words are one printable line, and never nothing", _words),
    Law("ids are padded at the end, and tell words apart", _padding),
    Law("log-probabilities are finite and at most 0", _chances),
    Law("the same call says the same", _repeats),
    Law("a row does not depend on its neighbours", _neighbours),
    Law("what was asked before makes no difference", _goes_on),
    Law("sessions do not hear each other", _sessions),
    Law("calls are counted", _counts),
    Law("threads may speak at once", _threads),
    Law("a pickled copy says the same", _travels),
    Law("no rows have no replies", _nobody),
    Law("what it is given stays as it was", _untouched),
    Law("its weights stay as they are", _frozen),
    Law("any text is answered", _any_text),
    Law("the ends of all controls are answered", _extremes),
)
"""What a generator owes, in the order in which it is tried."""


def try_generator(generator: Any) -> Iterator[Finding]:
    """Try all laws on a generator, one after another."""
    return try_laws(generator, LAWS)


def check_generator(generator: Any) -> None:
    """Try a generator.

    Raises:
        CheckError: with the first fault.
    """
    insist(try_generator(generator))
