"""Speech-like audio by a source and a filter: glottal pulses and breath through moving formants.

The source-filter model of Fant (1960) with Rosenberg's glottal pulse (J. Acoust. Soc. Am. 49,
1971). It babbles vowels; there are no words in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, sosfilt

from rlgen.perception.speech import RATE
from rlgen.types import F32

# First four formants in Hz of i, e, a, o, u and schwa of an adult man (Peterson and Barney, 1952, rounded).
_VOWELS: Final = np.array(
    [
        [270, 2290, 3010, 3600],
        [530, 1840, 2480, 3500],
        [730, 1090, 2440, 3400],
        [570, 840, 2410, 3300],
        [300, 870, 2240, 3300],
        [500, 1500, 2500, 3500],
    ],
    dtype=np.float64,
)
_BANDWIDTHS: Final = np.array([80.0, 100.0, 140.0, 200.0])
_CONTROL_RATE: Final = 200
_FLOOR: Final = 10 ** (-62 / 20)  # noise of a quiet room


@dataclass(frozen=True)
class Throat:
    """One actor's voice: pitch in semitones over 100 Hz, vocal tract scale, speaking level in dBFS, tilt in dB."""

    pitch: float
    tract: float
    level: float
    tilt: float


@dataclass(frozen=True)
class Syllables:
    """A rhythm: `start` and `length` in seconds, `stress` in (0, 1], `vowel` index; all `[K]`."""

    start: NDArray[np.float64]
    length: NDArray[np.float64]
    stress: NDArray[np.float64]
    vowel: NDArray[np.int64]

    @property
    def seconds(self) -> float:
        """Length of the clip, with a tenth of a second of silence after the last syllable."""
        return float(self.start[-1] + self.length[-1] + 0.1)


def rhythm(rng: np.random.Generator, rate: float) -> Syllables:
    """Draw a rhythm of 8 to 11 syllables at about `5 * rate` syllables a second, with one pause."""
    count = int(rng.integers(8, 12))
    length = 0.2 * np.exp(0.22 * rng.standard_normal(count)) / rate
    gap = np.full(count, 0.02 / rate)
    gap[int(rng.integers(2, count - 2))] += 0.15 / rate
    start = 0.1 + np.concatenate([[0.0], np.cumsum(length + gap)[:-1]])
    stress = np.where(rng.uniform(size=count) < 0.4, 1.0, 0.6)
    return Syllables(start, length, stress, rng.integers(len(_VOWELS), size=count))


def envelope(syllables: Syllables, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the mouth is open at those times, in [0, 1]: a raised bump for each syllable."""
    phase = (times[:, None] - syllables.start) / syllables.length
    bumps = np.where((phase > 0) & (phase < 1), np.sin(np.pi * np.clip(phase, 0, 1)) ** 0.7, 0.0)
    opened: NDArray[np.float64] = (bumps * syllables.stress).max(axis=1)
    return opened


def _pitch_track(throat: Throat, syllables: Syllables, change: F32, rng: np.random.Generator) -> NDArray[np.float64]:
    """Semitones over 100 Hz at `_CONTROL_RATE`: declination, accents, a final rise or fall, drift."""
    times = np.arange(int(syllables.seconds * _CONTROL_RATE) + 1) / _CONTROL_RATE
    part = times / syllables.seconds
    accent = max(2.0 + float(change[1]), 0.3)
    peaks = np.exp(-0.5 * ((times[:, None] - syllables.start - syllables.length / 2) / 0.08) ** 2)
    rises = peaks @ (accent * syllables.stress * (0.6 + 0.8 * rng.uniform(size=len(syllables.start))))
    drift = np.cumsum(rng.standard_normal(len(times))) * 0.04
    end = float(change[7]) * np.clip((part - 0.75) / 0.25, 0.0, 1.0)
    track: NDArray[np.float64] = throat.pitch + float(change[0]) + rises - 2.5 * part + end + drift - drift.mean()
    return track


def speak(throat: Throat, syllables: Syllables, change: F32, rng: np.random.Generator) -> F32:
    """Synthesise a clip.

    Args:
        throat: whose voice.
        syllables: the rhythm.
        change: `[8]`, change from the neutral voice, columns of `prosody.PROSODY`.
        rng: of this clip.

    Returns:
        `[samples]` at 16 kHz within [-1, 1].
    """
    samples = int(syllables.seconds * RATE)
    times = np.arange(samples) / RATE
    track = _pitch_track(throat, syllables, change, rng)
    jitter = 1.0 + max(0.004 + float(change[6]), 0.0) * rng.standard_normal(len(track))
    control = times * _CONTROL_RATE
    hertz = np.interp(control, np.arange(len(track)), 100.0 * 2.0 ** (track / 12.0) * jitter)
    cycle = np.cumsum(hertz / RATE) % 1.0
    opening, closing = cycle < 0.4, (cycle >= 0.4) & (cycle < 0.56)
    flow = np.where(opening, 0.5 - 0.5 * np.cos(np.pi * cycle / 0.4), 0.0)
    flow = np.where(closing, np.cos(0.5 * np.pi * (cycle - 0.4) / 0.16), flow)
    source = np.diff(flow, prepend=0.0)
    breath = np.clip(0.06 + float(change[5]), 0.0, 0.4)
    source = (1.0 - breath) * source / (source.std() + 1e-9) + breath * rng.standard_normal(samples)
    # Spectral tilt: a one-pole low-pass whose loss at 4 kHz is what loud voices have less of.
    loss = np.clip(14.0 - throat.tilt - float(change[4]), 1.0, 30.0)
    pole = np.clip(1.0 - 10 ** (-loss / 20.0) * 1.4, 0.0, 0.97)
    source = lfilter([1.0 - pole], [1.0, -pole], source)

    spoken = np.zeros(samples)
    state = np.zeros((4, 2))
    borders = np.append((syllables.start * RATE).astype(int), samples)
    borders[0] = 0
    for vowel, first, last in zip(syllables.vowel, borders[:-1], borders[1:], strict=True):
        radius = np.exp(-np.pi * _BANDWIDTHS / RATE)
        angle = 2.0 * np.pi * _VOWELS[vowel] * throat.tract / RATE
        resonators = np.zeros((4, 6))
        resonators[:, 3], resonators[:, 4], resonators[:, 5] = 1.0, -2.0 * radius * np.cos(angle), radius**2
        resonators[:, 0] = 1.0 + resonators[:, 4] + resonators[:, 5]  # unit gain at zero frequency
        spoken[first:last], state = sosfilt(resonators, source[first:last], zi=state)
    coarse = envelope(syllables, np.arange(len(track)) / _CONTROL_RATE)
    shape = np.interp(control, np.arange(len(track)), coarse)
    spoken *= shape
    loud = np.sqrt(np.mean(np.square(spoken[shape > 0.3])))
    gain = 10.0 ** ((throat.level + float(change[3])) / 20.0) / max(loud, 1e-9)
    noisy = spoken * gain + _FLOOR * rng.standard_normal(samples)
    clip: F32 = np.clip(noisy, -1.0, 1.0).astype(np.float32)
    return clip
