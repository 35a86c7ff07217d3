from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from rlgen.errors import DataError
from rlgen.perception import evaluation, training
from rlgen.perception.bank import SignalBank
from rlgen.perception.recognizer import EmotionRecognizer, forward
from rlgen.types import Signals

CLIPS = 68  # of each actor in the shipped bank


@pytest.fixture(scope="module")
def bank(cut: Callable[[np.ndarray], SignalBank]) -> SignalBank:
    """Every second clip of six actors."""
    return cut(np.arange(0, 6 * CLIPS, 2))


@pytest.fixture(scope="module")
def fitted(bank: SignalBank) -> training.Fitted:
    return training.fit(bank, training.Training(folds=3, epochs=2, seed=4))


def test_same_seed_same_weights(bank: SignalBank, fitted: training.Fitted) -> None:
    again = training.fit(bank, training.Training(folds=3, epochs=2, seed=4))
    assert again.recognizer().weights_sha256() == fitted.recognizer().weights_sha256()
    other = training.fit(bank, training.Training(folds=3, epochs=2, seed=5))
    assert other.recognizer().weights_sha256() != fitted.recognizer().weights_sha256()


def test_each_actor_is_left_out_once(fitted: training.Fitted) -> None:
    held = fitted.settings["held_out"]
    assert sorted(actor for fold in held for actor in fold) == list(range(6))
    assert all(held)


@pytest.mark.parametrize(("people", "folds"), [(24, 5), (24, 24), (5, 5), (7, 3), (2, 2), (9, 4)])
def test_folds_share_out_all_actors(people: int, folds: int) -> None:
    held = training.actor_folds(np.repeat(np.arange(1, people + 1), 3), folds)
    assert sorted(actor for fold in held for actor in fold) == list(range(1, people + 1))
    assert all(held)
    if people >= 4 * folds:  # odd numbers are men and even ones women in RAVDESS
        assert all({actor % 2 for actor in fold} == {0, 1} for fold in held)


def test_a_model_does_not_depend_on_the_actors_it_leaves_out(bank: SignalBank, fitted: training.Fitted) -> None:
    """The strongest form of the law: what they show and what they are labelled changes not a bit of their model."""
    out = np.isin(bank.catalogue.actor, fitted.settings["held_out"][0])
    signals = Signals(
        bank.signals.speech.copy(), bank.signals.face.copy(), bank.signals.physiology.copy(), bank.signals.present
    )
    signals.speech[out] = 0.0
    category = np.where(out, 0, bank.catalogue.category)
    labels = type(bank.catalogue)(
        bank.catalogue.actor, category, bank.catalogue.intensity, bank.catalogue.valence, bank.catalogue.arousal
    )
    changed = SignalBank(signals, labels, "synthetic", "few", "", bank.clips, {})
    again = training.fit(changed, training.Training(folds=3, epochs=2, seed=4)).weights
    for name, value in fitted.weights.items():
        if name.startswith("0."):
            np.testing.assert_array_equal(again[name], value)
    assert any(not np.array_equal(again[n], v) for n, v in fitted.weights.items() if n.startswith("1."))


def test_held_out_estimates_come_from_the_fold_that_left_the_actor_out(
    bank: SignalBank, fitted: training.Fitted
) -> None:
    whole = fitted.recognizer()
    alone = {"0." + name.removeprefix("2."): value for name, value in fitted.weights.items() if name.startswith("2.")}
    alone |= {name: fitted.weights[name][[2]] for name in ("rotation", "temperature", "sd_scale")}
    settings = fitted.settings | {"folds": 1, "held_out": [fitted.settings["held_out"][2]]}
    third = EmotionRecognizer(alone, settings)
    rows = np.flatnonzero(np.isin(bank.catalogue.actor, fitted.settings["held_out"][2]))
    held = whole.estimate_held_out(bank.signals.rows(rows), "few", bank.catalogue.actor[rows])
    np.testing.assert_array_equal(held.affect, third.estimate(bank.signals.rows(rows)).affect)
    stranger = whole.estimate_held_out(bank.signals.rows(rows), "others", bank.catalogue.actor[rows])
    np.testing.assert_array_equal(stranger.affect, whole.estimate(bank.signals.rows(rows)).affect)
    assert not np.array_equal(stranger.affect, held.affect)


def test_held_out_estimates_do_not_depend_on_the_labels_of_those_they_are_about(
    bank: SignalBank, fitted: training.Fitted
) -> None:
    held = fitted.settings["held_out"][1]
    own = np.flatnonzero(np.isin(bank.catalogue.actor, held))
    shuffled = np.arange(len(bank))
    shuffled[own] = np.random.default_rng(0).permutation(own)
    labels = {n: getattr(bank.catalogue, n)[shuffled] for n in ("category", "intensity", "valence", "arousal")}
    catalogue = type(bank.catalogue)(actor=bank.catalogue.actor, **labels)
    changed = SignalBank(bank.signals, catalogue, "synthetic", "few", "", bank.clips, {})
    again = training.fit(changed, training.Training(folds=3, epochs=2, seed=4)).recognizer()
    others = np.flatnonzero(~np.isin(bank.catalogue.actor, held))
    for mask in [*product((False, True), repeat=3)][1:]:
        for rows, same in ((own, True), (others, False)):
            chosen = bank.signals.rows(rows)
            signals = Signals(chosen.speech, chosen.face, chosen.physiology, chosen.present & mask)
            before, after = (
                recognizer.estimate_held_out(signals, "few", bank.catalogue.actor[rows])
                for recognizer in (fitted.recognizer(), again)
            )
            for name in ("vector", "affect", "uncertainty"):
                assert np.array_equal(getattr(before, name), getattr(after, name)) == same


def test_folds_share_one_space(bank: SignalBank, fitted: training.Fitted) -> None:
    rotation = fitted.weights["rotation"]
    for turn in rotation:
        np.testing.assert_allclose(turn @ turn.T, np.eye(len(turn)), atol=1e-4)
    one, two, three = (forward(model, bank.signals).vector.numpy() for model in fitted.recognizer()._models)

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))

    for i, a, j, b in ((0, one, 1, two), (0, one, 2, three), (1, two, 2, three)):
        assert alike(a @ rotation[i], b @ rotation[j]) > max(alike(a, b) + 0.3, 0.55)


def test_one_model_is_not_turned(bank: SignalBank) -> None:
    rotation = training.fit(bank, training.Training(folds=1, epochs=1)).weights["rotation"]
    np.testing.assert_array_equal(rotation, np.eye(rotation.shape[1], dtype=np.float32)[None])


def test_temperature_is_recovered() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 6)) * 2
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    category = (rng.uniform(size=(4000, 1)) > probability.cumsum(axis=1)).sum(axis=1)
    assert training._temperature((logits * 2.0).astype(np.float32), category) == pytest.approx(2.0, rel=0.08)


def test_too_few_actors_are_refused_in_words(bank: SignalBank, cut: Callable[[np.ndarray], SignalBank]) -> None:
    with pytest.raises(DataError, match=r"6 actors.*lower --folds"):
        training.fit(bank, training.Training(folds=7, epochs=1))
    with pytest.raises(DataError, match="too few to learn from one and calibrate on another"):
        training.fit(cut(np.arange(3 * CLIPS)), training.Training(folds=2, epochs=1))


def test_metrics_on_known_cases() -> None:
    truth = np.array([-1.0, 0.0, 1.0])
    assert evaluation.concordance(truth, truth) == pytest.approx(1.0)
    assert evaluation.concordance(truth + 1.0, truth) == pytest.approx(2 * (2 / 3) / (4 / 3 + 1.0))
    assert evaluation.concordance(np.zeros(3), truth) == 0.0
    probability = np.eye(6, dtype=np.float32)[[0, 0, 0, 1]]
    category = np.array([0, 0, 1, 1])
    assert evaluation.accuracy(probability, category) == 0.75
    assert evaluation.recall(probability, category) == 0.75
    assert evaluation.calibration_error(probability, category, bins=1) == pytest.approx(0.25)
    skewed = np.array([0, 0, 0, 1])
    assert evaluation.recall(np.eye(6, dtype=np.float32)[[0, 0, 0, 0]], skewed) == 0.5
