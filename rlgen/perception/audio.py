"""Reading a person's recording: one channel at 16 kHz, or one sentence that says what to do."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from rlgen.errors import SignalError
from rlgen.perception import speech
from rlgen.types import F32

_BLOCK: Final = 1 << 16  # samples read at once: what a header says of the length is not believed
_MOST_CHANNELS: Final = 32
_DEAD_DB: Final = 20.0  # channels this far below the loudest one hold other things than the voice
_TURNED: Final = -0.5  # correlation with the loudest channel below which one was wired the other way round


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read once, from its start to its end.

    Soundfile seeks after every block where it can, which fails at the end of a FLAC that does not say how long it is.
    """

    def seekable(self) -> bool:
        """Whether soundfile may seek."""
        return False


def _remedy(path: Path, also: str = "") -> str:
    """A command that makes a usable file beside an unusable one."""
    made = path.with_name(f"{path.stem}-16k.flac")
    return f"ffmpeg -i {shlex.quote(str(path))} {also}-ac 1 -ar {speech.RATE} {shlex.quote(str(made))}"


def read(path: Path) -> F32:
    """Read an audio file (WAV, FLAC, OGG and what else libsndfile reads), of any length, in bounded memory.

    Args:
        path: the file, of up to 32 channels. Their mean is taken; channels 20 dB below the loudest one are left out,
            and those in antiphase to it are turned over.

    Returns:
        `[samples]` at 16 kHz, full scale 1.

    Raises:
        SignalError: missing, unreadable, of another rate, too short, longer than `speech.LONGEST` seconds, silent,
            not finite or far beyond full scale.
    """
    if not path.exists():
        raise SignalError(f"{path}: there is no such file; check the path")
    try:
        if not path.is_file():
            raise SignalError(f"{path}: is a folder or a device; name a file of audio")
        with path.open("rb") as raw:
            if not raw.read(1):
                raise SignalError(f"{path}: is empty; record or copy it again")
    except OSError as error:
        raise SignalError(f"{path}: cannot be read ({error.strerror}); check its rights") from error
    try:
        with _Stream(path) as file:
            _check(file, path)
            samples = _blocks(file, path)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError, MemoryError) as error:
        raise SignalError(f"{path}: cannot be read as audio; convert it: {_remedy(path)}") from error
    if not len(samples):
        raise SignalError(f"{path}: holds no samples, by its header; if there is sound in it: {_remedy(path)}")
    return speech.check(_mixed(samples), str(path))


def _check(file: Any, path: Path) -> None:
    if file.samplerate != speech.RATE:
        raise SignalError(
            f"{path}: has a rate of {file.samplerate} Hz, but {speech.RATE} Hz is needed; resample it: {_remedy(path)}"
        )
    if file.channels > _MOST_CHANNELS:
        raise SignalError(f"{path}: has {file.channels} channels; give the one with the voice")


def _blocks(file: Any, path: Path) -> F32:
    """`[samples, channels]` of a file of at most the longest turn, however long its header says that it is."""
    most, parts, held = int(speech.LONGEST * speech.RATE), [], 0
    while True:
        part = file.read(_BLOCK, dtype="float32", always_2d=True)
        parts.append(part)
        held += len(part)
        if held > most:
            cut = _remedy(path, f"-t {speech.LONGEST:.0f} ")
            raise SignalError(
                f"{path}: is longer than {speech.LONGEST:.0f} s, the longest turn; give one turn, for example: {cut}"
            )
        if len(part) < _BLOCK:
            whole: F32 = np.concatenate(parts)
            return whole


def _mixed(samples: F32) -> F32:
    """One channel out of `[samples, channels]`."""
    with np.errstate(all="ignore"):  # what overflows is infinite, and refused
        return _of_voice(samples)


def _of_voice(samples: F32) -> F32:
    if samples.shape[1] == 1 or not np.isfinite(samples).all():
        plain: F32 = samples.mean(axis=1)
        return plain
    exact = samples.astype(np.float64)
    exact -= exact.mean(axis=0)
    together: NDArray[np.float64] = exact.T @ exact
    power = np.diag(together)
    loudest = int(power.argmax())
    alive = (power >= power[loudest] * 10.0 ** (-_DEAD_DB / 10.0)) & (power > 0.0)
    if not alive.any():
        return samples[:, 0]
    turned = together[loudest, alive] < _TURNED * np.sqrt(power[loudest] * power[alive])
    mixed: F32 = (samples[:, alive] * np.where(turned, np.float32(-1.0), np.float32(1.0))).mean(axis=1)
    return mixed
