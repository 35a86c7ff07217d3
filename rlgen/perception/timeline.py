"""One timeline for speech and face: dynamic time warping, then pooling to T frames.

Lips move with the voice but not exactly with it, and cameras and microphones start at different
moments. The warping path between the loudness of the voice and the opening of the mouth
(Sakoe and Chiba, IEEE Trans. ASSP 26, 1978; computed by tslearn) is cut into T equal pieces;
each piece is a frame of the common timeline.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.perception import face, speech
from rlgen.types import F32

FRAMES: Final = 16
PATH_RATE: Final = 25.0  # both activities are compared at this rate, the frame rate of video
BAND_SECONDS: Final = 0.4  # recordings made together are never further apart

Edges = NDArray[np.float64]


def uniform(length: int, frames: int = FRAMES) -> Edges:
    """Edges `[frames + 1]` of equal pieces of a sequence of that length."""
    return np.linspace(0.0, length, frames + 1)


def _activity(values: NDArray[np.floating], seconds: float) -> NDArray[np.float64]:
    """A trace at `PATH_RATE` over the clip's length, centred and scaled to unit deviation."""
    count = max(round(seconds * PATH_RATE), 2)
    at = (np.arange(count) + 0.5) / count * len(values) - 0.5
    trace = np.interp(at, np.arange(len(values)), values)
    return np.asarray((trace - trace.mean()) / max(float(trace.std()), 1e-9), dtype=np.float64)


def align(spoken: F32, units: F32, unit_rate: float, frames: int = FRAMES) -> tuple[Edges, Edges]:
    """Where the pieces of the common timeline begin and end in speech and in face.

    Args:
        spoken: `[F, 16]`, `rlgen.perception.speech.frames`.
        units: `[G, 17]` action units of the same stretch of time.
        unit_rate: frames a second of `units`.
        frames: T.

    Returns:
        Edges `[T + 1]` in frames of speech and in frames of face, both never falling. Where the
        mouth does not move there is nothing to warp, and the pieces are of equal length.
    """
    mouth = units[:, face.LIPS_PART] + units[:, face.JAW_DROP]
    if mouth.std() < 0.05:
        return uniform(len(spoken), frames), uniform(len(units), frames)
    from tslearn.metrics import dtw_path

    voice = _activity(np.maximum(spoken[:, speech.ENERGY], -60.0), len(spoken) / speech.FRAME_RATE)
    lips = _activity(mouth, len(units) / unit_rate)
    # A band narrower than the difference of lengths would have no path.
    radius = max(round(BAND_SECONDS * PATH_RATE), abs(len(voice) - len(lips)) + 1)
    path, _ = dtw_path(voice, lips, global_constraint="sakoe_chiba", sakoe_chiba_radius=radius)
    steps = np.asarray(path, dtype=np.float64)
    steps = np.concatenate([steps, [[len(voice), len(lips)]]])
    at = np.linspace(0.0, len(steps) - 1, frames + 1)
    index = np.arange(len(steps))
    return (
        np.interp(at, index, steps[:, 0]) / len(voice) * len(spoken),
        np.interp(at, index, steps[:, 1]) / len(lips) * len(units),
    )


def pool(values: F32, edges: Edges) -> tuple[F32, F32]:
    """Mean and standard deviation of a sequence within each piece.

    Args:
        values: `[F, D]`.
        edges: `[T + 1]` in frames; a piece shorter than one frame takes the frame it lies in.

    Returns:
        Two arrays `[T, D]`.
    """
    first = np.clip(np.floor(edges[:-1] + 1e-9).astype(int), 0, len(values) - 1)
    last = np.clip(np.ceil(edges[1:] - 1e-9).astype(int), first + 1, len(values))
    centre = values.mean(axis=0, dtype=np.float64)
    centred = values - centre  # keeps the sums small, so that the variance loses no digits
    zero = np.zeros((1, values.shape[1]))
    sums = np.concatenate([zero, np.cumsum(centred, axis=0, dtype=np.float64)])
    squares = np.concatenate([zero, np.cumsum(centred**2, axis=0, dtype=np.float64)])
    count = (last - first)[:, None]
    mean = (sums[last] - sums[first]) / count
    variance = np.maximum((squares[last] - squares[first]) / count - mean**2, 0.0)
    return (mean + centre).astype(np.float32), np.sqrt(variance).astype(np.float32)
