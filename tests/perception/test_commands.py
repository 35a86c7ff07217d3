import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rlgen.experiments.cli import main
from rlgen.perception.bank import SignalBank
from rlgen.perception.recognizer import EmotionRecognizer
from rlgen.perception.table import EstimateTable

DATA = Path(os.environ.get("RLGEN_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "ravdess_av"
needs_ravdess = pytest.mark.skipif(
    not (DATA / "flac16k").is_dir(), reason="RAVDESS is not here; set RLGEN_DATA to the folder that holds ravdess_av"
)


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


def test_bench_prints_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "recognizer", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["speech+face, accuracy"]["value"] > rows["speech+face, accuracy"]["baseline"]
    assert rows["guessing at random, accuracy"]["value"] == pytest.approx(1 / 6)


def test_bank_build_refuses_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bank"
    assert main(["bank", "build", "--dataset", "ravdess", "--path", str(tmp_path), "--out", str(out)]) == 2
    assert "flac16k" in capsys.readouterr().err
    assert not out.exists()
    assert main(["bank", "build", "--dataset", "ravdess", "--out", str(out)]) == 2
    assert "--path" in capsys.readouterr().err


@needs_ravdess
def test_real_recordings_from_files_to_held_out_estimates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bank_folder, recognizer_folder = str(tmp_path / "bank"), str(tmp_path / "recognizer")
    limits = ["--actors", "4", "--clips", "6"]
    assert main(["bank", "build", "--dataset", "ravdess", "--path", str(DATA), "--out", bank_folder, *limits]) == 0
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
    assert bank.waveform(0, DATA).ndim == 1
