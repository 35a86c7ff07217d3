"""Recordings as people have them: headers that lie, channels of all kinds, any length, damage."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlgen.errors import SignalError
from rlgen.perception import audio, speech
from rlgen.perception.features import Recording, extract


def voice(seconds: float = 2.0) -> np.ndarray:
    t = np.arange(int(seconds * 16_000)) / 16_000
    wave = 0.2 * np.sin(2 * np.pi * 140 * t + 3 * np.sin(2 * np.pi * 3 * t)) * (1 + 0.5 * np.sin(2 * np.pi * 4 * t))
    return wave.astype(np.float32)


def encoded(samples: np.ndarray, kind: str, subtype: str | None = None, rate: int = 16_000) -> bytearray:
    made = io.BytesIO()
    soundfile.write(made, samples, rate, format=kind, subtype=subtype)
    return bytearray(made.getvalue())


def refused(path: Path) -> str:
    with pytest.raises(SignalError) as caught:
        audio.read(path)
    told = str(caught.value)
    assert told.startswith(f"{path}: ")
    assert "\n" not in told
    assert ";" in told
    return told


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def of_length(kind: str, said: int | None) -> bytes:
    """Two seconds, whose header says another number of samples."""
    data = encoded(voice(), "FLAC" if kind == "flac" else "WAV", "PCM_16")
    if kind == "flac":  # STREAMINFO: the last 36 of 64 bits, 0 for unknown
        head = int.from_bytes(data[18:26], "big") >> 36 << 36 | (said or 0)
        data[18:26] = head.to_bytes(8, "big")
    else:
        at = data.index(b"data") + 4
        size = 0xFFFFFFFF if said is None else min(2 * said, 0xFFFFFFFF)
        data[at : at + 4] = struct.pack("<I", size)
        data[4:8] = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    return bytes(data)


@pytest.mark.parametrize(("kind", "said"), [("flac", None), ("wav", None), ("wav", 2**31), ("wav", 10**6)])
def test_a_streamed_file_of_unknown_length_is_read_whole(tmp_path: Path, kind: str, said: int | None) -> None:
    path = put(tmp_path, f"a.{kind}", of_length(kind, said))
    np.testing.assert_allclose(audio.read(path), voice(), atol=1e-4)


@pytest.mark.parametrize(("kind", "said"), [("wav", 0), ("wav", 100), ("flac", 2**36 - 1), ("flac", 100)])
def test_another_lie_about_the_length_is_read_or_one_sentence(tmp_path: Path, kind: str, said: int) -> None:
    path = put(tmp_path, f"a.{kind}", of_length(kind, said))
    try:
        assert len(audio.read(path)) <= 32_000
    except SignalError:
        refused(path)


@pytest.mark.parametrize("cut", [0, 1, 10, 44, 60, 5_000])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF", "CAF", "W64", "RF64"])
def test_a_file_cut_short_is_read_as_far_as_it_goes_or_one_sentence(tmp_path: Path, kind: str, cut: int) -> None:
    path = put(tmp_path, f"a.{kind.lower()}", bytes(encoded(voice(), kind)[:cut]))
    refused(path)
    path.write_bytes(bytes(encoded(voice(), kind)[:-3_000]))
    try:
        assert 8_000 < len(audio.read(path)) <= 32_000
    except SignalError:
        refused(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["WAV", "FLAC", "OGG", "AIFF"]),
    damage=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_whatever_a_header_says_there_is_an_answer_or_one_sentence(
    tmp_path: Path, kind: str, damage: list[tuple[int, int]]
) -> None:
    data = encoded(voice(0.5), kind)
    for at, value in damage:
        data[at] = value
    path = put(tmp_path, "a.bin", bytes(data))
    try:
        found = audio.read(path)
    except SignalError:
        refused(path)
    else:
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


def test_a_session_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "session.wav"
    block = voice(60.0)
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        for _ in range(20):
            file.write(block)
    tracemalloc.start()
    told = refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "longer than 120 s" in told
    assert "-t 120 " in told
    assert peak < 40e6
    with pytest.raises(SignalError, match=r"the recording: lasts 180 s, but a turn is at most 120 s"):
        extract(Recording(np.tile(block, 3)))


def test_the_longest_turn_is_read_and_recognised_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "turn.wav"
    soundfile.write(path, voice(speech.LONGEST), 16_000)
    tracemalloc.start()
    samples = audio.read(path)
    extract(Recording(samples))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(samples) == 120 * 16_000
    assert peak < 400e6


def test_pitch_in_parts_is_pitch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = voice(3.0)
    whole = speech.pitch(wave)
    monkeypatch.setattr(speech, "_AT_ONCE", 64)
    for once, parts in zip(whole, speech.pitch(wave), strict=True):
        np.testing.assert_allclose(parts, once, rtol=1e-5)


CHANNELS = {
    "alike": lambda x, n: [x, x],
    "antiphase": lambda x, n: [x, -x],
    "antiphase, unequal": lambda x, n: [0.5 * x, -x],
    "left dead": lambda x, n: [0 * x, x],
    "right dead": lambda x, n: [x, 0 * x],
    "one is noise far below": lambda x, n: [x, 0.003 * n],
    "dead but for an offset": lambda x, n: [x, 0 * x + 0.3],
    "centre of 5.1": lambda x, n: [0 * x, 0 * x, x, 0.002 * n, 0 * x, 0 * x],
    "one of four turned": lambda x, n: [x, x, -x, x],
    "two pairs": lambda x, n: [x, -x, x, -x],
    "antiphase in noise": lambda x, n: [x + 0.01 * n, -x + 0.01 * n[::-1]],
}


@pytest.mark.parametrize("layout", CHANNELS)
def test_a_voice_is_heard_at_its_own_level_whichever_channels_hold_it(tmp_path: Path, layout: str) -> None:
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack(CHANNELS[layout](voice(), noise), axis=1), 16_000, subtype="FLOAT")
    heard, plain = audio.read(path), voice()
    assert abs(np.corrcoef(heard, plain)[0, 1]) > 0.99
    assert np.std(heard) == pytest.approx(np.std(plain), rel=0.01 if layout != "antiphase, unequal" else 0.3)


def test_two_microphones_are_averaged_as_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    both = (np.stack([voice(), voice()], axis=1) + 0.02 * rng.standard_normal((32_000, 2))).astype(np.float32)
    path = tmp_path / "a.wav"
    soundfile.write(path, both, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(path), both.mean(axis=1))


def test_channels_that_all_are_silent_are_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((32_000, 2)), 16_000)
    assert "silent" in refused(path)
    soundfile.write(path, np.zeros((32_000, 64)), 16_000)
    assert "64 channels" in refused(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_one_sample_that_is_no_number_is_counted(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "a.wav"
    for channels in (1, 2):
        wave = np.stack([voice()] * channels, axis=1)
        wave[100, 0] = bad
        soundfile.write(path, wave, 16_000, subtype="FLOAT")
        assert "full scale" in refused(path) if bad == 3e38 else "1 samples are NaN or infinite" in refused(path)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 192_000])
def test_another_rate_is_told_with_the_command_that_mends_it(tmp_path: Path, rate: int) -> None:
    path = put(tmp_path, "my voice.wav", bytes(encoded(voice(), "WAV", rate=rate)))
    told = refused(path)
    assert f"{rate} Hz" in told
    assert "ffmpeg -i '" in told


def test_what_is_no_recording_is_told_as_what_it_is(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "none.wav")
    assert "a folder or a device" in refused(tmp_path)
    assert "is empty" in refused(put(tmp_path, "empty.wav", b""))
    assert "holds no samples" in refused(put(tmp_path, "none.wav", bytes(encoded(voice()[:0], "WAV"))))
    assert "lasts 0.10 s" in refused(put(tmp_path, "short.wav", bytes(encoded(voice(0.1), "WAV"))))
    assert "cannot be read as audio" in refused(put(tmp_path, "text.wav", b"this is not sound"))
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        assert "a folder or a device" in refused(tmp_path / "pipe")
