"""The response surface: what replies are read as, given controls, recognised emotion and last reply.

It is measured on the real chain (`rlgen.envs.measure_surface`) and drawn from by nearest
neighbours, so the noise of the real words is kept. It holds readings, no text.
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
from rlgen.rng import Streams
from rlgen.types import F32, I64, Controls, Estimate, Reading

if TYPE_CHECKING:
    from pathlib import Path

KIND: Final = "surface/1"
NEIGHBOURS: Final = 6
# How far one unit of each feature moves a query: the controls decide, the rest breaks ties.
_SCALES: Final = np.array([1.0, 1.0, 1.0, 1.0, *[0.5] * affect.NUM_CATEGORIES, 0.3, 0.3, 0.6], dtype=np.float32)


def features(controls: Controls, estimate: Estimate, last: F32, turn: I64) -> F32:
    """What a reply depends on, as `[N, 13]` on comparable scales.

    Args:
        controls: N rows.
        estimate: N rows; only its affect counts.
        last: `[N, 18]` reading of the last reply.
        turn: `[N]`.
    """
    box = np.stack(
        [
            controls.warmth,
            controls.directiveness,
            2 * np.log(controls.temperature / 0.3) / np.log(1.3 / 0.3) - 1,
            controls.emotional_weight - 1,
        ],
        axis=1,
    )
    repetition = last[:, -2:-1]
    progress = np.minimum(turn, 6)[:, None] / 6
    columns = [
        box,
        estimate.affect[:, : affect.NUM_CATEGORIES],
        estimate.affect[:, affect.AROUSAL :],
        repetition,
        progress,
    ]
    return np.asarray(np.concatenate(columns, axis=1) * _SCALES, dtype=np.float32)


@dataclass(frozen=True)
class ResponseSurface:
    """Measured pairs of features `[M, 13]` and readings `[M, 18]`."""

    features: F32
    readings: F32

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.features)

    def draw(self, controls: Controls, estimate: Estimate, last: F32, streams: Streams, turn: I64) -> Reading:
        """One measured reading per row, from its nearest neighbours.

        Args:
            controls: N rows.
            estimate: N rows.
            last: `[N, 18]` reading of the last reply, zeros at the first turn.
            streams: of the rows.
            turn: `[N]`.
        """
        near = self._tree.query(features(controls, estimate, last, turn), k=NEIGHBOURS)[1]
        pick = streams.integers("envs.surface", NEIGHBOURS, turn)
        return unpack(self.readings[near[np.arange(len(turn)), pick]])

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


def unpack(array: NDArray[np.floating]) -> Reading:
    """The inverse of `Reading.array`: `[N, 18]` to its fields."""
    array = np.asarray(array, dtype=np.float32)
    scalars = {name: array[:, 11 + i] for i, name in enumerate(Reading.SCALARS)}
    return Reading(affect=array[:, :8], empathy=array[:, 8:11], **scalars)
