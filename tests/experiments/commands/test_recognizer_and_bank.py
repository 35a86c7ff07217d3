"""`rlgen recognize`, and the commands that make a signal bank and a recognizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rlgen.experiments.cli import main
from rlgen.perception import bank
from rlgen.perception.bank import SignalBank
from rlgen.perception.face import ACTION_UNITS
from rlgen.perception.recognizer import EmotionRecognizer
from rlgen.perception.table import EstimateTable


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    bank = SignalBank.load("shipped:signal_bank")
    path = tmp_path / "clip.flac"
    soundfile.write(path, bank.waveform(60), 16_000)
    return path


def test_recognize_prints_affect_and_draws(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = clip.with_suffix(".png")
    assert main(["recognize", str(clip), "--plot", str(picture)]) == 0
    out = capsys.readouterr().out
    for word in ("neutral", "surprise", "valence", "arousal", "±", "computed voices", "no diagnosis"):
        assert word in out
    shares = [float(line.split()[1]) for line in out.splitlines() if line.startswith("  ") and "█" in line]
    assert sum(shares) <= 1.05
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("fault", ["silent", "rate", "nan", "text", "absent"])
def test_recognize_names_fault_and_remedy(clip: Path, capsys: pytest.CaptureFixture[str], fault: str) -> None:
    bad = clip.with_name(f"{fault}.wav")
    wave = np.sin(np.arange(16_000) / 10)
    if fault == "silent":
        soundfile.write(bad, wave * 0, 16_000)
    elif fault == "rate":
        soundfile.write(bad, wave, 44_100)
    elif fault == "nan":
        soundfile.write(bad, wave * np.nan, 16_000, subtype="FLOAT")
    elif fault == "text":
        bad.write_text("this is not sound")
    assert main(["recognize", str(bad), "--plot", str(clip.with_suffix(".png"))]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(bad) in captured.err
    assert ";" in captured.err  # what is wrong; what to do
    assert not clip.with_suffix(".png").exists()


def test_recognize_refuses_a_face_cut_short(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = clip.with_name("cut.csv")
    header = ",".join(["timestamp", *(f"{unit}_r" for unit in ACTION_UNITS)])
    rows = [",".join([str(i / 30), *["0.5"] * len(ACTION_UNITS)]) for i in range(9)]
    cut.write_text("\n".join([header, *rows, "0.3,0.5,0."]))
    assert main(["recognize", str(clip), "--face", str(cut)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"{cut}: frame 10" in captured.err


@pytest.mark.parametrize("held", ["data", "file", "nowhere"])
def test_bank_build_keeps_what_is_no_bank(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("the place is looked at first")

    monkeypatch.setattr(bank, "synthesise", work)
    out = Path("/proc/x/b") if held == "nowhere" else tmp_path / "precious"
    if held == "data":
        out.mkdir()
        (out / "data.txt").write_text("x")
    elif held == "file":
        out.write_text("x")
    assert main(["bank", "build", "--actors", "1", "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(out) in told
    if held != "nowhere":
        assert (out / "data.txt" if held == "data" else out).read_text() == "x"


def test_bank_build_never_replaces_the_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = tmp_path / "flac16k"
    clips.mkdir()
    (clips / "03-01-01-01-01-01-01.flac").write_bytes(b"sound")
    assert main(["bank", "build", "--dataset", "ravdess", "--path", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "no artifact" in capsys.readouterr().err
    assert [path.name for path in clips.iterdir()] == ["03-01-01-01-01-01-01.flac"]


def test_bank_build_refuses_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bank"
    assert main(["bank", "build", "--dataset", "ravdess", "--path", str(tmp_path), "--out", str(out)]) == 2
    assert "flac16k" in capsys.readouterr().err
    assert not out.exists()
    assert main(["bank", "build", "--dataset", "ravdess", "--out", str(out)]) == 2
    assert "--path" in capsys.readouterr().err


def test_real_recordings_from_files_to_held_out_estimates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data_set: Callable[[str], Path]
) -> None:
    data = data_set("ravdess_av/flac16k").parent
    bank_folder, recognizer_folder = str(tmp_path / "bank"), str(tmp_path / "recognizer")
    limits = ["--actors", "4", "--clips", "6"]
    assert main(["bank", "build", "--dataset", "ravdess", "--path", str(data), "--out", bank_folder, *limits]) == 0
    fit = ["fit", "recognizer", "--bank", bank_folder, "--out", recognizer_folder, "--folds", "2", "--epochs", "2"]
    assert main(fit) == 0
    assert "Real" in capsys.readouterr().out
    bank, recognizer = SignalBank.load(bank_folder), EmotionRecognizer.load(recognizer_folder)
    assert len(bank) == 24
    assert bank.kind == recognizer.cohort == "ravdess"
    assert bank.signals.present.tolist() == [[True, True, False]] * 24
    assert (np.ptp(bank.signals.face, axis=1) == 0).all()  # clip averages, broadcast
    assert len(np.unique(bank.catalogue.actor)) == 4
    assert 7 not in {int(clip.split("-")[2]) for clip in bank.clips}  # disgust is not in the shared space
    table = EstimateTable.build(recognizer, bank)
    estimate = table.look_up(np.arange(24), np.ones((24, 3), dtype=bool))
    assert estimate.present.tolist() == bank.signals.present.tolist()
    held_out = recognizer.estimate_held_out(bank.signals, "ravdess", bank.catalogue.actor)
    np.testing.assert_array_equal(estimate.affect, held_out.affect)
    manifest = json.loads((Path(recognizer_folder) / "manifest.json").read_text())
    assert "CC BY-NC-SA" in manifest["data"][0]
    assert SignalBank.load(bank_folder, data).waveform(0).ndim == 1
