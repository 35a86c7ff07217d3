"""Does a recognizer keep what a world relies on?

In comes a recognizer (`rlgen.types.Recognizer`); out comes nothing, or one sentence a fault. It is tried on two dozen
segments of the shipped bank, with their raw sound where it asks for that.

    from rlgen.checks.recognizer import check_recognizer

    check_recognizer(MyRecognizer())
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Final

import numpy as np

from rlgen.affect import AFFECT_DIM, NUM_CATEGORIES
from rlgen.checks.laws import Finding, Law, insist, shake, try_laws
from rlgen.perception.bank import SignalBank
from rlgen.perception.table import sounds
from rlgen.types import MODALITIES, Estimate, Signals

_ROWS: Final = 24
_THREADS: Final = 4
_NEAR: Final = 1e-4  # how far the same numbers may be apart
_SUM: Final = 1e-3  # how far probabilities may sum to something else than one


@cache
def _bank() -> SignalBank:
    """Segments of several actors and emotions, with every modality."""
    bank = SignalBank.load("shipped:signal_bank")
    return bank.rows(np.arange(_ROWS) * (len(bank) // _ROWS))


@dataclass(frozen=True)
class _Tried:
    """A recognizer, and what it is tried on."""

    recognizer: Any
    signals: Signals

    def of(self, signals: Signals) -> Estimate:
        """What it makes of a copy of signals, on which it may write for now."""
        made: Estimate = self.recognizer.estimate(copy.deepcopy(signals))
        return made


def _without(signals: Signals, *modalities: str) -> Signals:
    """Signals that lack some modalities, raw sound included."""
    present = signals.present & ~np.isin(MODALITIES, modalities)
    silent = "speech" in modalities and signals.waveforms is not None
    return replace(signals, present=present, waveforms=[_NOTHING] * len(present) if silent else signals.waveforms)


_NOTHING: Final = np.zeros(0, dtype=np.float32)


def _form(made: Any, recognizer: Any, signals: Signals) -> Iterator[str]:
    """What is wrong with the form of estimates."""
    rows = len(signals.present)
    if not isinstance(made, Estimate):
        yield f"estimate gives {type(made).__name__}; give rlgen.types.Estimate"
        return
    widths = {"vector": recognizer.vector_dim, "affect": AFFECT_DIM, "uncertainty": 3}
    for name, width in widths.items():
        values = getattr(made, name)
        if not isinstance(values, np.ndarray) or values.shape != (rows, width) or values.dtype.kind != "f":
            shown = f"{values.dtype} {list(values.shape)}" if isinstance(values, np.ndarray) else type(values).__name__
            yield f"{name} is {shown}; give a NumPy array of floats [{rows}, {width}]"
    if not np.array_equal(made.present, signals.present):
        yield "present is not what was given; hand on `signals.present`"


def _apart(one: Estimate, other: Estimate) -> str:
    """Where estimates differ, empty for nowhere."""
    for name in ("vector", "affect", "uncertainty"):
        a, b = getattr(one, name), getattr(other, name)
        if not np.allclose(a, b, rtol=0.0, atol=_NEAR, equal_nan=True):
            with np.errstate(invalid="ignore"):  # what is not finite is another law's affair
                return f"{name} differs by {np.abs(a - b).max():.3g}"
    return ""


def _estimates(tried: _Tried) -> Iterator[str]:
    dim = getattr(tried.recognizer, "vector_dim", None)
    if not isinstance(dim, int) or dim < 1:
        yield f"vector_dim is {dim!r}; give the length of the emotion vector, 1 or more"
        return
    if unknown := set(getattr(tried.recognizer, "modalities", ())) - set(MODALITIES):
        yield f"modalities holds {sorted(unknown)[0]!r}; the modalities are {', '.join(MODALITIES)}"
        return
    yield from _form(tried.of(tried.signals), tried.recognizer, tried.signals)


def _ranges(tried: _Tried) -> Iterator[str]:
    made = tried.of(tried.signals)
    for name in ("vector", "affect", "uncertainty"):
        if not np.isfinite(getattr(made, name)).all():
            yield f"{name} is not finite; mend what divides by nothing or overflows"
            return
    chances = made.affect[:, :NUM_CATEGORIES]
    if (chances < 0).any() or not np.allclose(chances.sum(axis=1), 1.0, atol=_SUM):
        yield f"the first {NUM_CATEGORIES} columns of affect are no probabilities; make them at least 0, of sum 1"
    if (np.abs(made.affect[:, NUM_CATEGORIES:]) > 1).any():
        yield "valence or arousal, the last two columns of affect, leaves [-1, 1]"
    if (made.uncertainty < 0).any() or (made.uncertainty > 1).any():
        yield "uncertainty leaves [0, 1]"


def _repeats(tried: _Tried) -> Iterator[str]:
    made = []
    for seed in (1, 2):
        shake(seed)
        made.append(tried.of(tried.signals))
    if apart := _apart(*made):
        yield f"asked the same twice, {apart}; turn off dropout and draw nothing"


def _neighbours(tried: _Tried) -> Iterator[str]:
    whole = tried.of(tried.signals)
    for index in (np.arange(_ROWS)[::-1].copy(), np.array([5]), np.array([1, 8, 9])):
        if apart := _apart(whole.rows(index), tried.of(tried.signals.rows(index))):
            yield f"of rows {index.tolist()} alone, {apart}; a row may not depend on others: no statistics of the batch"
            return


def _earlier(tried: _Tried) -> Iterator[str]:
    made = []
    for shift in (1, 5):
        tried.of(tried.signals.rows(np.roll(np.arange(_ROWS), shift)))
        made.append(tried.of(tried.signals))
    if apart := _apart(*made):
        yield f"after another call, {apart}; keep nothing of what was recognised"


def _absent(tried: _Tried) -> Iterator[str]:
    for name in MODALITIES:
        lacking = _without(tried.signals, name)
        spoiled = np.full_like(getattr(lacking, name), np.nan)
        if apart := _apart(tried.of(lacking), tried.of(replace(lacking, **{name: spoiled}))):
            yield f"what stands in an absent {name} matters ({apart}); look at `present` first"


def _subsets(tried: _Tried) -> Iterator[str]:
    reads = set(getattr(tried.recognizer, "modalities", MODALITIES))
    for number in range(2 ** len(MODALITIES)):
        lacking = _without(tried.signals, *(name for i, name in enumerate(MODALITIES) if not number >> i & 1))
        made = tried.of(lacking)
        present = [name for i, name in enumerate(MODALITIES) if number >> i & 1]
        for fault in _form(made, tried.recognizer, lacking):
            yield f"with {' and '.join(present) or 'nothing'} present, {fault}"
            return
        if not all(np.isfinite(getattr(made, name)).all() for name in ("vector", "affect", "uncertainty")):
            yield f"with {' and '.join(present) or 'nothing'} present, an estimate is not finite"
    for name in sorted(set(MODALITIES) - reads):
        if apart := _apart(tried.of(tried.signals), tried.of(_without(tried.signals, name))):
            yield f"modalities leaves {name} out, and without it {apart}; name all that it reads"


def _ignorance(tried: _Tried) -> Iterator[str]:
    made = tried.of(_without(tried.signals, *MODALITIES))
    if apart := _apart(made, made.rows(np.roll(np.arange(_ROWS), 1))):
        yield f"where no modality is present, rows differ ({apart}); nothing is known of any of them"


def _listens(tried: _Tried) -> Iterator[str]:
    if tried.signals.waveforms is None:
        return
    whole = tried.of(tried.signals)
    quiet = [np.float32(0.3) * sound[::-1].copy() for sound in tried.signals.waveforms]
    if not _apart(whole, tried.of(replace(tried.signals, waveforms=quiet))):
        yield "reads_sound is True, and another sound changes nothing; read `signals.waveforms`, or leave it out"
    brief = [sound[:4800] for sound in tried.signals.waveforms]
    yield from (
        f"of 0.3 s of sound, {fault}"
        for fault in _form(tried.of(replace(tried.signals, waveforms=brief)), tried.recognizer, tried.signals)
    )


def _threads(tried: _Tried) -> Iterator[str]:
    lots = [np.arange(start, _ROWS, _THREADS) for start in range(_THREADS)]
    alone = [tried.of(tried.signals.rows(lot)) for lot in lots]
    with ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(lambda lot: tried.of(tried.signals.rows(lot)), lots * 3))
    for one, other in zip(alone * 3, together, strict=True):
        if apart := _apart(one, other):
            yield f"in {_THREADS} threads at once, {apart}; write on nothing that calls share"
            return


def _travels(tried: _Tried) -> Iterator[str]:
    try:
        again = pickle.loads(pickle.dumps(tried.recognizer))
    except Exception as error:  # noqa: BLE001 - pickling a part of one's own may raise anything
        yield f"it cannot be pickled ({' '.join(str(error).split())[:120]}), so its worlds cannot go to another process"
        return
    if apart := _apart(tried.of(tried.signals), again.estimate(copy.deepcopy(tried.signals))):
        yield f"once pickled, {apart}; keep all that it knows in what is pickled"


def _nobody(tried: _Tried) -> Iterator[str]:
    none = tried.signals.rows(np.arange(0))
    yield from (f"of no rows, {fault}" for fault in _form(tried.of(none), tried.recognizer, none))


def _untouched(tried: _Tried) -> Iterator[str]:
    given = copy.deepcopy(tried.signals)
    tried.recognizer.estimate(given)
    for field in fields(given):
        mine, kept = getattr(given, field.name), getattr(tried.signals, field.name)
        same = mine is kept or all(np.array_equal(a, b, equal_nan=True) for a, b in zip(mine, kept, strict=True))
        if not same:
            yield f"signals.{field.name} was written on; work on a copy"


def _frozen(tried: _Tried) -> Iterator[str]:
    before = tried.recognizer.weights_sha256()
    if not isinstance(before, str) or not before:
        yield f"weights_sha256 gives {before!r}; give a hash of all that is frozen, as text"
        return
    tried.of(tried.signals)
    if tried.recognizer.weights_sha256() != before:
        yield "the hash of its weights is another after a call; freeze them: eval mode, no gradients, no updates"


LAWS: Final = (
    Law("every row has a vector, affect and uncertainty", _estimates, basic=True),
    Law("estimates are finite and in their ranges", _ranges),
    Law("the same signals give the same estimate", _repeats),
    Law("a row does not depend on its neighbours", _neighbours),
    Law("what was recognised before makes no difference", _earlier),
    Law("what stands in an absent modality makes no difference", _absent),
    Law("any subset of modalities runs, and `modalities` names what is read", _subsets),
    Law("where nothing is present, nothing is known", _ignorance),
    Law("raw sound is read where it was asked for", _listens),
    Law("threads may ask at once", _threads),
    Law("a pickled copy recognises the same", _travels),
    Law("no rows have no estimates", _nobody),
    Law("what it is given stays as it was", _untouched),
    Law("its weights stay as they are", _frozen),
)
"""What a recognizer owes, in the order in which it is tried."""


def try_recognizer(recognizer: Any) -> Iterator[Finding]:
    """Try all laws on a recognizer, one after another."""
    bank = _bank()
    heard = sounds(bank) if getattr(recognizer, "reads_sound", False) else None
    return try_laws(_Tried(recognizer, replace(bank.signals, waveforms=heard)), LAWS)


def check_recognizer(recognizer: Any) -> None:
    """Try a recognizer.

    Raises:
        CheckError: with the first fault.
    """
    insist(try_recognizer(recognizer))
