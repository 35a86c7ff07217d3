"""Reading a person's recording: one channel at 16 kHz, or one sentence that says what to do."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from rlgen.errors import SignalError
from rlgen.perception import speech
from rlgen.types import F32


def _remedy(path: Path) -> str:
    """A command that makes a usable file beside an unusable one."""
    made = path.with_name(f"{path.stem}-16k.flac")
    return f"ffmpeg -i {shlex.quote(str(path))} -ac 1 -ar {speech.RATE} {shlex.quote(str(made))}"


def read(path: Path) -> F32:
    """Read an audio file (WAV, FLAC, OGG and what else libsndfile reads).

    Args:
        path: the file; several channels are averaged.

    Returns:
        `[samples]` at 16 kHz, full scale 1.

    Raises:
        SignalError: missing, unreadable, of another rate, too short, silent, not finite or far beyond full scale.
    """
    import soundfile

    if not path.is_file():
        raise SignalError(f"{path}: there is no such file; check the path")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        raise SignalError(f"{path}: cannot be read as audio; convert it: {_remedy(path)}") from error
    if rate != speech.RATE:
        raise SignalError(
            f"{path}: has a rate of {rate} Hz, but {speech.RATE} Hz is needed; resample it: {_remedy(path)}"
        )
    with np.errstate(all="ignore"):  # what overflows is infinite, and refused
        mono = np.asarray(samples.mean(axis=1) if samples.size else samples.reshape(-1), dtype=np.float32)
    return speech.check(mono, str(path))
