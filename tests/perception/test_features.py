from dataclasses import replace

import numpy as np
import pytest

from rlgen.errors import SignalError
from rlgen.perception import face
from rlgen.perception.features import FACE_DIM, PHYSIOLOGY_DIM, SPEECH_DIM, Recording, check_signals, extract, stack
from rlgen.perception.recognizer import EmotionRecognizer
from rlgen.perception.synthesis import Cohort

SLOW = np.sin(np.arange(4000) / 50.0)


@pytest.fixture(scope="module")
def whole() -> Recording:
    cohort = Cohort(5, 1)
    return cohort.recording(cohort.performances()[20])


def test_every_set_of_modalities_gives_the_same_shapes(whole: Recording) -> None:
    for number in range(1, 8):
        speech, seen, body = (bool(number >> i & 1) for i in range(3))
        signals = extract(
            Recording(
                waveform=whole.waveform if speech else None,
                action_units=whole.action_units if seen else None,
                heart=whole.heart if body else None,
                heart_sampling_rate=whole.heart_sampling_rate,
                eda=whole.eda if body else None,
                eda_sampling_rate=whole.eda_sampling_rate,
            )
        )
        assert signals.speech.shape == (1, 16, SPEECH_DIM)
        assert signals.face.shape == (1, 16, FACE_DIM)
        assert signals.physiology.shape == (1, 16, PHYSIOLOGY_DIM)
        assert signals.present.tolist() == [[speech, seen, body]]
        for name, there in zip(("speech", "face", "physiology"), (speech, seen, body), strict=True):
            assert getattr(signals, name).any() == there
            assert np.isfinite(getattr(signals, name)).all()


def test_clip_averages_are_broadcast(whole: Recording) -> None:
    units = np.linspace(0, 3, face.DIM)
    traced = extract(Recording(action_units=units)).face[0]
    np.testing.assert_allclose(traced, np.tile(units / 1.5, (16, 1)), rtol=1e-6)
    # An average says nothing about time, so the speech is cut as if there were no face.
    both = extract(Recording(waveform=whole.waveform, action_units=units))
    np.testing.assert_array_equal(both.speech, extract(Recording(waveform=whole.waveform)).speech)


def test_one_sensor_of_the_body_is_enough(whole: Recording) -> None:
    heart = extract(Recording(heart=whole.heart, heart_sampling_rate=whole.heart_sampling_rate)).physiology[0]
    skin = extract(Recording(eda=whole.eda, eda_sampling_rate=whole.eda_sampling_rate)).physiology[0]
    assert (heart[:, 3:] == 0).all()
    assert (skin[:, :3] == 0).all()
    assert heart[:, 0].any()
    assert skin[:, 3].any()


def test_physiology_rolls_with_the_turn(whole: Recording) -> None:
    """A heart that speeds up near the end has a higher rate in the last window than in the first."""
    beats = np.cumsum(np.concatenate([np.full(36, 0.9), np.full(8, 0.7)]))
    times = np.arange(0, beats[-1], 1 / 64)
    pleth = np.exp(-0.5 * ((times[:, None] - beats) / 0.08) ** 2).sum(axis=1)
    rolled = extract(Recording(waveform=whole.waveform, heart=pleth, heart_sampling_rate=64.0)).physiology[0, :, 0]
    assert rolled[-1] > rolled[0] + 0.05
    assert (np.diff(rolled) > -1e-6).all()


def test_stack_keeps_rows(whole: Recording) -> None:
    one, two = extract(Recording(waveform=whole.waveform)), extract(Recording(action_units=whole.action_units))
    both = stack([one, two])
    assert both.present.tolist() == [[True, False, False], [False, True, False]]
    np.testing.assert_array_equal(both.rows(np.array([1])).face, two.face)


@pytest.mark.parametrize(
    ("recording", "says"),
    [
        (Recording(name="turn 3"), "turn 3: no signal"),
        (Recording(action_units=np.full((20, 17), np.nan)), "NaN"),
        (Recording(action_units=np.zeros((20, 3))), r"\[frames, 17\]"),
        (Recording(action_units=np.zeros((20, 17)), action_unit_rate=0.0), "rate"),
        (Recording(waveform=np.zeros(16_000)), "silent"),
        (Recording(heart=np.ones(4000), heart_sampling_rate=100.0, heart_kind="ecg"), "flat"),
        (Recording(action_units=np.zeros((20, 17)), action_unit_rate=np.inf), "rate is inf"),
        (Recording(action_units=np.zeros((20, 17)), action_unit_rate="fast"), "rate is 'fast'"),
        (Recording(action_units=[[0.0] * 17]), "list"),
        (Recording(waveform=[0.0] * 16_000), "list"),
        (Recording(waveform=np.full(16_000, 0.5)), "silent"),
        (Recording(eda=SLOW), r"EDA.*rate is 0\.0"),
        (Recording(eda=SLOW, eda_sampling_rate=np.nan), "rate is nan"),
        (Recording(eda=list(SLOW), eda_sampling_rate=4.0), "list"),
        (Recording(eda=np.array(3.0), eda_sampling_rate=4.0), "array of float64"),
        (Recording(heart=SLOW), "rate"),
        (Recording(heart=SLOW, heart_sampling_rate=64.0, heart_kind="bogus"), "'bogus'.*'ecg', 'pleth'"),
        (Recording(heart=tuple(SLOW), heart_sampling_rate=64.0), "tuple"),
    ],
)
def test_unusable_signals_are_refused_in_words(recording: Recording, says: str) -> None:
    with pytest.raises(SignalError, match=says):
        extract(recording)


def test_integers_are_heard_as_the_floats_they_stand_for(whole: Recording) -> None:
    floats = extract(Recording(waveform=whole.waveform)).speech
    stored = extract(Recording(waveform=np.round(whole.waveform * 32768).astype(np.int16))).speech
    # Rounding to 16 bits is noise at -98 dBFS: it shows where bands are empty, in hundredths of a deviation elsewhere.
    assert np.median(np.abs(stored - floats)) < 0.02


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (None, "NoneType"),
        ([[True, False, False]], "list"),
        (np.array([[1, 0, 0]]), "int64"),
        (np.array([[1.0, 0.0, 0.0]]), "float64"),
        (np.array([True, False, False]), "shape"),
        (np.array([[True, False]]), "shape"),
    ],
)
def test_presence_is_an_array_of_bool(whole: Recording, present: object, says: str) -> None:
    signals = replace(extract(Recording(waveform=whole.waveform)), present=present)
    recognizer = EmotionRecognizer.load("shipped:recognizer")
    for refuse in (
        check_signals,
        recognizer.estimate,
        lambda signals: recognizer.estimate_held_out(signals, "x", np.zeros(1, np.int64)),
    ):
        with pytest.raises(SignalError, match=f"present.*{says}"):
            refuse(signals)


def test_features_of_any_float_are_rated_alike(whole: Recording) -> None:
    signals = extract(Recording(waveform=whole.waveform))
    double = replace(signals, speech=signals.speech.astype(np.float64))
    recognizer = EmotionRecognizer.load("shipped:recognizer")
    np.testing.assert_array_equal(recognizer.estimate(double).affect, recognizer.estimate(signals).affect)
    with pytest.raises(SignalError, match="speech: is of type list"):
        recognizer.estimate(replace(signals, speech=signals.speech.tolist()))


def test_openface_files(tmp_path) -> None:
    path = tmp_path / "face.csv"
    header = ["frame", " timestamp", " success", *(f" {unit}_r" for unit in face.ACTION_UNITS)]
    rows = [[frame, frame / 30, int(frame != 4), *([frame / 10] * face.DIM)] for frame in range(10)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
    units, rate = face.read_openface(path)
    assert rate == pytest.approx(30.0)
    assert units.shape == (10, face.DIM)
    assert np.isnan(units).all(axis=1).tolist() == [i == 4 for i in range(10)]  # the frame without a face stays empty
    whole_text = path.read_text()
    path.write_text(whole_text[: -len(",0.9") * 5])
    with pytest.raises(SignalError, match="frame 10 lacks a value"):
        face.read_openface(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SignalError, match="not an OpenFace CSV"):
        face.read_openface(path)


def test_a_day_of_physiology_says_what_its_last_minutes_say() -> None:
    import neurokit2 as nk

    minutes = nk.ppg_simulate(duration=60, sampling_rate=50, heart_rate=80, random_state=1)
    ten = np.tile(minutes, 10)
    day = np.concatenate([np.random.default_rng(0).standard_normal(1_000_000), ten])
    short, long = (extract(Recording(heart=signal, heart_sampling_rate=50.0)).physiology for signal in (ten, day))
    np.testing.assert_array_equal(long, short)
