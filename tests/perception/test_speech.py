import shlex

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.errors import SignalError
from rlgen.perception import audio, speech
from rlgen.perception.synthesis import Cohort


def tone(hertz: float, seconds: float = 0.6, level: float = 0.3) -> np.ndarray:
    """A harmonic tone, twelve partials falling as 1/k, like a plain glottal source."""
    times = np.arange(int(seconds * speech.RATE)) / speech.RATE
    partials = [k for k in range(1, 13) if k * hertz < speech.RATE / 2]
    wave = sum(np.sin(2 * np.pi * k * hertz * times) / k for k in partials)
    return (level * wave / np.abs(wave).max()).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(st.floats(70.0, 450.0))
def test_pitch_of_a_tone_is_its_frequency(hertz: float) -> None:
    found, aperiodicity = speech.pitch(tone(hertz))
    inner = slice(8, -8)  # frames that lie whole in the tone
    assert np.all(np.abs(1200 * np.log2(found[inner] / hertz)) < 10)  # cents
    assert np.all(aperiodicity[inner] < 0.1)


def test_noise_is_not_voiced() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(speech.RATE).astype(np.float32)
    assert np.median(speech.pitch(noise)[1]) > 0.4


def test_energy_of_a_full_scale_sine_is_minus_three_decibels() -> None:
    times = np.arange(speech.RATE) / speech.RATE
    level = speech.energy(np.sin(2 * np.pi * 1000 * times).astype(np.float32))
    np.testing.assert_allclose(level[5:-5], 10 * np.log10(0.5), atol=0.05)


def test_gain_moves_only_the_first_coefficient() -> None:
    noise = np.random.default_rng(0).standard_normal(9600).astype(np.float32)
    wave = tone(150.0) + 0.05 * noise  # no band is empty
    loud, quiet = speech.mfcc(wave), speech.mfcc(wave / 2)
    # 6.02 dB in each of 40 bands is 6.02 * sqrt(40) in the constant of an orthonormal DCT.
    np.testing.assert_allclose((loud - quiet)[3:-3, 0], 20 * np.log10(2) * np.sqrt(speech.MELS), rtol=1e-3)
    np.testing.assert_allclose((loud - quiet)[3:-3, 1:], 0, atol=1e-2)


def test_silence_at_the_ends_is_left_out() -> None:
    padded = np.concatenate([np.zeros(16_000, np.float32), tone(200.0), np.zeros(8_000, np.float32)])
    frames, first = speech.frames(padded)
    assert 90 <= first <= 100
    assert 60 <= len(frames) <= 75


@pytest.mark.slow
def test_mfcc_and_pitch_agree_with_librosa() -> None:
    import librosa

    cohort = Cohort(5, 2)
    wave = cohort.waveform(cohort.performances()[10])
    power = librosa.feature.melspectrogram(
        y=wave, sr=speech.RATE, n_fft=speech.WINDOW, hop_length=speech.HOP, n_mels=speech.MELS, pad_mode="constant"
    )
    peer = librosa.feature.mfcc(S=librosa.power_to_db(power, top_db=None), n_mfcc=speech.MFCC).T
    np.testing.assert_allclose(speech.mfcc(wave), peer, atol=1e-2)
    peer = librosa.filters.mel(sr=speech.RATE, n_fft=speech.WINDOW, n_mels=speech.MELS)
    np.testing.assert_array_equal(speech.mel_filters(), peer)
    low, high = speech.PITCH_RANGE
    theirs = librosa.yin(wave, fmin=low, fmax=high, sr=speech.RATE, frame_length=1024, hop_length=speech.HOP)
    ours, aperiodicity = speech.pitch(wave)
    frames = min(len(ours), len(theirs))
    voiced = aperiodicity[:frames] < 0.1
    cents = np.abs(1200 * np.log2(ours[:frames] / theirs[:frames]))[voiced]
    assert voiced.sum() > 30
    assert np.mean(cents < 30) > 0.9


@pytest.mark.parametrize(
    ("wave", "says"),
    [
        (np.zeros(16_000), "silent"),
        (np.full(16_000, np.nan), "NaN"),
        (np.ones((16_000, 2)), "mono"),
        (np.ones(100), "0.01 s"),
        (np.full(16_000, 0.5), "silent"),
        (np.repeat([0.0, 0.5], 8_000), "silent"),  # a click is no speech
        (0.5 * np.sin(2 * np.pi * 2 * np.arange(16_000) / 16_000), "silent"),  # a slow drift
        (tone(200.0) * 32767, r"peak is \d+.*full scale is 1"),
        (tone(200.0) * 1e30, "peak"),
        (tone(200.0).astype(np.float64) * 1e300, "peak"),
        ((tone(200.0) * 32767).astype(np.int64), "int64.*int16"),
        (np.zeros(16_000, np.int16), "silent"),
        (np.full(16_000, 128, np.uint8), "silent"),
        (tone(200.0).tolist(), "list.*NumPy"),
        (tone(200.0) > 0, "bool"),
        (tone(200.0).astype(complex), "complex"),
    ],
)
def test_unusable_waveforms_are_refused_in_words(wave: np.ndarray, says: str) -> None:
    with pytest.raises(SignalError, match=says):
        speech.frames(wave, "clip.wav")


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32])
def test_integers_count_by_the_full_scale_of_their_type(kind: type[np.integer]) -> None:
    wave = tone(200.0, level=0.9).astype(np.float64)
    full, middle = 2.0 ** (8 * np.dtype(kind).itemsize - 1), 0 if np.issubdtype(kind, np.signedinteger) else 1
    stored = np.round((wave + middle) * full).astype(kind)
    np.testing.assert_allclose(speech.check(stored), wave, atol=0.51 / full + 1e-7)


def test_overshoot_of_a_decoder_passes() -> None:
    loud = tone(200.0, level=1.4)
    np.testing.assert_array_equal(speech.check(loud), loud)


def test_the_remedy_never_overwrites_the_recording(tmp_path) -> None:
    broken = tmp_path / "my clip.flac"
    broken.write_bytes(b"fLaC but no more")
    with pytest.raises(SignalError) as caught:
        audio.read(broken)
    words = shlex.split(str(caught.value).split("convert it: ")[1])
    assert words[:3] == ["ffmpeg", "-i", str(broken)]
    assert words[-1] == str(tmp_path / "my clip-16k.flac")


def test_files_far_beyond_full_scale_are_refused(tmp_path, recwarn: pytest.WarningsRecorder) -> None:
    import soundfile

    path = tmp_path / "huge.wav"
    for channels, level in ((1, 1e30), (2, 3e38)):
        soundfile.write(path, np.tile(tone(200.0, level=level)[:, None], (1, channels)), 16_000, subtype="FLOAT")
        with pytest.raises(SignalError, match=r"huge\.wav: .*(peak|infinite)"):
            audio.read(path)
    assert not recwarn.list


def test_files_are_refused_in_words(tmp_path) -> None:
    import soundfile

    with pytest.raises(SignalError, match="no such file"):
        audio.read(tmp_path / "absent.wav")
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC but no more")
    with pytest.raises(SignalError, match=r"broken\.flac: cannot be read.*ffmpeg"):
        audio.read(broken)
    fast = tmp_path / "fast.wav"
    soundfile.write(fast, tone(200.0), 44_100)
    with pytest.raises(SignalError, match=r"44100 Hz.*-ar 16000"):
        audio.read(fast)
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16_000), 16_000)
    with pytest.raises(SignalError, match=r"silent\.wav: is silent"):
        audio.read(silent)


def test_stereo_is_mixed_down(tmp_path) -> None:
    import soundfile

    wave = tone(200.0)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([wave, wave], axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(path), wave)
