"""From raw recordings to `Signals`: extraction, alignment, normalisation; any modality may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import SignalError
from rlgen.perception import checks, face, physiology, speech, timeline
from rlgen.types import F32, MODALITIES, Signals

SPEECH_DIM: Final = 2 * speech.DIM  # mean and deviation of each feature within a frame of the timeline
FACE_DIM: Final = face.DIM
PHYSIOLOGY_DIM: Final = physiology.DIM

# Fixed centres and scales, so that a feature means the same in every bank: round figures near those
# of adult read speech, of faces in conversation and of resting adults. A recognizer standardises once
# more with what it was trained on.
_SPEECH_CENTRE: Final = np.array([-300, 80, 0, 15, 0, 0, -5, 0, -5, 0, -5, 0, -5, 9, 0.7, -30] + [0] * 16, np.float32)
_SPEECH_SCALE: Final = np.array(
    [
        *(120, 50, 40, 30, 25, 20, 20, 15, 15, 12, 12, 12, 12, 7, 0.3, 15),
        *(60, 25, 20, 15, 15, 12, 12, 10, 10, 8, 8, 8, 8, 2, 0.2, 8),
    ],
    np.float32,
)
_FACE_SCALE: Final = np.float32(1.5)
_TRACKED: Final = 0.5  # share of a turn in which a face has to be seen
_PHYSIOLOGY_CENTRE: Final = np.array([75, 3.5, 3.8, 1.2, 3.0, 6.0], np.float32)
_PHYSIOLOGY_SCALE: Final = np.array([12, 0.6, 0.6, 0.6, 1.0, 4.0], np.float32)


@dataclass(frozen=True)
class Recording:
    """Raw signals of one turn. What is None is missing.

    Attributes:
        waveform: `[samples]` mono at 16 kHz, full scale 1; integers count by the full scale of their type.
        action_units: `[F, 17]` intensities over time from the start of the waveform on, or `[17]` clip averages, which
            are broadcast. Frames without a tracked face are rows of NaN.
        action_unit_rate: frames a second of `action_units`.
        heart: `[samples]` of ECG or pleth whose end is the end of the turn; at least 30 s.
        heart_sampling_rate: samples a second of `heart`.
        heart_kind: which of the two it is.
        eda: `[samples]` in microsiemens, likewise ending with the turn.
        eda_sampling_rate: samples a second of `eda`.
        name: what to call it in messages.
    """

    waveform: NDArray[np.floating] | NDArray[np.integer] | None = None
    action_units: NDArray[np.floating] | None = None
    action_unit_rate: float = 25.0
    heart: NDArray[np.floating] | None = None
    heart_sampling_rate: float = 0.0
    heart_kind: physiology.Kind = "pleth"
    eda: NDArray[np.floating] | None = None
    eda_sampling_rate: float = 0.0
    name: str = "the recording"


def _recent(recording: Recording) -> Recording:
    """The recording with the last minutes of its physiology; a whole day before the turn says no more of it."""
    kept = {}
    for name, rate in (("heart", recording.heart_sampling_rate), ("eda", recording.eda_sampling_rate)):
        signal = getattr(recording, name)
        usable = isinstance(signal, np.ndarray) and signal.ndim == 1 and isinstance(rate, int | float) and rate > 0
        if usable and len(signal) > physiology.LONGEST * rate:
            kept[name] = signal[-round(physiology.LONGEST * rate) :]
    return replace(recording, **kept)


def _physiology(recording: Recording, turn_seconds: float, frames: int) -> F32:
    """`[T, 6]` normalised; the half whose sensor is missing stays at the centre, 0."""
    recording = _recent(recording)
    before = turn_seconds * (1.0 - np.arange(1, frames + 1) / frames)  # seconds before the end of the turn
    values = np.tile(_PHYSIOLOGY_CENTRE, (frames, 1))
    if recording.heart is not None:
        times = physiology.beats(recording.heart, recording.heart_sampling_rate, recording.heart_kind, recording.name)
        ends = len(recording.heart) / recording.heart_sampling_rate - before
        values[:, physiology.CARDIAC] = physiology.cardiac(times, ends, recording.name)
    if recording.eda is not None:
        name = f"{recording.name} (EDA)"
        ends = len(checks.numbers(recording.eda, name)) / checks.rate(recording.eda_sampling_rate, name) - before
        values[:, physiology.ELECTRODERMAL] = physiology.electrodermal(
            recording.eda, recording.eda_sampling_rate, ends, name
        )
    return (values - _PHYSIOLOGY_CENTRE) / _PHYSIOLOGY_SCALE


def _of_turn(units: F32, turn: tuple[int, int] | None, recording: Recording) -> F32:
    """Smoothed action units of a turn, from its first frame to the one after its last; None for all that was tracked.

    Raises:
        SignalError: in less than half of it a face was tracked.
    """
    units, tracked = face.filled(units)
    if turn is None:
        seen = np.flatnonzero(tracked)
        turn = int(seen[0]), int(seen[-1]) + 1
    start, stop = turn
    share = float(tracked[start:stop].sum()) / (stop - start)
    if share < _TRACKED:
        raise SignalError(
            f"{recording.name} (face): a face was tracked in {share:.0%} of the turn, from "
            f"{start / recording.action_unit_rate:.2f} to {stop / recording.action_unit_rate:.2f} s, and half of it is "
            "needed; film the face from the front, or leave it out"
        )
    units = face.smooth(units)[start:stop]
    # Cameras may stop a little earlier, which warping mends; what is missing beyond that is like the last frame.
    if (stop - start - len(units)) / recording.action_unit_rate > timeline.BAND_SECONDS:
        units = np.pad(units, ((0, stop - start - len(units)), (0, 0)), mode="edge")
    return units


def extract(recording: Recording, frames: int = timeline.FRAMES) -> Signals:
    """Features of one turn on one timeline.

    Args:
        recording: raw signals; at least one modality.
        frames: T.

    Returns:
        `Signals` of one row: speech `[1, T, 32]`, face `[1, T, 17]`, physiology `[1, T, 6]`.

    Raises:
        SignalError: nothing is present, a signal cannot be used, or a face was tracked in less than half of the turn.
    """
    spoken = units = None
    spoken_edges = unit_edges = np.empty(0)
    seconds = 3.0  # assumed length of a turn of which only physiology is known
    if recording.action_units is not None:
        units = face.check(recording.action_units, f"{recording.name} (face)")
        checks.rate(recording.action_unit_rate, f"{recording.name} (face)")
    if recording.waveform is not None:
        spoken, first = speech.frames(recording.waveform, recording.name)
        seconds = len(spoken) / speech.FRAME_RATE
        spoken_edges = timeline.uniform(len(spoken), frames)
    if units is not None and units.ndim == 2:
        if spoken is None:
            units = _of_turn(units, None, recording)
            seconds = len(units) / recording.action_unit_rate
        else:  # the same stretch of time as the speech that was kept
            start = round(first / speech.FRAME_RATE * recording.action_unit_rate)
            stop = start + max(round(seconds * recording.action_unit_rate), 2)
            units = _of_turn(units, (start, stop), recording)
        unit_edges = timeline.uniform(len(units), frames)
        if spoken is not None:
            spoken_edges, unit_edges = timeline.align(spoken, units, recording.action_unit_rate, frames)

    row = {
        "speech": np.zeros((frames, SPEECH_DIM), np.float32),
        "face": np.zeros((frames, FACE_DIM), np.float32),
        "physiology": np.zeros((frames, PHYSIOLOGY_DIM), np.float32),
    }
    if spoken is not None:
        pooled = np.concatenate(timeline.pool(spoken, spoken_edges), axis=1)
        row["speech"] = (pooled - _SPEECH_CENTRE) / _SPEECH_SCALE
    if units is not None:
        traced = timeline.pool(units, unit_edges)[0] if units.ndim == 2 else np.tile(units, (frames, 1))
        row["face"] = traced / _FACE_SCALE
    measured = recording.heart is not None or recording.eda is not None
    if measured:
        row["physiology"] = _physiology(recording, min(seconds, 10.0), frames)
    present = np.array([[spoken is not None, units is not None, measured]])
    if not present.any():
        raise SignalError(f"{recording.name}: no signal was given; give speech, face or physiology")
    return Signals(row["speech"][None], row["face"][None], row["physiology"][None], present)


def stack(rows: Sequence[Signals]) -> Signals:
    """Several turns as one struct."""
    return Signals(
        speech=np.concatenate([row.speech for row in rows]),
        face=np.concatenate([row.face for row in rows]),
        physiology=np.concatenate([row.physiology for row in rows]),
        present=np.concatenate([row.present for row in rows]),
    )


def check_signals(signals: Signals) -> None:
    """Refuse features that no model can use.

    Raises:
        SignalError: wrong types or shapes, or NaN or infinite values in a modality that is present.
    """
    present: Any = signals.present
    if not isinstance(present, np.ndarray) or present.dtype != np.bool_:
        found = present.dtype if isinstance(present, np.ndarray) else type(present).__name__
        raise SignalError(f"signals: `present` is of type {found}; give an array of bool")
    if present.ndim != 2 or present.shape[1] != len(MODALITIES):
        raise SignalError(f"signals: `present` has shape {present.shape}; [N, {len(MODALITIES)}] is needed")
    rows = len(present)
    for column, (name, dim) in enumerate(zip(MODALITIES, (SPEECH_DIM, FACE_DIM, PHYSIOLOGY_DIM), strict=True)):
        values = checks.numbers(getattr(signals, name), f"signals: {name}")
        if values.ndim != 3 or values.shape[0] != rows or values.shape[2] != dim:
            raise SignalError(f"signals: {name} has shape {values.shape}; [{rows}, T, {dim}] is needed")
        bad = ~np.isfinite(values).all(axis=(1, 2)) & present[:, column]
        if bad.any():
            raise SignalError(
                f"signals: {name} of row {int(np.flatnonzero(bad)[0])} is NaN or infinite; "
                "repair it or mark the modality as absent"
            )
