"""Files of action units as trackers write them: lost frames, several faces, timestamps of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlgen.errors import SignalError
from rlgen.perception import face
from rlgen.perception.face import ACTION_UNITS
from rlgen.perception.features import Recording, extract

Row = list[float | str]
HEAD = ["frame", "face_id", "timestamp", "confidence", "success", *(f"{unit}_r" for unit in ACTION_UNITS)]
SMILE = 5 + ACTION_UNITS.index("AU12")


def rows(seconds: float = 4.0, rate: float = 25.0, face_id: int = 0, smile: float = 0.0, seed: int = 0) -> list[Row]:
    """A face that speaks; AU12 says how far in the recording a frame stands, so that a shift is seen."""
    count = round(seconds * rate)
    t = np.arange(count) / rate
    units = 0.1 * np.random.default_rng(seed).random((count, 17))
    units[:, face.LIPS_PART] = units[:, face.JAW_DROP] = 1.2 + np.sin(2 * np.pi * 3 * t)
    units[:, SMILE - 5] = smile + t / 4
    return [[i + 1, face_id, round(t[i], 3), 0.98, 1, *np.round(units[i], 4)] for i in range(count)]


def write(path: Path, table: list[Row], head: list[str] = HEAD, ends: str = "\r\n", start: str = "") -> Path:
    lines = [", ".join(head), *(", ".join(map(str, row)) for row in table)]
    path.write_bytes((start + ends.join(lines) + ends).encode())
    return path


def refused(path: Path, **more: int) -> str:
    with pytest.raises(SignalError) as caught:
        face.read_openface(path, **more)
    told = str(caught.value)
    assert str(path) in told
    assert "\n" not in told
    assert ";" in told
    return told


LOST: dict[str, Callable[[Row], Row | None]] = {
    "success 0, zeros": lambda row: [*row[:3], 0.02, 0, *["0"] * 17],
    "success 0, blanks": lambda row: [*row[:3], 0.02, 0, *[""] * 17],
    "success 0, values of before": lambda row: [*row[:4], 0, *["4.5"] * 17],
    "low confidence": lambda row: [*row[:3], 0.3, 1, *["4.5"] * 17],
    "no confidence": lambda row: [*row[:3], "nan", 1, *["4.5"] * 17],
    "nan": lambda row: [*row[:5], *["nan"] * 17],
    "nan on Windows": lambda row: [*row[:5], *["-nan(ind)"] * 17],
    "infinite": lambda row: [*row[:5], *["inf"] * 17],
    "no row": lambda row: None,
}


@pytest.mark.parametrize("rate", [15.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0])
@pytest.mark.parametrize("how", LOST)
def test_frames_that_follow_a_gap_stay_in_their_place(tmp_path: Path, how: str, rate: float) -> None:
    whole = rows(rate=rate)
    gaps = {*range(3), *range(20, 31), 40, len(whole) - 1}
    told = [LOST[how](row) if i in gaps else row for i, row in enumerate(whole)]
    units, found = face.read_openface(write(tmp_path / "a.csv", [row for row in told if row is not None]))
    assert found == pytest.approx(rate, rel=1e-3)
    stays = np.array([i for i in range(len(whole)) if i not in gaps])
    np.testing.assert_allclose(units[stays, SMILE - 5], [whole[i][SMILE] for i in stays], atol=1e-6)
    lost = [i for i in sorted(gaps) if i < len(units)]
    assert np.isnan(units[lost]).all()
    filled, tracked = face.filled(units)
    inner = np.arange(3, len(whole) - 1)
    np.testing.assert_allclose(filled[inner, SMILE - 5], inner / rate / 4, atol=2e-3)
    assert tracked.sum() == len(stays)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbered=st.booleans(),
    lost=st.sets(st.integers(0, 59), max_size=20),
    rate=st.sampled_from([15.0, 25.0, 29.97, 30.0, 60.0]),
    order=st.randoms(),
)
def test_any_subset_of_frames_in_any_order_stands_where_it_was(
    tmp_path: Path, numbered: bool, lost: set[int], rate: float, order: object
) -> None:
    whole = rows(60 / rate, rate)
    index = [i for i in range(60) if i not in lost]
    table = [whole[i] for i in index]
    order.shuffle(table)  # type: ignore[attr-defined]
    first = 0 if numbered else 1
    path = write(tmp_path / "a.csv", [row[first:] for row in table], HEAD[first:])
    units, found = face.read_openface(path)
    assert found == pytest.approx(rate, rel=0.01)
    np.testing.assert_allclose(units[index, SMILE - 5], [whole[i][SMILE] for i in index], atol=1e-6)
    assert np.isnan(units[np.setdiff1d(np.arange(len(units)), index)]).all()


def test_a_gap_outside_the_turn_does_not_change_the_estimate(tmp_path: Path) -> None:
    t = np.arange(24_000) / 16_000
    speech = 0.2 * np.sin(2 * np.pi * 140 * t + 3 * np.sin(2 * np.pi * 3 * t)) * (1 + 0.5 * np.sin(2 * np.pi * 4 * t))
    noise = 1e-5 * np.random.default_rng(0).standard_normal(80_000)
    wave = (np.concatenate([np.zeros(32_000), speech, np.zeros(24_000)]) + noise).astype(np.float32)
    whole = rows(5.0)

    def signals(name: str, lost: range) -> np.ndarray:
        for how in LOST.values():
            table = [how(row) if i in lost else row for i, row in enumerate(whole)]
            path = write(tmp_path / name, [row for row in table if row is not None])
            yield extract(Recording(wave, *face.read_openface(path))).face

    (plain,) = {found.tobytes() for found in signals("whole.csv", range(0))}
    for lost in (range(0, 45), range(5, 40), range(95, 125), range(100, 110)):
        for found in signals("lost.csv", lost):
            assert found.tobytes() == plain
    for found in signals("inside.csv", range(60, 66)):  # a short gap within is a straight line
        np.testing.assert_allclose(found, np.frombuffer(plain, np.float32).reshape(found.shape), atol=0.7)


def test_a_turn_without_a_face_is_refused(tmp_path: Path) -> None:
    t = np.arange(48_000) / 16_000
    wave = (0.2 * np.sin(2 * np.pi * 140 * t) * (1 + 0.5 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)
    whole = rows(3.0)
    for lost in (range(10, 60), range(0, 45), range(30, 75)):
        table = [row for i, row in enumerate(whole) if i not in lost]
        with pytest.raises(SignalError, match=r"tracked in \d+% of the turn.*; film"):
            extract(Recording(wave, *face.read_openface(write(tmp_path / "a.csv", table))))
    assert extract(Recording(wave, *face.read_openface(write(tmp_path / "a.csv", whole[:50])))).present[0, 1]


def test_two_faces_are_told_apart_or_refused(tmp_path: Path) -> None:
    one, two = rows(), rows(face_id=1, smile=3.0, seed=1)

    def smile(table: list[Row], **more: int) -> float:
        return float(np.nanmean(face.read_openface(write(tmp_path / "a.csv", table), **more)[0][:, SMILE - 5]))

    alone = smile(one)
    passing = [x for i, row in enumerate(one) for x in ([row, two[i]] if i % 3 == 0 else [row])]
    assert smile(passing) == alone
    assert smile(one + two[:20]) == alone
    assert smile([LOST["low confidence"](row) for row in two] + one) == alone  # type: ignore[list-item]
    for table in (one + two, [x for pair in zip(one, two, strict=True) for x in pair], one[:50] + two[50:]):
        path = write(tmp_path / "b.csv", table)
        assert "holds 2 faces (face_id 0 in" in refused(path)
        assert smile(table, face_id=0) < 1.0 < 2.0 < smile(table, face_id=1)
        assert "no tracked face 7; there are 0, 1" in refused(path, face_id=7)
    crowd = [row for number in range(9) for row in rows(face_id=number)]
    assert "holds 9 faces" in refused(write(tmp_path / "b.csv", crowd))


def test_timestamps_that_are_none_are_told(tmp_path: Path) -> None:
    whole = rows()
    path = tmp_path / "a.csv"

    def stamped(stamps: list[object]) -> list[Row]:
        return [[*row[:2], stamp, *row[3:]] for row, stamp in zip(whole, stamps, strict=False)]  # type: ignore[list-item]

    count = len(whole)
    assert "lacks a value" in refused(write(path, stamped([0.0, "", *range(2, count)])))
    assert "timestamp nan" in refused(write(path, stamped([0.0, "nan", *range(2, count)])))
    assert "timestamp -1" in refused(write(path, stamped([-1.0, *range(1, count)])))
    assert "two frames of one face at 0 s" in refused(write(path, stamped([0.0] * count)))
    assert "two frames of one face at 0.04 s" in refused(write(path, [*whole, whole[1]]))
    assert "must be in seconds" in refused(write(path, stamped([40.0 * i for i in range(count)])))
    assert "must be in seconds" in refused(write(path, stamped([4e-5 * i for i in range(count)])))
    assert "no frame in its first 120 s" in refused(write(path, stamped([600 + i / 25 for i in range(count)])))
    without = [name for name in HEAD if name != "timestamp"]
    assert "timestamp" in refused(write(path, [[*row[:2], *row[3:]] for row in whole], without))
    assert "fewer than two frames" in refused(write(path, [LOST["nan"](row) for row in whole]))  # type: ignore[list-item]
    assert "no frame" in refused(write(path, []))


def test_a_session_is_read_up_to_the_longest_turn(tmp_path: Path) -> None:
    units, rate = face.read_openface(write(tmp_path / "a.csv", rows(200.0, 10.0)))
    assert rate == 10.0
    assert len(units) == 1201


def test_the_layouts_of_other_versions_are_read(tmp_path: Path) -> None:
    plain = face.read_openface(write(tmp_path / "a.csv", rows()))[0]
    for head, start, ends in ((HEAD, "\ufeff", "\r\n"), ([f" {name}" for name in HEAD], "", "\n")):
        found, _ = face.read_openface(write(tmp_path / "b.csv", rows(), head, ends, start))
        np.testing.assert_array_equal(found, plain)
    few = [*HEAD[2:3], *HEAD[5:]]
    table = [[row[2], *row[5:]] for row in rows()]
    np.testing.assert_array_equal(face.read_openface(write(tmp_path / "b.csv", table, few))[0], plain)


def test_rows_of_nan_are_frames_without_a_face() -> None:
    units = np.ones((50, 17))
    units[10:20] = np.nan
    signals = extract(Recording(action_units=units))
    np.testing.assert_allclose(signals.face, 1 / 1.5, rtol=1e-6)
    units[30, 3] = np.nan
    with pytest.raises(SignalError, match="make the whole row"):
        extract(Recording(action_units=units))
    with pytest.raises(SignalError, match="make the whole row"):
        extract(Recording(action_units=np.full((50, 17), np.nan)))
