"""The response surface: what replies are read as, given controls, recognised emotion and last reply.

It is measured on the real chain (`rlgen.envs.measure_surface`) and drawn from by nearest
neighbours, so the noise of the real words is kept; a quadratic trend carries a neighbour's reading
over to where the query is. It holds readings, no text.
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
NEIGHBOURS: Final = 6
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
    """Measured pairs of features `[M, 14]` and readings `[M, 18]`."""

    features: F32
    readings: F32

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.features)

    @cached_property
    def _trend(self) -> NDArray[np.float64]:
        """Quadratic least-squares fit of the readings, `[terms, 18]`: it bridges the way to a neighbour."""
        return np.asarray(np.linalg.lstsq(_quadratic(self.features), self.readings, rcond=1e-8)[0], dtype=np.float64)

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
        near = self._tree.query(asked, k=NEIGHBOURS)[1]
        drawn = near[np.arange(len(turn)), streams.integers("envs.surface", NEIGHBOURS, turn)]
        moved = (_quadratic(asked) - _quadratic(self.features[drawn])) @ self._trend
        return unpack(np.clip(self.readings[drawn] + moved, *self._bounds))

    def sha256(self) -> str:
        """Hash of the measured pairs."""
        return tensors_sha256({"features": self.features, "readings": self.readings})

    @classmethod
    def load(cls, source: str | Path) -> ResponseSurface:
        """Load a measured surface.

        Raises:
            ArtifactError: missing, damaged or of another kind.
        """
        artifact = load(source, KIND)
        with np.load(artifact.file("surface.npz"), allow_pickle=False) as stored:
            return cls(stored["features"].astype(np.float32), stored["readings"].astype(np.float32))

    def save(self, target: str | Path, command: str, description: str) -> None:
        """Write it as an artifact, as float16."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, features=self.features.astype(np.float16), readings=self.readings.astype(np.float16)
        )
        manifest = Manifest(
            name="surface", kind=KIND, description=description, command=command, quality={"pairs": len(self.features)}
        )
        write(target, {"surface.npz": buffer.getvalue()}, manifest)


def _quadratic(x: F32) -> NDArray[np.float64]:
    """Constant, linear and quadratic terms of `[N, k]`."""
    left, right = np.triu_indices(x.shape[1])
    wide = x.astype(np.float64)
    return np.concatenate([np.ones((len(x), 1)), wide, wide[:, left] * wide[:, right]], axis=1)


def unpack(array: NDArray[np.floating]) -> Reading:
    """The inverse of `Reading.array`: `[N, 18]` to its fields."""
    array = np.asarray(array, dtype=np.float32)
    scalars = {name: array[:, 11 + i] for i, name in enumerate(Reading.SCALARS)}
    return Reading(affect=array[:, :8], empathy=array[:, 8:11], **scalars)
