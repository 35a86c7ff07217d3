"""Speech features: MFCC, pitch envelope and short-term energy of a 16 kHz waveform, 100 frames a second.

The definitions are librosa's (tests compare them); the pitch is YIN (de Cheveigne and Kawahara,
J. Acoust. Soc. Am. 111, 2002) written on whole arrays, because its aperiodicity, which librosa
does not return, tells voiced from unvoiced frames, and because librosa compiles its own for
fifteen seconds at the first call.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dct, irfft, rfft
from scipy.signal import butter, medfilt, sosfilt

from rlgen.errors import SignalError
from rlgen.perception import checks
from rlgen.types import F32

RATE: Final = 16_000
HOP: Final = 160
FRAME_RATE: Final = RATE / HOP
WINDOW: Final = 512
PITCH_WINDOW: Final = 1024
MELS: Final = 40
MFCC: Final = 13
PITCH_RANGE: Final = (60.0, 500.0)
LONGEST: Final = 120.0  # seconds of a turn; what is longer is a session, and one estimate of it would mean nothing

# Columns of `frames`: MFCC 0-12, pitch in semitones over 100 Hz, voicing in [0, 1], energy in dBFS.
PITCH, VOICING, ENERGY = MFCC, MFCC + 1, MFCC + 2
DIM: Final = MFCC + 3

_VOICED_BELOW: Final = 0.25  # aperiodicity; YIN's own threshold is .1 for clean speech, .2-.3 for rooms
_SILENT_DB: Final = -60.0  # frames of a usable recording are above this
_HEARD: Final = 10  # so many of them at least; a click is shorter
_LOUDEST: Final = 2.0  # decoders overshoot full scale by up to 3 dB; beyond 6 dB the samples are on another scale
_ACTIVE_DB: Final = 35.0  # frames this far below the loudest one, at the ends, are silence
_AT_ONCE: Final = 2_000  # frames whose pitch is computed at once: some 100 MiB
_MARGIN: Final = 5  # frames kept on either side of the active part


@cache
def mel_filters() -> F32:
    """Triangular filters of equal area on Slaney's mel scale (Auditory Toolbox, 1998), `[MELS, WINDOW / 2 + 1]`.

    To the bit those of librosa, whose import takes seconds and fails for users without a home.
    """
    step, per_log = 200.0 / 3.0, np.log(6.4) / 27.0  # linear below 1 kHz, which is mel 15, logarithmic above
    mels = np.linspace(0.0, 15.0 + np.log(RATE / 2.0 / 1000.0) / per_log, MELS + 2)
    hertz = step * mels
    high = mels >= 15.0
    hertz[high] = 1000.0 * np.exp(per_log * (mels[high] - 15.0))
    width = np.diff(hertz)[:, None]
    ramps = np.subtract.outer(hertz, np.fft.rfftfreq(WINDOW, 1.0 / RATE))
    filters: F32 = np.maximum(0.0, np.minimum(-ramps[:-2] / width[:-1], ramps[2:] / width[1:])).astype(np.float32)
    filters *= (2.0 / (hertz[2:] - hertz[:-2]))[:, None]
    return filters


def _framed(waveform: F32, length: int) -> F32:
    """Centred frames `[F, length]`, one each `HOP` samples, zero-padded at the ends like librosa's."""
    return sliding_window_view(np.pad(waveform, length // 2), length)[::HOP]


def mfcc(waveform: F32) -> F32:
    """Mel-frequency cepstral coefficients `[F, 13]` of a `[samples]` waveform (dB mel spectrum, ortho DCT-II)."""
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)  # periodic, as librosa's
    power = np.abs(rfft(_framed(waveform, WINDOW) * window, axis=1)) ** 2
    decibels = 10.0 * np.log10(np.maximum(power @ mel_filters().T, 1e-10))
    coefficients: F32 = dct(decibels, type=2, norm="ortho", axis=1)[:, :MFCC].astype(np.float32)
    return coefficients


def energy(waveform: F32) -> F32:
    """Short-term energy `[F]` in dB relative to full scale, not below -100."""
    mean_square = np.mean(np.square(_framed(waveform, WINDOW)), axis=1)
    decibels: F32 = (10.0 * np.log10(np.maximum(mean_square, 1e-10))).astype(np.float32)
    return decibels


def pitch(waveform: F32) -> tuple[F32, F32]:
    """YIN pitch.

    Args:
        waveform: `[samples]` at 16 kHz.

    Returns:
        Fundamental frequency in Hz `[F]` (meaningful where aperiodicity is low) and aperiodicity
        `[F]` in [0, 1].
    """
    framed = _framed(waveform, PITCH_WINDOW)
    parts = [_yin(framed[at : at + _AT_ONCE].astype(np.float64)) for at in range(0, len(framed), _AT_ONCE)]
    hertz, aperiodicity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return hertz, aperiodicity


def _yin(frames: NDArray[np.float64]) -> tuple[F32, F32]:
    """Pitch and aperiodicity of frames `[F, PITCH_WINDOW]`."""
    shortest, longest = int(RATE / PITCH_RANGE[1]), int(np.ceil(RATE / PITCH_RANGE[0]))
    half = PITCH_WINDOW // 2
    # Difference function d(lag) = sum over the first half of (x[n] - x[n + lag])^2, by FFT.
    # No wrap-around: the head and the longest lag together are shorter than a frame.
    spectrum, head = rfft(frames, axis=1), rfft(frames[:, :half], PITCH_WINDOW, axis=1)
    correlation = irfft(spectrum * head.conj(), axis=1)[:, : longest + 2]
    squares = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(frames**2, axis=1)], axis=1)
    lags = np.arange(longest + 2)
    shifted = squares[:, lags + half] - squares[:, lags]
    difference = np.maximum(squares[:, half : half + 1] + shifted - 2.0 * correlation, 0.0)
    running = np.cumsum(difference[:, 1:], axis=1)
    normal = difference[:, 1:] * np.arange(1, longest + 2) / np.maximum(running, 1e-12)  # column j is lag j + 1
    middle = normal[:, shortest - 1 : longest]
    trough = (middle < normal[:, shortest - 2 : longest - 1]) & (middle <= normal[:, shortest : longest + 1])
    below = trough & (middle < 0.1)
    column = np.where(below.any(axis=1), below.argmax(axis=1), middle.argmin(axis=1))
    rows = np.arange(len(frames))
    at = column + shortest - 1
    left, centre, right = normal[rows, at - 1], normal[rows, at], normal[rows, at + 1]
    bend = left - 2.0 * centre + right
    offset = np.divide((left - right) / 2.0, bend, out=np.zeros_like(bend), where=bend > 1e-9)
    lag = at + 1 + np.clip(offset, -1.0, 1.0)
    silent = running[:, -1] < 1e-9
    return (RATE / lag).astype(np.float32), np.where(silent, 1.0, np.clip(centre, 0.0, 1.0)).astype(np.float32)


def _scaled(waveform: NDArray[Any], name: str) -> NDArray[np.floating]:
    """Samples with a full scale of 1; integers by their type, unsigned ones around its middle."""
    if waveform.dtype.kind == "f":
        return waveform
    bits = 8 * waveform.dtype.itemsize
    if bits > 32:
        raise SignalError(
            f"{name}: is of {waveform.dtype}, whose full scale is unknown; give int16, or floats within 1"
        )
    middle = 2.0 ** (bits - 1)
    return waveform / middle - (1.0 if waveform.dtype.kind == "u" else 0.0)


def _high_passed(waveform: F32) -> F32:
    filtered: F32 = sosfilt(butter(2, 50.0, "highpass", fs=RATE, output="sos"), waveform).astype(np.float32)
    return filtered


def check(waveform: NDArray[np.floating] | NDArray[np.integer], name: str = "the recording") -> F32:
    """Validate a mono 16 kHz waveform.

    Args:
        waveform: `[samples]`; floats with a full scale of 1 (peaks up to 2 pass), or integers of at
            most 32 bits, whose full scale is that of their type.
        name: what to call it in messages.

    Returns:
        The waveform as float32 with a full scale of 1.

    Raises:
        SignalError: not one-dimensional, shorter than 0.3 s, longer than `LONGEST`, not finite, on another scale,
            or silent (less than 0.1 s above -60 dBFS once frequencies below 50 Hz are gone).
    """
    waveform = checks.numbers(waveform, name)
    if waveform.ndim != 1:
        raise SignalError(f"{name}: has shape {waveform.shape}, but one channel is needed; mix it down to mono")
    if len(waveform) > LONGEST * RATE:
        raise SignalError(
            f"{name}: lasts {len(waveform) / RATE:.0f} s, but a turn is at most {LONGEST:.0f} s; give one turn"
        )
    waveform = _scaled(waveform, name)
    if len(waveform) < 0.3 * RATE:
        raise SignalError(f"{name}: lasts {len(waveform) / RATE:.2f} s; give at least 0.3 s of speech")
    if not np.isfinite(waveform).all():
        bad = int(np.count_nonzero(~np.isfinite(waveform)))
        raise SignalError(f"{name}: {bad} samples are NaN or infinite; repair or record it again")
    if (peak := float(np.abs(waveform).max())) > _LOUDEST:
        raise SignalError(f"{name}: its peak is {peak:.4g}, but full scale is 1; divide it by the full scale")
    single = np.asarray(waveform, dtype=np.float32)
    if np.count_nonzero(energy(_high_passed(single)) > _SILENT_DB) < _HEARD:
        raise SignalError(
            f"{name}: is silent (less than {_HEARD / FRAME_RATE} s above {_SILENT_DB:.0f} dBFS and 50 Hz); "
            "check the microphone or raise the gain"
        )
    return single


def frames(waveform: NDArray[np.floating] | NDArray[np.integer], name: str = "the recording") -> tuple[F32, int]:
    """Features of the part of a recording in which somebody speaks.

    The waveform is high-passed at 50 Hz, the pitch track is median-filtered over 50 ms and
    interpolated where unvoiced, and silence at both ends is left out.

    Args:
        waveform: `[samples]` at 16 kHz, see `check`.
        name: what to call it in messages.

    Returns:
        `[F, DIM]` at 100 frames a second, and the index of the first kept frame.

    Raises:
        SignalError: see `check`.
    """
    filtered = _high_passed(check(waveform, name))
    level = energy(filtered)
    active = np.flatnonzero(level > level.max() - _ACTIVE_DB)
    first, last = max(int(active[0]) - _MARGIN, 0), int(active[-1]) + _MARGIN + 1
    hertz, aperiodicity = pitch(filtered)
    voiced = (aperiodicity < _VOICED_BELOW) & (level > level.max() - _ACTIVE_DB)
    semitones = 12.0 * np.log2(hertz / 100.0)
    if voiced.any():
        index = np.arange(len(hertz))
        semitones = np.interp(index, index[voiced], medfilt(semitones[voiced], 5))
    else:
        semitones = np.full_like(hertz, 6.0)
    columns = [mfcc(filtered), semitones[:, None], 1.0 - aperiodicity[:, None], level[:, None]]
    return np.concatenate(columns, axis=1)[first:last].astype(np.float32), first
