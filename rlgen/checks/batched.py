"""Laws of whatever answers N rows at once, whichever kind of part it is: rows, repetition, threads, pickles, copies."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.checks.laws import Law, seed_everything
from rlgen.types import I64, session

THREADS: Final = 4

Answer = dict[str, NDArray[Any]]
"""What N rows were answered, by name: arrays whose first axis is the row."""


class Batched:
    """A part, and the N rows that it is asked about. A checker says how it is asked and what it has to give.

    Attributes:
        part: what is tried.
        given: what it is asked: a struct of N rows.
        rows: N.
        near: how far the same numbers may be apart.
    """

    near = 0.0

    def __init__(self, part: Any, given: Any, rows: int) -> None:
        self.part, self.given, self.rows = part, given, rows

    def call(self, part: Any, given: Any) -> Any:
        """What a part, or a session of it (`rlgen.types.session`), makes of rows."""
        raise NotImplementedError

    def form(self, made: Any, given: Any) -> Iterable[str]:
        """What is wrong with the form of what was made of rows."""
        raise NotImplementedError

    def answer(self, made: Any) -> Answer:
        """What was made of rows, as arrays that can be compared."""
        raise NotImplementedError

    def made(self, given: Any = None, part: Any = None) -> Any:
        """What this part, or another one, makes of a copy of the rows, or of other ones."""
        return self.call(session(part or self.part), copy.deepcopy(self.given if given is None else given))

    def of(self, index: I64 | None = None, part: Any = None) -> Answer:
        """What is answered to the rows, or to some of them."""
        return self.answer(self.made(None if index is None else self.given.rows(index), part))


def texts(said: Iterable[Any]) -> NDArray[Any]:
    """N texts, or lists of numbers, as an array that can be compared."""
    found = [each if isinstance(each, str) else str(each) for each in said]
    return np.array([*found, None], dtype=object)[:-1]  # beside None, NumPy looks at no text's length


def apart(one: Answer, other: Answer, near: float = 0.0) -> str:
    """Where answers to the same rows differ, in words; empty for nowhere.

    Args:
        one, other: the answers.
        near: how far the same numbers may be apart; NaN is where NaN is.
    """
    for name, a in one.items():
        b = other.get(name)
        if b is None or b.shape != a.shape:
            return f"{name} has another shape"
        floats = a.dtype.kind == "f"
        differ = ~np.isclose(a, b, rtol=0.0, atol=near, equal_nan=True) if floats else np.asarray(a != b)
        if differ.any():
            row = int(differ.reshape(len(a), -1).any(axis=1).argmax())
            at = (row, *np.argwhere(differ[row])[0])
            was, now = (f"{x:.4g}" if isinstance(x, np.floating) else repr(x)[:42] for x in (a[at], b[at]))
            return f"{name} of row {row} differs ({was}, then {now})"
    return ""


def some(answer: Answer, index: I64) -> Answer:
    """An answer to some of the rows."""
    return {name: values[index] for name, values in answer.items()}


def _repeats(tried: Batched) -> Iterator[str]:
    found = []
    for seed in (1, 2):
        seed_everything(seed)
        found.append(tried.of())
    if where := apart(found[0], found[1], tried.near):
        yield f"asked the same twice, {where}; draw from the streams that it is given alone, and keep nothing of a call"


def _neighbours(tried: Batched) -> Iterator[str]:
    whole, order = tried.of(), np.arange(tried.rows)
    for index in (order[::-1].copy(), order[:1], order[5:6], np.array([1, 8, 9])):
        if where := apart(some(whole, index), tried.of(index), tried.near):
            yield f"of rows {index.tolist()} alone, {where}; look at one row at a time, without statistics of the batch"
            return


def _threads(tried: Batched) -> Iterator[str]:
    lots = [np.arange(start, tried.rows, THREADS) for start in range(THREADS)]
    alone = [tried.of(lot) for lot in lots]
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(tried.of, lots * 3))
    for one, other in zip(alone * 3, together, strict=True):
        if where := apart(one, other, tried.near):
            yield f"in {THREADS} threads at once, {where}; keep nothing of a call where another call finds it"
            return


def _travels(tried: Batched) -> Iterator[str]:
    try:
        again = pickle.loads(pickle.dumps(tried.part))
    except Exception as error:  # noqa: BLE001 - pickling a part of one's own may raise anything
        yield f"it cannot be pickled ({' '.join(str(error).split())[:120]}), so its worlds cannot go to another process"
        return
    if where := apart(tried.of(), tried.of(part=again), tried.near):
        yield f"once pickled, {where}; keep all that it knows in what is pickled"


def _untouched(tried: Batched) -> Iterator[str]:
    given = copy.deepcopy(tried.given)
    tried.call(session(tried.part), given)
    for (name, now), (_, before) in zip(_leaves(given), _leaves(tried.given), strict=True):
        if pickle.dumps(now) != pickle.dumps(before):
            yield f"{name} was written on; work on a copy"


def _nobody(tried: Batched) -> Iterator[str]:
    none = tried.given.rows(np.arange(0))
    yield from (f"of no rows, {fault}" for fault in tried.form(tried.made(none), none))


def _frozen(tried: Batched) -> Iterator[str]:
    before = tried.part.weights_sha256()
    if not isinstance(before, str) or not before:
        yield f"weights_sha256 gives {before!r}; give a hash of all that is frozen, as text"
        return
    mine = session(tried.part)
    tried.call(mine, copy.deepcopy(tried.given))
    if {tried.part.weights_sha256(), mine.weights_sha256()} != {before}:
        yield "the hash of its weights is another after a call; freeze them: eval mode, no gradients, no updates"


REPEATS: Final = Law("asked the same twice, it answers the same", _repeats)
NEIGHBOURS: Final = Law("a row does not depend on its neighbours", _neighbours)
THREADED: Final = Law("threads may ask at once", _threads)
TRAVELS: Final = Law("a pickled copy answers the same", _travels)
UNTOUCHED: Final = Law("what it is given stays as it was", _untouched)
COMMON: Final = (REPEATS, NEIGHBOURS, THREADED, TRAVELS, UNTOUCHED)
FROZEN: Final = (
    Law("no rows have no answers", _nobody),
    Law("its weights stay as they are", _frozen),
)
"""What a frozen model owes besides."""


def _leaves(given: Any, inside: str = "") -> Iterator[tuple[str, Any]]:
    """What a struct holds, by name, structs within it too."""
    inside = inside or f"{type(given).__name__.lower()}."
    for field in fields(given):
        value = getattr(given, field.name)
        if is_dataclass(value):
            yield from _leaves(value, f"{field.name}.")
        else:
            yield f"{inside}{field.name}", value
