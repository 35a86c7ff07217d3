"""Face features: intensities of 17 facial action units, named and scaled as OpenFace 2 gives them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import SignalError
from rlgen.perception import checks, speech
from rlgen.types import F32, Bools

ACTION_UNITS: Final = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12",
    "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26", "AU45",
)  # fmt: skip
DIM: Final = len(ACTION_UNITS)
LIPS_PART, JAW_DROP = ACTION_UNITS.index("AU25"), ACTION_UNITS.index("AU26")


SURE: Final = 0.75  # OpenFace's confidence below which a frame counts as not tracked
_RATES: Final = (4.0, 1000.0)  # frames a second of a camera
# What OpenFace writes for a number that is none, on Linux and on Windows.
_NONE: Final = re.compile(r"\s*[-+]?(nan|inf|1\.#).*", re.IGNORECASE)


def check(units: NDArray[np.floating], name: str = "the action units") -> F32:
    """Validate action units.

    Args:
        units: `[F, 17]` over time or `[17]` as clip averages; OpenFace's intensities 0-5. A frame in which no face was
            tracked is a row of NaN: left out, it would shift those that follow.
        name: what to call it in messages.

    Returns:
        The same as float32, limited to [0, 5].

    Raises:
        SignalError: no array of numbers, another shape, infinite, without any tracked frame, or rows partly NaN.
    """
    units = checks.numbers(units, name)
    if units.ndim not in (1, 2) or units.shape[-1] != DIM or units.size == 0:
        raise SignalError(
            f"{name}: has shape {units.shape}, but [frames, {DIM}] or [{DIM}] is needed; "
            f"give the OpenFace intensities {ACTION_UNITS[0]}_r to {ACTION_UNITS[-1]}_r in that order"
        )
    lacking = np.isnan(units).reshape(-1, DIM)
    if np.isinf(units).any() or (lacking.any(axis=1) & ~lacking.all(axis=1)).any() or lacking.all():
        raise SignalError(
            f"{name}: holds NaN or infinite values; make the whole row of a frame without a tracked face NaN"
        )
    limited: F32 = np.clip(units, 0.0, 5.0).astype(np.float32)
    return limited


def filled(units: F32) -> tuple[F32, Bools]:
    """Frames without a face filled in: on a line between their neighbours, at the ends like the nearest.

    Args:
        units: `[F, 17]`, see `check`.

    Returns:
        `[F, 17]` without NaN, and `[F]` where a face was tracked.
    """
    tracked: Bools = ~np.isnan(units[:, 0])
    if tracked.all():
        return units, tracked
    index = np.arange(len(units))
    columns = [np.interp(index, index[tracked], column[tracked]) for column in units.T]
    return np.stack(columns, axis=1).astype(np.float32), tracked


def smooth(units: F32) -> F32:
    """A moving mean over three frames of `[F, 17]`: tracking noise goes, onsets of 100 ms stay."""
    if len(units) < 3:
        return units
    padded = np.pad(units, ((1, 1), (0, 0)), mode="edge")
    return ((padded[:-2] + padded[1:-1] + padded[2:]) / 3.0).astype(np.float32)


def read_openface(path: Path, face_id: int | None = None) -> tuple[F32, float]:
    """Action units from a CSV file of OpenFace (FeatureExtraction, or FaceLandmarkVidMulti with several faces).

    Args:
        path: the CSV. Its timestamps count from the start of the recording; the order of its rows does not matter.
        face_id: whose rows are read; None for the one face, or the one that is tracked at least twice as often as any
            other.

    Returns:
        `[F, 17]` from the start of the recording on, and the frame rate in Hz. Where no row is, where `success` is 0
        and where `confidence` is below `SURE` stand rows of NaN. What lies beyond `speech.LONGEST` seconds, the longest
        turn, is left out.

    Raises:
        SignalError: unreadable, without the columns, without a tracked face or with several, or with timestamps that
            are not those of one recording.
    """
    rows: list[_Frame] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, record in enumerate(csv.DictReader(file, restval=""), start=1):
                row = {key.strip(): value.strip() for key, value in record.items() if key}
                if (found := _row(row, f"{path}: frame {number}")) is not None:
                    rows.append(found)
    except (OSError, UnicodeDecodeError, KeyError, ValueError, csv.Error) as error:
        raise SignalError(
            f"{path}: not an OpenFace CSV with timestamp and {ACTION_UNITS[0]}_r ... columns "
            f"({type(error).__name__}: {error}); write it with FeatureExtraction -aus"
        ) from error
    one = _chosen(rows, face_id, path)
    own = sorted((frame for frame in rows if frame.face == one), key=lambda frame: frame.stamp)
    tracked = [frame for frame in own if frame.units is not None]
    if len(tracked) < 2:
        raise SignalError(f"{path}: fewer than two frames with a tracked face; film the face from the front")
    rate = _rate(own, path)
    units = np.full((round(own[-1].stamp * rate) + 1, DIM), np.nan, dtype=np.float64)
    units[[round(frame.stamp * rate) for frame in tracked]] = [frame.units for frame in tracked]
    return check(units, str(path)), rate


class _Frame(NamedTuple):
    """A row: whose face, which frame (NaN where it does not say), when, and action units where a face was tracked."""

    face: int
    number: float
    stamp: float
    units: list[float] | None


def _row(row: dict[str, str], where: str) -> _Frame | None:
    """A row's frame, None beyond the longest turn."""
    success, confidence = row.get("success", "1"), row.get("confidence", "1")
    texts = [row[f"{unit}_r"] for unit in ACTION_UNITS]
    face, number = row.get("face_id", "0"), float(row.get("frame") or "nan")
    if "" in (row["timestamp"], success, confidence, face):
        raise SignalError(f"{where} lacks a value; delete its line or write the file again")
    stamp = float(row["timestamp"])
    if not 0.0 <= stamp < np.inf:
        raise SignalError(f"{where} has the timestamp {stamp}; give seconds from the start of the recording")
    if stamp > speech.LONGEST:
        return None
    sure = float(success) > 0.0 and not _NONE.fullmatch(confidence) and float(confidence) >= SURE
    if not sure or any(_NONE.fullmatch(text) for text in texts):
        return _Frame(int(float(face)), number, stamp, None)
    if "" in texts:
        raise SignalError(f"{where} lacks a value; delete its line or write the file again")
    return _Frame(int(float(face)), number, stamp, [float(text) for text in texts])


def _chosen(rows: list[_Frame], face_id: int | None, path: Path) -> int:
    """Whose rows are read."""
    if not rows:
        raise SignalError(
            f"{path}: has no frame in its first {speech.LONGEST:.0f} s; count timestamps from the recording's start"
        )
    seen = Counter(frame.face for frame in rows if frame.units is not None).most_common()
    if face_id is not None:
        if all(face != face_id for face, _ in seen):
            raise SignalError(f"{path}: has no tracked face {face_id}; there are {', '.join(str(f) for f, _ in seen)}")
        return face_id
    if len(seen) > 1 and seen[0][1] < 2 * seen[1][1]:
        told = ", ".join(f"face_id {face} in {count} frames" for face, count in sorted(seen)[:4])
        raise SignalError(f"{path}: holds {len(seen)} faces ({told}); give --face-id, or keep the rows of one")
    return seen[0][0] if seen else rows[0].face


def _rate(frames: list[_Frame], path: Path) -> float:
    """Frames a second, of a face's frames in order of time.

    Stamps are rounded to milliseconds, so that one step alone would be off by 1 %; and frames may be left out, which
    their numbers tell, or else that other steps are shorter.
    """
    stamps, numbers = (np.array([getattr(frame, name) for frame in frames]) for name in ("stamp", "number"))
    steps, counted = np.diff(stamps), np.diff(numbers)
    if not steps.min() > 0:
        at = float(stamps[int(steps.argmin())])
        raise SignalError(
            f"{path}: has two frames of one face at {at:g} s; its timestamps must increase, write it again with "
            "FeatureExtraction"
        )
    if (counted > 0).all():
        rate = round(float((numbers[-1] - numbers[0]) / (stamps[-1] - stamps[0])), 6)
    else:
        passed = np.round(steps / np.quantile(steps, 0.1))
        near = (passed >= 1) & (passed <= 3)
        rate = round(float(passed[near].sum() / steps[near].sum()), 6)
    if not _RATES[0] <= rate <= _RATES[1]:
        raise SignalError(f"{path}: has {rate:.3g} frames a second; its timestamps must be in seconds")
    return rate
