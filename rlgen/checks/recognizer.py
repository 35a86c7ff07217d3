"""Does a recognizer keep what a world relies on?

In comes a recognizer (`rlgen.types.Recognizer`); out comes nothing, or one sentence a fault. It is tried on two dozen
segments of the shipped bank, with their raw sound where it asks for that.

    from rlgen.checks.recognizer import check_recognizer

    check_recognizer(MyRecognizer())
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np

from rlgen.checks.batched import COMMON, FROZEN, Answer, Batched, apart, some
from rlgen.checks.laws import Finding, Law, raise_first, try_laws
from rlgen.perception.bank import SignalBank
from rlgen.perception.table import out_of_range, sounds
from rlgen.types import MODALITIES, Estimate, Signals

_ROWS: Final = 24
_NUMBERS: Final = ("vector", "affect", "uncertainty")


@cache
def _bank() -> SignalBank:
    """Segments of several actors and emotions, with every modality."""
    bank = SignalBank.load("shipped:signal_bank")
    return bank.rows(np.arange(_ROWS) * (len(bank) // _ROWS))


class _Tried(Batched):
    """A recognizer, and signals that it is tried on."""

    near = 1e-4

    def call(self, part: Any, given: Signals) -> Any:
        return part.estimate(given)

    def form(self, made: Any, given: Signals) -> Iterator[str]:
        return _form(made, self.part, given)

    def answer(self, made: Estimate) -> Answer:
        return {name: getattr(made, name) for name in _NUMBERS}

    def on(self, signals: Signals) -> Answer:
        """What it makes of other signals."""
        return self.answer(self.made(signals))


def _without(signals: Signals, *modalities: str) -> Signals:
    """Signals that lack some modalities, raw sound included."""
    present = signals.present & ~np.isin(MODALITIES, modalities)
    silent = "speech" in modalities and signals.waveforms is not None
    return replace(signals, present=present, waveforms=[_NOTHING] * len(present) if silent else signals.waveforms)


_NOTHING: Final = np.zeros(0, dtype=np.float32)


def _form(made: Any, recognizer: Any, signals: Signals) -> Iterator[str]:
    """What is wrong with the form of estimates."""
    rows = len(signals.present)
    if wrong := Estimate.fault(made, rows, vector=recognizer.vector_dim):
        yield wrong
    elif not np.array_equal(made.present, signals.present):
        yield "present is not what was given; hand on `signals.present`"


def _estimates(tried: _Tried) -> Iterator[str]:
    dim = getattr(tried.part, "vector_dim", None)
    if not isinstance(dim, int) or dim < 1:
        yield f"vector_dim is {dim!r}; give the length of the emotion vector, 1 or more"
        return
    if unknown := set(getattr(tried.part, "modalities", ())) - set(MODALITIES):
        yield f"modalities holds {sorted(unknown)[0]!r}; the modalities are {', '.join(MODALITIES)}"
        return
    yield from _form(tried.made(), tried.part, tried.given)


def _ranges(tried: _Tried) -> Iterator[str]:
    if wrong := out_of_range(tried.made()):
        yield wrong


def _earlier(tried: _Tried) -> Iterator[str]:
    made = []
    for shift in (1, 5):
        tried.of(np.roll(np.arange(_ROWS), shift))
        made.append(tried.of())
    if where := apart(made[0], made[1], tried.near):
        yield f"after another call, {where}; keep nothing of what was recognised"


def _absent(tried: _Tried) -> Iterator[str]:
    for name in MODALITIES:
        lacking = _without(tried.given, name)
        spoiled = np.full_like(getattr(lacking, name), np.nan)
        if where := apart(tried.on(lacking), tried.on(replace(lacking, **{name: spoiled})), tried.near):
            yield f"what stands in an absent {name} matters ({where}); look at `present` first"


def _subsets(tried: _Tried) -> Iterator[str]:
    for number in range(2 ** len(MODALITIES)):
        present = [name for i, name in enumerate(MODALITIES) if number >> i & 1]
        lacking = _without(tried.given, *(name for name in MODALITIES if name not in present))
        with_them = f"with {' and '.join(present) or 'nothing'} present"
        made = tried.made(lacking)
        for fault in _form(made, tried.part, lacking):
            yield f"{with_them}, {fault}"
            return
    for name in sorted(set(MODALITIES) - set(getattr(tried.part, "modalities", MODALITIES))):
        if where := apart(tried.of(), tried.on(_without(tried.given, name)), tried.near):
            yield f"modalities leaves {name} out, and without it {where}; name all that it reads"


def _ignorance(tried: _Tried) -> Iterator[str]:
    made = tried.on(_without(tried.given, *MODALITIES))
    if where := apart(made, some(made, np.roll(np.arange(_ROWS), 1)), tried.near):
        yield f"where no modality is present, rows differ ({where}); nothing is known of any of them"


def _listens(tried: _Tried) -> Iterator[str]:
    if tried.given.waveforms is None:
        return
    quiet = [np.float32(0.3) * sound[::-1].copy() for sound in tried.given.waveforms]
    if not apart(tried.of(), tried.on(replace(tried.given, waveforms=quiet)), tried.near):
        yield "reads_sound is True, and another sound changes nothing; read `signals.waveforms`, or leave it out"
    brief = replace(tried.given, waveforms=[sound[:4800] for sound in tried.given.waveforms])
    yield from (f"of 0.3 s of sound, {fault}" for fault in tried.form(tried.made(brief), brief))


LAWS: Final = (
    Law("every row has a vector, affect and uncertainty", _estimates, basic=True),
    Law("estimates are in their ranges", _ranges),
    *COMMON,
    *FROZEN,
    Law("what was recognised before makes no difference", _earlier),
    Law("what stands in an absent modality makes no difference", _absent),
    Law("any subset of modalities runs, and `modalities` names what is read", _subsets),
    Law("where nothing is present, nothing is known", _ignorance),
    Law("raw sound is read where it was asked for", _listens),
)
"""What a recognizer owes, in the order in which it is tried."""


def try_recognizer(recognizer: Any) -> Iterator[Finding]:
    """Try all laws on a recognizer, one after another."""
    bank = _bank()
    heard = sounds(bank) if getattr(recognizer, "reads_sound", False) else None
    return try_laws(_Tried(recognizer, replace(bank.signals, waveforms=heard), _ROWS), LAWS)


def check_recognizer(recognizer: Any) -> None:
    """Try a recognizer.

    Raises:
        CheckError: with the first fault.
    """
    raise_first(try_recognizer(recognizer))
