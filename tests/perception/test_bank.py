import numpy as np
import pytest

from rlgen.errors import ArtifactError, DataError, SignalError
from rlgen.perception import bank as banks
from rlgen.perception.bank import SignalBank
from rlgen.perception.features import check_signals
from rlgen.types import SegmentCatalogue, Signals

LABELS = ("actor", "category", "intensity", "valence", "arousal")


def small(**changes: object) -> SignalBank:
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, size=(6, 2)).astype(np.float32)  # columns of it are strided views
    values = {
        "signals": Signals(
            rng.normal(size=(6, 16, 32)).astype(np.float32),
            rng.normal(size=(6, 16, 17)).astype(np.float32),
            rng.normal(size=(6, 16, 6)).astype(np.float32),
            np.array([[True, True, False]] * 6),
        ),
        "catalogue": SegmentCatalogue(
            np.arange(6), np.arange(6), np.linspace(0, 1, 6).astype(np.float32), labels[:, 0], labels[:, 1]
        ),
        "kind": "ravdess",
        "cohort": "ravdess",
        "description": "Real: a few numbers.",
        "clips": [f"clip{i}.flac" for i in range(6)],
        "settings": {},
    }
    return SignalBank(**(values | changes))  # type: ignore[arg-type]


def test_a_bank_survives_the_round_trip(tmp_path) -> None:
    bank = small()
    bank.write(tmp_path / "bank", "rlgen bank build")
    again = SignalBank.load(tmp_path / "bank")
    for name in LABELS:
        np.testing.assert_array_equal(getattr(again.catalogue, name), getattr(bank.catalogue, name))
    for name in ("speech", "face", "physiology"):
        np.testing.assert_array_equal(getattr(again.signals, name), getattr(banks.stored(bank.signals), name))
    assert again.sha256 == bank.sha256
    assert (again.kind, again.cohort, again.clips) == (bank.kind, bank.cohort, bank.clips)
    first = (tmp_path / "bank" / "signals.safetensors").read_bytes()
    again.write(tmp_path / "bank", "rlgen bank build")
    assert (tmp_path / "bank" / "signals.safetensors").read_bytes() == first


def test_a_damaged_bank_is_refused_in_words(tmp_path) -> None:
    small().write(tmp_path / "bank", "rlgen bank build --dataset ravdess")
    (tmp_path / "bank" / "clips.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"clips\.json: damaged.*rlgen bank build"):
        SignalBank.load(tmp_path / "bank")


def test_nan_in_a_bank_is_refused_in_words(tmp_path) -> None:
    bank = small()
    bank.signals.speech[2, 3, 4] = np.nan
    bank.write(tmp_path / "bank", "rlgen bank build")
    with pytest.raises(SignalError, match="speech of row 2"):
        SignalBank.load(tmp_path / "bank")


def test_recordings_need_their_folder() -> None:
    with pytest.raises(DataError, match=r"clip3\.flac\); load it with `recordings`"):
        small().waveform(3)


def test_absent_modalities_may_hold_anything() -> None:
    bank = small()
    bank.signals.physiology[:] = np.nan
    check_signals(bank.signals)
    bank.signals.present[4, 2] = True
    with pytest.raises(SignalError, match="physiology of row 4 is NaN"):
        check_signals(bank.signals)
