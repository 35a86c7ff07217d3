"""Physiology features over a rolling window: heart rate, its variability, electrodermal activity.

Beats and the split of electrodermal activity into tonic level and phasic responses are
NeuroKit2's (Makowski et al., Behav. Res. Methods 53, 2021). Time-domain variability needs tens of
seconds of beats (Task Force of the ESC and NASPE, Circulation 93, 1996: minutes for norms; the 30 s
here are the shortest window whose RMSSD still agrees, Baek et al., Telemed. e-Health 21, 2015),
hence the window.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from rlgen.errors import SignalError
from rlgen.perception import checks
from rlgen.types import F32

WINDOW_SECONDS: Final = 30.0
LONGEST: Final = 600.0  # seconds before the end that are looked at; a window needs no more
_FEWEST: Final = 10  # intervals between beats in a window; the slowest hearts have 15
EDA_SAMPLING_RATE: Final = 25  # NeuroKit2 cannot clean signals of a few Hz, so all are brought to this rate

# Columns: heart rate (1/min), log RMSSD (ms), log SDNN (ms), tonic level (log 1p uS),
# phasic activity (log 1p of mean rectified nS), skin conductance responses a minute.
FEATURES: Final = ("heart_rate", "log_rmssd", "log_sdnn", "eda_tonic", "eda_phasic", "scr_rate")
DIM: Final = len(FEATURES)
CARDIAC, ELECTRODERMAL = slice(0, 3), slice(3, 6)

Kind = Literal["ecg", "pleth"]


def _check(signal: NDArray[np.floating], rate: float, slowest: float, name: str) -> NDArray[np.float64]:
    signal, rate = checks.numbers(signal, name), checks.rate(rate, name)
    if signal.ndim != 1:
        raise SignalError(f"{name}: has shape {signal.shape}, but one channel is needed; select one")
    if rate < slowest:
        raise SignalError(f"{name}: a rate of {rate} Hz is too low; record it at {slowest:.0f} Hz or more")
    if len(signal) < WINDOW_SECONDS * rate:
        raise SignalError(
            f"{name}: lasts {len(signal) / rate:.1f} s, but a window of {WINDOW_SECONDS:.0f} s is needed; "
            "give the seconds before the turn too, or leave physiology out"
        )
    if not np.isfinite(signal).all():
        raise SignalError(f"{name}: holds NaN or infinite values; interpolate the gaps or leave it out")
    exact = np.asarray(signal, dtype=np.float64)
    if np.ptp(exact) < 1e-9:
        raise SignalError(f"{name}: is flat; check the electrode or leave it out")
    return exact


def beats(signal: NDArray[np.floating], rate: float, kind: Kind, name: str = "") -> NDArray[np.float64]:
    """Times of heart beats.

    Args:
        signal: `[samples]` of ECG or plethysmogram, at least 30 s.
        rate: samples a second, at least 60 (ECG) or 20 (pleth).
        kind: which of the two it is.
        name: what to call it in messages.

    Returns:
        Seconds from the start of the signal, increasing.

    Raises:
        SignalError: of another kind, too short, too slow, flat, not finite, or without plausible beats.
    """
    import neurokit2 as nk

    name = name or f"the {kind}"
    if kind not in get_args(Kind):
        raise SignalError(f"{name}: its kind is {kind!r}; give one of {', '.join(map(repr, get_args(Kind)))}")
    checked = _check(signal, rate, 60.0 if kind == "ecg" else 20.0, name)
    try:
        if kind == "ecg":
            peaks = nk.ecg_peaks(nk.ecg_clean(checked, sampling_rate=rate), sampling_rate=rate)[1]["ECG_R_Peaks"]
        else:
            peaks = nk.ppg_findpeaks(nk.ppg_clean(checked, sampling_rate=rate), sampling_rate=rate)["PPG_Peaks"]
    except (ValueError, IndexError, ZeroDivisionError, KeyError) as error:
        raise SignalError(f"{name}: no heart beats could be found ({type(error).__name__}); leave it out") from error
    times = np.asarray(peaks, dtype=np.float64) / rate
    seconds = len(checked) / rate
    if not 0.5 * seconds <= len(times) <= 3.7 * seconds:
        raise SignalError(
            f"{name}: {len(times)} beats in {seconds:.0f} s are not a human heart; check the signal and its rate"
        )
    return times


def cardiac(times: NDArray[np.float64], ends: NDArray[np.float64], name: str = "the heart") -> F32:
    """Heart rate and variability over the 30 s before each moment.

    Args:
        times: beats in seconds.
        ends: `[T]`, the end of each window in seconds.
        name: what to call the recording in messages.

    Returns:
        `[T, 3]`: heart rate in 1/min, log RMSSD and log SDNN in ms. Intervals that differ by more
        than 30 % from the median are taken for missed or extra beats.

    Raises:
        SignalError: a window has fewer than `_FEWEST` such intervals, as where the sensor was off for a while.
    """
    intervals, stamps = np.diff(times) * 1000.0, times[1:]
    sound = np.abs(intervals / np.median(intervals) - 1.0) < 0.3
    inside = sound & (stamps > ends[:, None] - WINDOW_SECONDS) & (stamps <= ends[:, None])
    count = inside.sum(axis=1)
    if count.min() < _FEWEST:
        raise SignalError(
            f"{name}: {count.min()} regular heart beats in a window of {WINDOW_SECONDS:.0f} s, and {_FEWEST} are "
            "needed; check the sensor, or leave it out"
        )
    mean = np.where(inside, intervals, 0.0).sum(axis=1) / count
    spread = np.sqrt((np.where(inside, intervals - mean[:, None], 0.0) ** 2).sum(axis=1) / count)
    pair = inside[:, 1:] & inside[:, :-1]
    successive = np.where(pair, np.diff(intervals) ** 2, 0.0).sum(axis=1) / np.maximum(pair.sum(axis=1), 1)
    rate = 60_000.0 / np.maximum(mean, 200.0)
    columns = [rate, np.log(np.sqrt(successive) + 1.0), np.log(spread + 1.0)]
    return np.stack(columns, axis=1).astype(np.float32)


def electrodermal(signal: NDArray[np.floating], rate: float, ends: NDArray[np.float64], name: str = "the EDA") -> F32:
    """Tonic level, phasic activity and rate of responses over the 30 s before each moment.

    Args:
        signal: `[samples]` in microsiemens, at least 30 s, at least 2 Hz.
        rate: samples a second.
        ends: `[T]`, the end of each window in seconds.
        name: what to call it in messages.

    Returns:
        `[T, 3]`, the last three of `FEATURES`.

    Raises:
        SignalError: too short, too slow, flat or not finite.
    """
    import neurokit2 as nk

    checked = _check(signal, rate, 2.0, name)
    if rate > EDA_SAMPLING_RATE:
        whole = round(rate)
        checked = resample_poly(checked, EDA_SAMPLING_RATE, whole, padtype="line")
    elif rate < EDA_SAMPLING_RATE:
        seconds = np.arange(round(len(checked) / rate * EDA_SAMPLING_RATE)) / EDA_SAMPLING_RATE
        checked = np.interp(seconds, np.arange(len(checked)) / rate, checked)
    clean = nk.eda_clean(checked, sampling_rate=EDA_SAMPLING_RATE)
    parts = nk.eda_phasic(clean, sampling_rate=EDA_SAMPLING_RATE)
    tonic, phasic = parts["EDA_Tonic"].to_numpy(), parts["EDA_Phasic"].to_numpy()
    # A response is a rise of .01 uS or more from trough to peak (Boucsein et al., Psychophysiology 49, 2012).
    turning = np.flatnonzero(np.diff(np.sign(np.diff(phasic))) != 0) + 1
    rises = np.diff(phasic[turning], prepend=phasic[0]) if len(turning) else np.empty(0)
    peaks = turning[rises >= 0.01] / EDA_SAMPLING_RATE
    inside = (peaks > ends[:, None] - WINDOW_SECONDS) & (peaks <= ends[:, None])

    last = np.clip(np.round(ends * EDA_SAMPLING_RATE).astype(int), 1, len(tonic))
    first = np.maximum(last - round(WINDOW_SECONDS * EDA_SAMPLING_RATE), 0)

    def windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.concatenate([[0.0], np.cumsum(values)])
        mean: NDArray[np.float64] = (total[last] - total[first]) / (last - first)
        return mean

    level = np.log1p(np.maximum(windowed(tonic), 0.0))
    activity = np.log1p(1000.0 * windowed(np.abs(phasic)))
    responses = inside.sum(axis=1) * 60.0 / WINDOW_SECONDS
    return np.stack([level, activity, responses], axis=1).astype(np.float32)
