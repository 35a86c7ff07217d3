"""The response surface: what replies are read as, given controls, recognised emotion and last reply.

It is measured on the real chain (`rlgen.envs.measure_surface`) and drawn from by nearest
neighbours, so the noise of the real words is kept; a quadratic trend carries a neighbour's reading
over to where the query is. It holds readings, no text.

What a row draws depends on that row alone: its neighbours come from a tree that answers each query by
itself, and what the trend adds up are multiples of a power of two, few enough that every sum is exact:
a matrix product, whose order of summation may differ with the number of rows, cannot round it differently.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen import affect
from rlgen.artifacts import Manifest, load, tensors_sha256, write
from rlgen.envs.actions import from_controls
from rlgen.rng import Streams
from rlgen.types import F32, I64, Controls, Estimate, Reading

if TYPE_CHECKING:
    from pathlib import Path

KIND: Final = "surface/1"
# A constant policy meets the measured dialogues next to its point, and each has words of its own: the more
# pairs there are to draw from, the less a mean depends on a few of them.
NEIGHBOURS: Final = 16
_UNSAID: Final = 6  # neighbours of a stored surface that does not say how many
# A neighbour may be up to 1 + SLACK times as far away as the true one: in 14 dimensions that makes a
# search six times as fast, and the neighbours found are 5 % farther away on average.
SLACK: Final = 2.0
_LEAF: Final = 32  # pairs per leaf of the tree
_RIDGE: Final = 1e-4  # per pair, on the trend's coefficients: categories sum to one
_CHUNK: Final = 128  # rows whose trend is added up at once: they stay in the processor's cache
# Features and coefficients of the trend are rounded to these steps. A sum of 120 products stays below
# 2**53 of its unit, 2**-38, while features are below 4 and coefficients below 16.
_FEATURE_STEP: Final = 2.0**-12
_WEIGHT_STEP: Final = 2.0**-14
_LIMIT: Final = 16.0
# How far one unit of each feature moves a query: the controls decide, the rest breaks ties.
_SCALES: Final = np.array([1.0, 1.0, 1.0, 1.0, *[0.5] * affect.NUM_CATEGORIES, 0.3, 0.3, 0.6, 1.0], dtype=np.float32)


def features(controls: Controls, before: F32, estimate: Estimate, last: F32, turn: I64) -> F32:
    """What a reply depends on, as `[N, 14]` on comparable scales.

    Who asks for the same again is answered in the same words, so how far the controls moved is one of them.

    Args:
        controls: N rows.
        before: `[N, 4]` the last action as a point of the box; ignored at the first turn.
        estimate: N rows; only its affect counts.
        last: `[N, 18]` reading of the last reply.
        turn: `[N]`.
    """
    box = from_controls(controls)
    moved = np.where(turn > 0, np.minimum(np.abs(box - before).mean(axis=1), 0.5), 0.5)[:, None].astype(np.float32)
    repetition = last[:, -2:-1]
    progress = np.asarray(np.minimum(turn, 6)[:, None] / 6, dtype=np.float32)
    columns: list[F32] = [
        box,
        estimate.affect[:, : affect.NUM_CATEGORIES],
        estimate.affect[:, affect.AROUSAL :],
        repetition,
        progress,
        moved,
    ]
    return np.asarray(np.concatenate(columns, axis=1) * _SCALES, dtype=np.float32)


@dataclass(frozen=True)
class ResponseSurface:
    """Measured pairs of features and readings.

    Attributes:
        features: `[M, 14]`.
        readings: `[M, 18]`.
        neighbours: from how many of the nearest pairs a reading is drawn.
    """

    features: F32
    readings: F32
    neighbours: int = NEIGHBOURS

    @cached_property
    def _order(self) -> I64:
        """`[M]`, pairs in the order in which the tree meets them: neighbours lie together in memory."""
        from scipy.spatial import cKDTree

        return np.asarray(cKDTree(self.features, leafsize=_LEAF).indices, dtype=np.int64)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.features[self._order], leafsize=_LEAF)

    @cached_property
    def _trend(self) -> NDArray[np.float64]:
        """Quadratic ridge fit of the readings, `[18, terms]`: it bridges the way to a neighbour."""
        terms = _terms(self.features)
        square = terms @ terms.T
        square[np.diag_indices_from(square)] += _RIDGE * len(self.features)
        weights = np.linalg.solve(square, terms @ self.readings.astype(np.float64)).T
        return np.clip(_rounded(weights, _WEIGHT_STEP), -_LIMIT, _LIMIT)

    @cached_property
    def _apart(self) -> F32:
        """`[M, 18]` in the tree's order, how far each measured reading lies from the trend."""
        return np.asarray((self.readings - _trend_at(self._trend, self.features))[self._order])

    @cached_property
    def _bounds(self) -> tuple[F32, F32]:
        return self.readings.min(axis=0), self.readings.max(axis=0)

    def draw(
        self, controls: Controls, before: F32, estimate: Estimate, last: F32, streams: Streams, turn: I64
    ) -> Reading:
        """One measured reading per row, from its nearest neighbours.

        Args:
            controls: N rows.
            before: `[N, 4]` the last action, see `features`.
            estimate: N rows.
            last: `[N, 18]` reading of the last reply, zeros at the first turn.
            streams: of the rows.
            turn: `[N]`.
        """
        asked = features(controls, before, estimate, last, turn)
        near = self._tree.query(asked, k=self.neighbours, eps=SLACK)[1]
        drawn = near[np.arange(len(turn)), streams.integers("envs.surface", self.neighbours, turn)]
        return unpack(np.clip(self._apart[drawn] + _trend_at(self._trend, asked), *self._bounds))

    def sha256(self) -> str:
        """Hash of the measured pairs and of the number of neighbours."""
        neighbours = np.array(self.neighbours, dtype=np.int64)
        return tensors_sha256({"features": self.features, "readings": self.readings, "neighbours": neighbours})

    @classmethod
    def load(cls, source: str | Path) -> ResponseSurface:
        """Load a measured surface.

        Raises:
            ArtifactError: missing, damaged or of another kind.
        """
        artifact = load(source, KIND)
        neighbours = int(artifact.manifest.settings.get("neighbours", _UNSAID))
        with np.load(artifact.file("surface.npz"), allow_pickle=False) as stored:
            return cls(stored["features"].astype(np.float32), stored["readings"].astype(np.float32), neighbours)

    def save(self, target: str | Path, command: str, description: str) -> None:
        """Write it as an artifact, as float16."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, features=self.features.astype(np.float16), readings=self.readings.astype(np.float16)
        )
        manifest = Manifest(
            name="surface",
            kind=KIND,
            description=description,
            command=command,
            quality={"pairs": len(self.features)},
            settings={"neighbours": self.neighbours},
        )
        write(target, {"surface.npz": buffer.getvalue()}, manifest)


def _rounded(x: NDArray[Any], step: float) -> NDArray[np.float64]:
    """The nearest multiples of a step."""
    return np.rint(x.astype(np.float64) / step) * step


def _terms(x: F32) -> NDArray[np.float64]:
    """Constant, linear and quadratic terms of `[N, k]`, `[terms, N]`; exact products of rounded features."""
    columns = np.ascontiguousarray(_rounded(x, _FEATURE_STEP).T)
    terms = np.empty((1 + len(columns) * (len(columns) + 3) // 2, len(x)))
    terms[0] = 1.0
    terms[1 : 1 + len(columns)] = columns
    at = 1 + len(columns)
    for i, column in enumerate(columns):
        np.multiply(column, columns[i:], out=terms[at : at + len(columns) - i])
        at += len(columns) - i
    return terms


def _trend_at(trend: NDArray[np.float64], x: F32) -> F32:
    """The trend at `[N, k]`, `[N, 18]`."""
    found = np.empty((len(x), len(trend)), dtype=np.float32)
    for start in range(0, len(x), _CHUNK):
        found[start : start + _CHUNK] = (trend @ _terms(x[start : start + _CHUNK])).T
    return found


def unpack(array: NDArray[np.floating]) -> Reading:
    """The inverse of `Reading.array`: `[N, 18]` to its fields."""
    array = np.asarray(array, dtype=np.float32)
    scalars = {name: array[:, 11 + i] for i, name in enumerate(Reading.SCALARS)}
    return Reading(affect=array[:, :8], empathy=array[:, 8:11], **scalars)
