"""The recognizer's estimates over a finite bank as a table: one look-up a vector step, no model call."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields, replace
from typing import Final

import numpy as np

from rlgen.affect import NUM_CATEGORIES
from rlgen.artifacts import cached
from rlgen.artifacts.progress import shown
from rlgen.artifacts.tables import made_of, shipped_table
from rlgen.errors import DataError
from rlgen.perception.bank import SignalBank
from rlgen.perception.recognizer import SUBSETS, EmotionRecognizer, subset
from rlgen.seams import held, own_fault, refused, source_sha256
from rlgen.types import F32, I64, MODALITIES, Bools, Estimate, Recognizer

NAME: Final = "estimates"
_VERSION: Final = 1  # of the table's layout and of what is computed into it
_SOUNDS: Final = 64  # segments whose raw sound is held at once
_SUM: Final = 1e-3  # how far probabilities may sum to something else than one
_SILENCE: Final[F32] = np.zeros(0, dtype=np.float32)


class EstimateTable:
    """Estimates of every segment under every set of modalities.

    Attributes:
        vector_dim: d of the emotion vector.
    """

    def __init__(self, vector: F32, affect: F32, uncertainty: F32, present: Bools) -> None:
        """Assemble; use `build`.

        Args:
            vector: `[S, 8, d]`, second axis: set of modalities, 1 speech + 2 face + 4 physiology.
            affect: `[S, 8, 8]`.
            uncertainty: `[S, 8, 3]`.
            present: `[S, 3]`, what each segment has.
        """
        self.vector_dim = vector.shape[2]
        self._vector, self._affect, self._uncertainty, self._present = vector, affect, uncertainty, present

    def __len__(self) -> int:
        return len(self._vector)

    @classmethod
    def build(cls, recognizer: Recognizer, bank: SignalBank) -> EstimateTable:
        """Find the table in the package or in the cache folder, or compute it.

        The estimates of a segment come from models that never saw its actor where the recognizer can tell
        (`estimate_held_out`); others are asked for plain estimates.

        Args:
            recognizer: the frozen model.
            bank: the signals.

        Raises:
            DataError: the recognizer learned from the bank's actors without leaving any out, or reads raw sound of
                recordings whose folder is unknown.
            PartError: one of one's own fails, or gives estimates of another form or range.
        """
        of = key(recognizer, bank)
        if of is None:
            return cls(**estimates(recognizer, bank), present=bank.signals.present)
        kept = shipped_table(NAME, of)
        if kept is None:
            return cls(**cached(f"{NAME}-{of[:32]}", lambda: estimates(recognizer, bank)), present=bank.signals.present)
        arrays = {name: array.astype(np.float32) for name, array in kept.items()}
        arrays["affect"][..., :NUM_CATEGORIES] /= arrays["affect"][..., :NUM_CATEGORIES].sum(axis=-1, keepdims=True)
        return cls(**arrays, present=bank.signals.present)

    def look_up(self, segment: I64, present: Bools) -> Estimate:
        """Estimates of some segments.

        Args:
            segment: `[N]` indices into the bank.
            present: `[N, 3]` modalities to use; those that a segment lacks count as absent.

        Returns:
            Estimates of N rows. With no modality, the estimate of ignorance.
        """
        used = present & self._present[segment]
        number = subset(used)
        return Estimate(
            vector=self._vector[segment, number],
            affect=self._affect[segment, number],
            uncertainty=self._uncertainty[segment, number],
            present=used,
        )


def key(recognizer: Recognizer, bank: SignalBank) -> str | None:
    """What a table is made of; None where that cannot be told, as of a recognizer that was typed in."""
    kind, parts = type(recognizer), [recognizer.weights_sha256(), bank.sha256, bank.cohort]
    if kind is not EmotionRecognizer:  # its weights do not say what it does with them
        try:
            inspect.getsource(sys.modules[kind.__module__])
        except (OSError, TypeError, KeyError):
            return None
        parts += [kind.__qualname__, source_sha256(kind)]
    return made_of(_VERSION, *parts)


def estimates(recognizer: Recognizer, bank: SignalBank) -> dict[str, F32]:
    """The arrays `vector`, `affect` and `uncertainty` of a table, computed."""
    if getattr(recognizer, "reads_sound", False):
        starts = range(0, len(bank), _SOUNDS)
        parts = [
            _of_subsets(recognizer, part := bank.rows(np.arange(i, min(i + _SOUNDS, len(bank)))), sounds(part))
            for i in shown(starts, "recognising the sound of the bank")
        ]
    else:
        parts = [_of_subsets(recognizer, bank, None)]
    names = ("vector", "affect", "uncertainty")
    return {name: np.concatenate([getattr(part, name) for part in parts]).astype(np.float32) for name in names}


def sounds(bank: SignalBank) -> list[F32]:
    """Raw speech of all segments of a bank; nothing where a segment has no speech."""
    spoken = bank.signals.present[:, MODALITIES.index("speech")]
    return [bank.waveform(i) if spoken[i] else _SILENCE for i in range(len(bank))]


def _of_subsets(recognizer: Recognizer, bank: SignalBank, waveforms: list[F32] | None) -> Estimate:
    """Estimates under every set of modalities, `[S, 8, ...]`; those that it does not read make no difference."""
    reads = np.isin(MODALITIES, getattr(recognizer, "modalities", MODALITIES))
    found: dict[tuple[bool, ...], Estimate] = {}
    every = []
    for number in shown(range(SUBSETS), "recognising the signal bank"):
        mask = np.array([number >> i & 1 for i in range(len(MODALITIES))], dtype=bool) & reads
        if (of := tuple(mask.tolist())) not in found:
            found[of] = _estimates(recognizer, bank, mask, waveforms)
        every.append(found[of])
    return Estimate(**{f.name: np.stack([getattr(each, f.name) for each in every], axis=1) for f in fields(Estimate)})


def _estimates(recognizer: Recognizer, bank: SignalBank, mask: Bools, waveforms: list[F32] | None) -> Estimate:
    if waveforms is not None and not mask[MODALITIES.index("speech")]:
        waveforms = [_SILENCE] * len(bank)
    signals = replace(bank.signals, present=bank.signals.present & mask, waveforms=waveforms)
    held_out = getattr(recognizer, "estimate_held_out", None)
    with own_fault("recognizer", recognizer):
        made = (
            recognizer.estimate(signals) if held_out is None else held_out(signals, bank.cohort, bank.catalogue.actor)
        )
    made = held("recognizer", recognizer, made, Estimate, len(bank), vector=recognizer.vector_dim)
    if wrong := out_of_range(made):
        raise refused("recognizer", recognizer, wrong)
    return made


def out_of_range(made: Estimate) -> str:
    """What leaves its range in estimates, in words; empty for nothing."""
    chances = made.affect[:, :NUM_CATEGORIES]
    if (chances < 0).any() or not np.allclose(chances.sum(axis=1), 1.0, atol=_SUM):
        return f"the first {NUM_CATEGORIES} columns of affect are no probabilities; make them at least 0, of sum 1"
    if (np.abs(made.affect[:, NUM_CATEGORIES:]) > 1).any():
        return "valence or arousal, the last two columns of affect, leaves [-1, 1]"
    return "uncertainty leaves [0, 1]" if ((made.uncertainty < 0) | (made.uncertainty > 1)).any() else ""


def project(vector: F32, dim: int) -> F32:
    """Bring emotion vectors of another length to `dim` by a fixed random rotation or projection.

    Args:
        vector: `[..., d]`; returned as it is if d is `dim`.
        dim: the length wanted.

    Returns:
        `[..., dim]`. Shorter vectors are padded with zeros; longer ones are projected by a Gaussian
        matrix that keeps squared lengths on average (Johnson and Lindenstrauss, 1984).

    Raises:
        DataError: `dim` is not positive.
    """
    if dim < 1:
        raise DataError(f"a vector cannot be projected to {dim} dimensions; give 1 or more")
    length = vector.shape[-1]
    if length == dim:
        return vector
    if length < dim:
        return np.concatenate([vector, np.zeros((*vector.shape[:-1], dim - length), np.float32)], axis=-1)
    matrix = np.random.default_rng([length, dim]).standard_normal((length, dim)) / np.sqrt(dim)
    projected: F32 = (vector @ matrix).astype(np.float32)
    return projected
