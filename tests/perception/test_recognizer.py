import json
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from rlgen import artifacts
from rlgen.artifacts import shipped
from rlgen.errors import ArtifactError, DataError, PartError, SignalError
from rlgen.perception.bank import SignalBank
from rlgen.perception.recognizer import UNKNOWN_SD, EmotionRecognizer
from rlgen.perception.table import EstimateTable, project
from rlgen.types import Estimate, Signals


@pytest.fixture(scope="module")
def bank() -> SignalBank:
    return SignalBank.load("shipped:signal_bank")


@pytest.fixture(scope="module")
def recognizer() -> EmotionRecognizer:
    return EmotionRecognizer.load("shipped:recognizer")


def some(bank: SignalBank, rows: np.ndarray, present: np.ndarray | None = None) -> Signals:
    chosen = bank.signals.rows(rows)
    mask = chosen.present.copy() if present is None else present
    return Signals(chosen.speech.copy(), chosen.face.copy(), chosen.physiology.copy(), mask)


def same(a: Estimate, b: Estimate) -> None:
    for name in ("vector", "affect", "uncertainty", "present"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


SUBSETS = np.array([[n >> i & 1 for i in range(3)] for n in range(8)], dtype=bool)


def test_estimates_lie_in_the_shared_space(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    rows = np.arange(0, len(bank), 51)
    estimate = recognizer.estimate(some(bank, rows, SUBSETS[np.arange(len(rows)) % 8]))
    np.testing.assert_allclose(estimate.affect[:, :6].sum(axis=1), 1.0, rtol=1e-5)
    assert (estimate.affect[:, :6] >= 0).all()
    assert (np.abs(estimate.affect[:, 6:]) <= 1).all()
    assert ((estimate.uncertainty >= 0) & (estimate.uncertainty <= 1)).all()
    assert estimate.vector.shape == (len(rows), recognizer.vector_dim)
    assert estimate.vector.dtype == estimate.affect.dtype == np.float32


def test_a_row_does_not_depend_on_its_neighbours(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    rows = np.arange(0, len(bank), 17)
    present = SUBSETS[np.arange(len(rows)) % 8]
    together = recognizer.estimate(some(bank, rows, present))
    for i in (0, 3, 70, len(rows) - 1):
        same(recognizer.estimate(some(bank, rows[[i]], present[[i]])), together.rows(np.array([i])))
    order = np.random.default_rng(0).permutation(len(rows))
    same(recognizer.estimate(some(bank, rows[order], present[order])), together.rows(order))


def test_what_is_absent_does_not_matter(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    rows = np.arange(8) * 100
    clean = recognizer.estimate(some(bank, rows, SUBSETS))
    dirty = some(bank, rows, SUBSETS)
    for column, name in enumerate(("speech", "face", "physiology")):
        getattr(dirty, name)[~SUBSETS[:, column]] = np.nan
    same(recognizer.estimate(dirty), clean)


def test_nothing_present_is_said_to_be_unknown(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    blind = recognizer.estimate(some(bank, np.array([5, 6]), np.zeros((2, 3), dtype=bool)))
    np.testing.assert_allclose(blind.affect[:, :6], 1 / 6, rtol=1e-6)
    assert (blind.affect[:, 6:] == 0).all()
    assert (blind.vector == 0).all()
    np.testing.assert_allclose(blind.uncertainty, [[1.0, UNKNOWN_SD, UNKNOWN_SD]] * 2, rtol=1e-6)


def test_nan_is_refused_in_words(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    bad = some(bank, np.array([1, 2, 3]))
    bad.face[1, 4, 2] = np.nan
    with pytest.raises(SignalError, match="face of row 1"):
        recognizer.estimate(bad)
    with pytest.raises(SignalError, match="speech has shape"):
        recognizer.estimate(Signals(bad.speech[..., :3], bad.face, bad.physiology, bad.present))


def test_calls_are_counted_and_weights_stay(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    calls, weights = recognizer.calls, recognizer.weights_sha256()
    recognizer.estimate(some(bank, np.arange(300)))
    assert recognizer.calls == calls + 1
    assert recognizer.weights_sha256() == weights == EmotionRecognizer.load("shipped:recognizer").weights_sha256()


def test_the_hash_is_of_every_weight_in_memory() -> None:
    recognizer = EmotionRecognizer.load("shipped:recognizer")
    stored = load_file(artifacts.shipped("recognizer") / "weights.safetensors")
    assert recognizer.weights_sha256() == artifacts.tensors_sha256(stored)
    held = [
        *recognizer._models[0].state_dict().values(),
        *map(torch.from_numpy, (recognizer._rotation, recognizer._temperature, recognizer._sd_scale)),
    ]
    for tensor in held:
        before = recognizer.weights_sha256()
        tensor.view(-1)[-1] += 1
        assert recognizer.weights_sha256() != before


def test_more_modalities_are_more_certain_and_better(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    table = EstimateTable.build(recognizer, bank)
    rows = np.arange(len(bank))
    right, entropy = {}, {}
    for number in range(1, 8):
        estimate = table.look_up(rows, np.broadcast_to(SUBSETS[number], (len(rows), 3)))
        right[number] = (estimate.affect[:, :6].argmax(axis=1) == bank.catalogue.category).mean()
        entropy[number] = estimate.uncertainty[:, 0].mean()
    assert right[3] > right[1] + 0.03
    assert right[3] > right[2] + 0.02
    assert right[4] > 1 / 6 + 0.03
    assert entropy[7] < entropy[1] < entropy[4]
    # Near people's rates on RAVDESS (voice .67, face .75, both .80).
    assert right[1] == pytest.approx(0.67, abs=0.08)
    assert right[2] == pytest.approx(0.75, abs=0.08)
    assert right[3] == pytest.approx(0.80, abs=0.07)


def test_shipped_recognizer_never_met_the_shipped_actors(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    assert recognizer.cohort.startswith("synthetic/")
    assert recognizer.cohort != bank.cohort
    folder = shipped("recognizer")
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 3_000_000


def test_people_of_the_training_are_not_rated(bank: SignalBank, recognizer: EmotionRecognizer) -> None:
    with pytest.raises(DataError, match="learned from actor 0"):
        recognizer.estimate_held_out(some(bank, np.arange(3)), recognizer.cohort, np.zeros(3, dtype=np.int64))


def test_table_holds_the_recognizer_s_answers(
    cut: Callable[[np.ndarray], SignalBank], recognizer: EmotionRecognizer, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    bank = cut(np.arange(120))
    table = EstimateTable.build(recognizer, bank)
    calls = recognizer.calls
    again = EstimateTable.build(recognizer, bank)
    assert recognizer.calls == calls  # found, not computed
    segment = np.array([3, 90, 3, 17, 5, 6, 7, 119])
    same(table.look_up(segment, SUBSETS), again.look_up(segment, SUBSETS))
    direct = recognizer.estimate(some(bank, segment, SUBSETS))
    looked = table.look_up(segment, SUBSETS)
    np.testing.assert_array_equal(looked.affect, direct.affect)
    np.testing.assert_array_equal(looked.vector, direct.vector)
    np.testing.assert_array_equal(looked.present, SUBSETS)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(b"damaged")
    same(EstimateTable.build(recognizer, bank).look_up(segment, SUBSETS), looked)


def test_a_recognizer_of_another_make_is_tabled_too(bank: SignalBank) -> None:
    class Mean:
        vector_dim = 3

        def weights_sha256(self) -> str:
            return "no weights"

        def estimate(self, signals: Signals) -> Estimate:
            assert signals.waveforms is None
            rows = len(signals.present)
            vector = np.stack([getattr(signals, n).mean(axis=(1, 2)) for n in ("speech", "face", "physiology")], axis=1)
            affect = np.tile(np.float32([1 / 6] * 6 + [0, 0]), (rows, 1))
            return Estimate(vector, affect, np.ones((rows, 3), np.float32), signals.present)

    table = EstimateTable.build(Mean(), bank)
    assert table.vector_dim == 3
    found = table.look_up(np.array([10]), np.array([[True, False, False]])).vector
    assert found[0, 0] == pytest.approx(bank.signals.speech[10].mean(), abs=1e-5)


class Loudness:
    """Reads raw sound: how loud it is, and how long."""

    vector_dim = 2
    modalities = ("speech",)
    reads_sound = True

    def __init__(self) -> None:
        self.rows = 0

    def weights_sha256(self) -> str:
        return "no weights"

    def estimate(self, signals: Signals) -> Estimate:
        rows = len(signals.present)
        self.rows += rows
        loud = [float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0 for sound in signals.waveforms]
        vector = np.array([loud, [len(sound) for sound in signals.waveforms]], dtype=np.float32).T
        affect = np.tile(np.float32([1 / 6] * 6 + [0, 0]), (rows, 1))
        return Estimate(vector, affect, np.ones((rows, 3), np.float32), signals.present)


def test_raw_sound_reaches_a_recognizer_that_asks_for_it(bank: SignalBank, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    few = bank.rows(np.arange(60, 140, 8))
    loudness = Loudness()
    table = EstimateTable.build(loudness, few)
    assert loudness.rows == 2 * len(few), "with speech and without: other signals make no difference to it"
    for speech in (True, False):
        mask = np.tile([speech, True, False], (len(few), 1))
        found = table.look_up(np.arange(len(few)), mask).vector
        for i in range(len(few)):
            sound = bank.waveform(60 + 8 * i) if speech else np.zeros(1)
            np.testing.assert_array_equal(sound if speech else [0.0], few.waveform(i) if speech else [0.0])
            assert found[i, 0] == pytest.approx(np.sqrt((sound**2).mean()), rel=1e-4)
            assert found[i, 1] == (len(sound) if speech else 0)
    again = Loudness()
    EstimateTable.build(again, few)
    assert again.rows == 0, "its table is kept"


def test_estimates_of_the_wrong_form_are_named(bank: SignalBank) -> None:
    class Wide(Loudness):
        vector_dim = 5

    class Lost(Loudness):
        def estimate(self, signals: Signals) -> Estimate:
            made = super().estimate(signals)
            made.affect[0, 3] = np.nan
            return made

    for wrong, says in (
        (Wide(), r"Wide: its vector is an array of float32 \[4, 2\]"),
        (Lost(), "Lost: its affect .* not finite"),
    ):
        with pytest.raises(PartError, match=says):
            EstimateTable.build(wrong, bank.rows(np.arange(4)))


def test_projection_keeps_what_fits_and_lengths_on_average() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 200)).astype(np.float32)
    assert project(vectors, 200) is vectors
    np.testing.assert_array_equal(project(vectors[:, :5], 32)[:, :5], vectors[:, :5])
    ratio = (project(vectors, 32) ** 2).sum(axis=1) / (vectors**2).sum(axis=1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)
    with pytest.raises(DataError, match="1 or more"):
        project(vectors, 0)


def test_damaged_artifacts_are_refused_in_words(tmp_path) -> None:
    copy = tmp_path / "recognizer"
    shutil.copytree(shipped("recognizer"), copy)
    weights = copy / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"weights\.safetensors: damaged.*rlgen fit recognizer"):
        EmotionRecognizer.load(copy)
    with pytest.raises(ArtifactError, match="no artifact here"):
        EmotionRecognizer.load(tmp_path / "absent")
    with pytest.raises(ArtifactError, match="signal_bank/1"):
        EmotionRecognizer.load("shipped:signal_bank")


def test_tensors_of_other_sizes_are_refused_in_words(tmp_path) -> None:
    found = artifacts.load("shipped:recognizer", "recognizer/1")
    settings = json.loads(json.dumps(found.manifest.settings))
    settings["sizes"]["vector"] = 16
    weights = {"weights.safetensors": found.file("weights.safetensors").read_bytes()}
    artifacts.write(tmp_path / "other", weights, found.manifest.model_copy(update={"settings": settings}))
    with pytest.raises(ArtifactError, match="do not fit"):
        EmotionRecognizer.load(tmp_path / "other")
