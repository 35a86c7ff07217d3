import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rlgen.perception import face, speech, timeline


def clip(lag: float = 0.0, seconds: float = 3.0, rate: float = 25.0) -> tuple[np.ndarray, np.ndarray]:
    """Speech with five loud moments, and a mouth that opens at them `lag` seconds later."""
    moments = np.linspace(0.4, seconds - 0.5, 5)

    def bumps(times: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * ((times[:, None] - moments) / 0.08) ** 2).sum(axis=1)

    spoken = np.zeros((int(seconds * speech.FRAME_RATE), speech.DIM), np.float32)
    spoken[:, speech.ENERGY] = -50 + 40 * bumps(np.arange(len(spoken)) / speech.FRAME_RATE)
    units = np.zeros((int(seconds * rate), face.DIM), np.float32)
    units[:, face.JAW_DROP] = 3 * bumps(np.arange(len(units)) / rate - lag)
    return spoken, units


def test_pool_of_a_ramp_is_the_middle_of_each_piece() -> None:
    ramp = np.arange(32, dtype=np.float32)[:, None]
    mean, sd = timeline.pool(ramp, timeline.uniform(32, 8))
    np.testing.assert_allclose(mean[:, 0], np.arange(8) * 4 + 1.5)
    np.testing.assert_allclose(sd, np.sqrt(1.25), rtol=1e-6)  # of 0, 1, 2, 3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 2**31))
def test_pool_stays_within_what_it_pools(length: int, frames: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(length, 3)).astype(np.float32)
    mean, sd = timeline.pool(values, timeline.uniform(length, frames))
    assert mean.shape == sd.shape == (frames, 3)
    assert (mean <= values.max(axis=0) + 1e-5).all()
    assert (mean >= values.min(axis=0) - 1e-5).all()
    assert (sd >= 0).all()


def test_a_still_mouth_gives_equal_pieces() -> None:
    spoken, units = clip()
    units[:] = 1.0
    spoken_edges, unit_edges = timeline.align(spoken, units, 25.0)
    np.testing.assert_array_equal(spoken_edges, timeline.uniform(len(spoken)))
    np.testing.assert_array_equal(unit_edges, timeline.uniform(len(units)))


def test_edges_never_fall_and_cover_the_clip() -> None:
    spoken, units = clip(lag=0.2)
    for edges, length in zip(timeline.align(spoken, units, 25.0), (len(spoken), len(units)), strict=True):
        assert edges[0] == 0
        assert edges[-1] == length
        assert (np.diff(edges) >= 0).all()


def test_warping_brings_a_lagging_mouth_to_the_voice() -> None:
    def agreement(lag: float, warped: bool) -> float:
        spoken, units = clip(lag)
        frames = 32
        edges = (
            timeline.align(spoken, units, 25.0, frames)
            if warped
            else (timeline.uniform(len(spoken), frames), timeline.uniform(len(units), frames))
        )
        voice = timeline.pool(spoken, edges[0])[0][:, speech.ENERGY]
        mouth = timeline.pool(units, edges[1])[0][:, face.JAW_DROP]
        return float(np.corrcoef(voice, mouth)[0, 1])

    assert agreement(0.2, warped=False) < 0.3
    assert agreement(0.2, warped=True) > 0.9


def test_path_is_within_the_band() -> None:
    spoken, units = clip(lag=0.3)
    spoken_edges, unit_edges = timeline.align(spoken, units, 25.0)
    apart = np.abs(spoken_edges / speech.FRAME_RATE - unit_edges / 25.0)
    assert apart.max() <= timeline.BAND_SECONDS + 2 / timeline.PATH_RATE
