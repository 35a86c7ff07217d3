import neurokit2 as nk
import numpy as np
import pytest

from rlgen.errors import SignalError
from rlgen.perception import physiology

ENDS = np.array([36.0, 40.0])


def test_steady_beats_have_their_rate_and_no_variability() -> None:
    features = physiology.cardiac(np.arange(0, 41, 0.8), ENDS)
    np.testing.assert_allclose(features[:, 0], 75.0, rtol=1e-6)
    np.testing.assert_allclose(features[:, 1:], 0.0, atol=1e-3)


def test_alternating_intervals_have_known_variability() -> None:
    intervals = np.tile([0.9, 1.1], 20)
    rate, rmssd, sdnn = physiology.cardiac(np.concatenate([[0.0], np.cumsum(intervals)]), np.array([40.0]))[0]
    assert rate == pytest.approx(60.0)
    assert np.exp(rmssd) - 1 == pytest.approx(200.0, rel=1e-4)
    assert np.exp(sdnn) - 1 == pytest.approx(100.0, rel=1e-4)


def test_variability_agrees_with_neurokit() -> None:
    intervals = 0.8 + 0.05 * np.random.default_rng(0).standard_normal(60)
    times = np.concatenate([[0.0], np.cumsum(intervals)])
    end = times[-1]
    inside = times[(times > end - physiology.WINDOW_SECONDS)]
    first = np.searchsorted(times, inside[0]) - 1  # the beat before the window opens the first interval
    peer = nk.hrv_time((times[first:] * 1000).round().astype(int), sampling_rate=1000)
    _, rmssd, sdnn = physiology.cardiac(times, np.array([end]))[0]
    assert np.exp(rmssd) - 1 == pytest.approx(float(peer["HRV_RMSSD"].iloc[0]), rel=0.02)
    assert np.exp(sdnn) - 1 == pytest.approx(float(peer["HRV_SDNN"].iloc[0]), rel=0.03)  # theirs divides by n - 1


def test_an_extra_beat_is_not_a_heart_rate() -> None:
    times = np.arange(0, 41, 0.8)
    extra = np.sort(np.append(times, 30.3))
    assert physiology.cardiac(extra, ENDS)[0, 0] == pytest.approx(75.0, abs=0.5)


@pytest.mark.parametrize("kind", ["ecg", "pleth"])
def test_simulated_hearts_are_counted(kind: str) -> None:
    if kind == "ecg":
        signal = nk.ecg_simulate(duration=40, sampling_rate=200, heart_rate=80, method="simple", random_state=1)
    else:
        signal = nk.ppg_simulate(duration=40, sampling_rate=200, heart_rate=80, random_state=1)
    times = physiology.beats(signal, 200.0, kind)
    assert physiology.cardiac(times, ENDS)[:, 0] == pytest.approx(80.0, abs=3.0)


@pytest.mark.parametrize("rate", [4, 25, 64, 700])
def test_eda_of_any_rate(rate: int) -> None:
    seconds = np.arange(40 * rate) / rate
    signal = 5.0 + 0.002 * seconds
    for onset in (12.0, 22.0, 32.0):  # three responses of half a microsiemens
        after = np.maximum(seconds - onset, 0.0)
        signal = signal + 0.5 * (np.exp(-after / 3.0) - np.exp(-after / 0.7)) / 0.55
    tonic, phasic, responses = physiology.electrodermal(signal, float(rate), np.array([40.0]))[0]
    assert np.expm1(tonic) == pytest.approx(5.15, abs=0.25)
    assert phasic > 0
    assert responses == pytest.approx(6.0)  # three in half a minute


@pytest.mark.parametrize(
    ("signal", "rate", "says"),
    [
        (np.zeros(8000), 200.0, "flat"),
        (np.full(8000, np.nan), 200.0, "NaN"),
        (np.random.default_rng(0).normal(size=2000), 200.0, "10.0 s.*30 s"),
        (np.random.default_rng(0).normal(size=8000), 10.0, "too low"),
        (np.random.default_rng(0).normal(size=(8000, 2)), 200.0, "one channel"),
    ],
)
def test_unusable_hearts_are_refused_in_words(signal: np.ndarray, rate: float, says: str) -> None:
    with pytest.raises(SignalError, match=says):
        physiology.beats(signal, rate, "ecg", "trace.csv")


def test_flat_eda_is_refused_in_words() -> None:
    with pytest.raises(SignalError, match="flat"):
        physiology.electrodermal(np.full(1000, 2.0), 25.0, ENDS)


def test_a_sensor_that_was_off_is_no_heart_of_300_beats() -> None:
    times = np.concatenate([np.arange(0, 8, 0.8), np.arange(60, 64, 0.8)])
    with pytest.raises(SignalError, match=r"turn 3: \d+ regular heart beats in a window of 30 s.*; check the sensor"):
        physiology.cardiac(times, np.array([64.0]), "turn 3")
