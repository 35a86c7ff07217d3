"""The recognizer's estimates over a finite bank as a table: one look-up a vector step, no model call."""

from __future__ import annotations

from typing import Final

import numpy as np

from rlgen.affect import NUM_CATEGORIES
from rlgen.artifacts import cached
from rlgen.artifacts.tables import made_of, shipped_table
from rlgen.artifacts.telling import told
from rlgen.errors import DataError
from rlgen.perception.bank import SignalBank
from rlgen.perception.recognizer import SUBSETS, EmotionRecognizer, subset
from rlgen.types import F32, I64, MODALITIES, Bools, Estimate, Recognizer, Signals

NAME: Final = "estimates"
_VERSION: Final = 1  # of the table's layout and of what is computed into it


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

        The estimates of a segment come from models that never saw its actor where the recognizer
        can tell (`estimate_held_out`); a recognizer of another make is asked for plain estimates.
        Only recognizers with a `weights_sha256` are cached.

        Args:
            recognizer: the frozen model.
            bank: the signals.

        Raises:
            DataError: the recognizer learned from the bank's actors without leaving any out.
        """
        if not isinstance(recognizer, EmotionRecognizer):
            return cls(**estimates(recognizer, bank), present=bank.signals.present)
        of = key(recognizer, bank)
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


def key(recognizer: EmotionRecognizer, bank: SignalBank) -> str:
    """What a table is made of."""
    return made_of(_VERSION, recognizer.weights_sha256(), bank.sha256, bank.cohort)


def estimates(recognizer: Recognizer, bank: SignalBank) -> dict[str, F32]:
    """The arrays `vector`, `affect` and `uncertainty` of a table, computed."""
    parts = [_estimates(recognizer, bank, number) for number in told(range(SUBSETS), "recognising the signal bank")]
    return {
        "vector": np.stack([part.vector for part in parts], axis=1),
        "affect": np.stack([part.affect for part in parts], axis=1),
        "uncertainty": np.stack([part.uncertainty for part in parts], axis=1),
    }


def _estimates(recognizer: Recognizer, bank: SignalBank, number: int) -> Estimate:
    mask = np.array([number >> i & 1 for i in range(len(MODALITIES))], dtype=bool)
    signals = Signals(bank.signals.speech, bank.signals.face, bank.signals.physiology, bank.signals.present & mask)
    if isinstance(recognizer, EmotionRecognizer):
        return recognizer.estimate_held_out(signals, bank.cohort, bank.catalogue.actor)
    return recognizer.estimate(signals)


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
