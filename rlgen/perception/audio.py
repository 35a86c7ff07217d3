"""Reading a person's recording: one channel at 16 kHz, or one sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rlgen.errors import SignalError
from rlgen.perception import speech
from rlgen.types import F32


def read(path: Path) -> F32:
    """Read an audio file (WAV, FLAC, OGG and what else libsndfile reads).

    Args:
        path: the file; several channels are averaged.

    Returns:
        `[samples]` at 16 kHz, full scale 1.

    Raises:
        SignalError: missing, unreadable, of another rate, too short, silent or not finite.
    """
    import soundfile

    if not path.is_file():
        raise SignalError(f"{path}: there is no such file; check the path")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        raise SignalError(
            f"{path}: cannot be read as audio; convert it: ffmpeg -i {path.name} -ac 1 -ar 16000 {path.stem}.flac"
        ) from error
    if rate != speech.RATE:
        raise SignalError(
            f"{path}: has a rate of {rate} Hz, but {speech.RATE} Hz is needed; "
            f"resample it: ffmpeg -i {path.name} -ac 1 -ar {speech.RATE} {path.stem}-16k.flac"
        )
    mono = np.asarray(samples.mean(axis=1) if samples.size else samples.reshape(-1), dtype=np.float32)
    return speech.check(mono, str(path))
