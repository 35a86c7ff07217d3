import numpy as np
import pytest

from rlgen.errors import SignalError
from rlgen.perception import face
from rlgen.perception.features import FACE_DIM, PHYSIOLOGY_DIM, SPEECH_DIM, Recording, extract, stack
from rlgen.perception.synthesis import Cohort


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
                heart_rate=whole.heart_rate,
                eda=whole.eda if body else None,
                eda_rate=whole.eda_rate,
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
    heart = extract(Recording(heart=whole.heart, heart_rate=whole.heart_rate)).physiology[0]
    skin = extract(Recording(eda=whole.eda, eda_rate=whole.eda_rate)).physiology[0]
    assert (heart[:, 3:] == 0).all()
    assert (skin[:, :3] == 0).all()
    assert heart[:, 0].any()
    assert skin[:, 3].any()


def test_physiology_rolls_with_the_turn(whole: Recording) -> None:
    """A heart that speeds up near the end has a higher rate in the last window than in the first."""
    beats = np.cumsum(np.concatenate([np.full(36, 0.9), np.full(8, 0.7)]))
    times = np.arange(0, beats[-1], 1 / 64)
    pleth = np.exp(-0.5 * ((times[:, None] - beats) / 0.08) ** 2).sum(axis=1)
    rolled = extract(Recording(waveform=whole.waveform, heart=pleth, heart_rate=64.0)).physiology[0, :, 0]
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
        (Recording(heart=np.ones(4000), heart_rate=100.0, heart_kind="ecg"), "flat"),
    ],
)
def test_unusable_signals_are_refused_in_words(recording: Recording, says: str) -> None:
    with pytest.raises(SignalError, match=says):
        extract(recording)


def test_openface_files(tmp_path) -> None:
    path = tmp_path / "face.csv"
    header = ["frame", " timestamp", " success", *(f" {unit}_r" for unit in face.ACTION_UNITS)]
    rows = [[frame, frame / 30, int(frame != 4), *([frame / 10] * face.DIM)] for frame in range(10)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
    units, rate = face.read_openface(path)
    assert rate == pytest.approx(30.0)
    assert units.shape == (9, face.DIM)  # the frame without a face is left out
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SignalError, match="not an OpenFace CSV"):
        face.read_openface(path)
