"""Face features: intensities of 17 facial action units, named and scaled as OpenFace 2 gives them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import SignalError
from rlgen.perception import checks
from rlgen.types import F32

ACTION_UNITS: Final = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12",
    "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26", "AU45",
)  # fmt: skip
DIM: Final = len(ACTION_UNITS)
LIPS_PART, JAW_DROP = ACTION_UNITS.index("AU25"), ACTION_UNITS.index("AU26")


def check(units: NDArray[np.floating], name: str = "the action units") -> F32:
    """Validate action units.

    Args:
        units: `[F, 17]` over time or `[17]` as clip averages; OpenFace's intensities 0-5.
        name: what to call them in messages.

    Returns:
        The same as float32, limited to [0, 5].

    Raises:
        SignalError: no array of numbers, another shape, or not finite.
    """
    units = checks.numbers(units, name)
    if units.ndim not in (1, 2) or units.shape[-1] != DIM or units.size == 0:
        raise SignalError(
            f"{name}: has shape {units.shape}, but [frames, {DIM}] or [{DIM}] is needed; "
            f"give the OpenFace intensities {ACTION_UNITS[0]}_r to {ACTION_UNITS[-1]}_r in that order"
        )
    if not np.isfinite(units).all():
        raise SignalError(f"{name}: holds NaN or infinite values; drop the frames in which no face was tracked")
    limited: F32 = np.clip(units, 0.0, 5.0).astype(np.float32)
    return limited


def smooth(units: F32) -> F32:
    """A moving mean over three frames of `[F, 17]`: tracking noise goes, onsets of 100 ms stay."""
    if len(units) < 3:
        return units
    padded = np.pad(units, ((1, 1), (0, 0)), mode="edge")
    return ((padded[:-2] + padded[1:-1] + padded[2:]) / 3.0).astype(np.float32)


def read_openface(path: Path) -> tuple[F32, float]:
    """Action units from a CSV file of OpenFace's FeatureExtraction.

    Args:
        path: the CSV; frames whose `success` is 0 are left out.

    Returns:
        `[F, 17]` and the frame rate in Hz.

    Raises:
        SignalError: unreadable, without the columns, or without a tracked face.
    """
    rows: list[list[float]] = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, record in enumerate(csv.DictReader(file, restval=""), start=1):
                row = {key.strip(): value for key, value in record.items() if key}
                texts = [row["timestamp"], row.get("success", "1"), *(row[f"{unit}_r"] for unit in ACTION_UNITS)]
                if "" in texts:
                    raise SignalError(f"{path}: frame {number} lacks a value; delete its line or write the file again")
                rows.append([float(text) for text in texts])
    except (OSError, UnicodeDecodeError, KeyError, ValueError, csv.Error) as error:
        raise SignalError(
            f"{path}: not an OpenFace CSV with timestamp and {ACTION_UNITS[0]}_r ... columns "
            f"({type(error).__name__}: {error}); write it with FeatureExtraction -aus"
        ) from error
    table = np.array(rows).reshape(len(rows), 2 + DIM)
    stamps, units = table[table[:, 1] > 0, 0], table[table[:, 1] > 0, 2:]
    if len(units) < 2:
        raise SignalError(f"{path}: fewer than two frames with a tracked face; film the face from the front")
    step = float(np.median(np.diff(stamps)))
    if not step > 0:
        raise SignalError(f"{path}: its timestamps do not increase; write it again with FeatureExtraction")
    return check(units, str(path)), 1.0 / step
