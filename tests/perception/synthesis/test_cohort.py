import numpy as np
import pytest

from rlgen.affect import CATEGORY_VALENCE_AROUSAL, NEUTRAL
from rlgen.perception import face, speech
from rlgen.perception.bank import SignalBank, stored
from rlgen.perception.features import extract
from rlgen.perception.synthesis import Cohort, prosody


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return Cohort(seed=3, actors=4)


def test_a_clip_is_a_function_of_its_seeds(cohort: Cohort) -> None:
    clip = cohort.performances()[30]
    np.testing.assert_array_equal(cohort.waveform(clip), Cohort(3, 9).waveform(clip))  # whatever the cohort's size
    np.testing.assert_array_equal(cohort.action_units(clip), cohort.action_units(clip))
    np.testing.assert_array_equal(cohort.physiology(clip)["heart"], cohort.physiology(clip)["heart"])
    other = Cohort(4, 4).waveform(clip)
    assert len(other) != len(cohort.waveform(clip)) or not np.array_equal(other, cohort.waveform(clip))


def test_catalogue_matches_what_is_performed(cohort: Cohort) -> None:
    labels, clips = cohort.catalogue(), cohort.performances()
    assert len(labels) == len(clips) == 4 * 68
    assert (labels.intensity[labels.category == NEUTRAL] == 0).all()
    for category in range(6):
        strong = (labels.category == category) & ((labels.intensity == 1) | (category == NEUTRAL))
        centre = CATEGORY_VALENCE_AROUSAL[category]
        assert np.abs(labels.valence[strong].mean() - centre[0]) < 0.1
        assert np.abs(labels.arousal[strong].mean() - centre[1]) < 0.1


def test_voices_follow_the_literature(cohort: Cohort) -> None:
    """Anger is louder than neutral, sadness quieter and slower, fear higher (Juslin and Laukka, 2003)."""
    level, pitch, seconds = {}, {}, {}
    for category in (0, 2, 3, 4):
        clips = [p for p in cohort.performances() if p.category == category and p.intensity in (0.0, 1.0)]
        features = [speech.frames(cohort.waveform(p))[0] for p in clips]
        level[category] = np.mean([f[:, speech.ENERGY].max() for f in features])
        pitch[category] = np.mean([np.median(f[:, speech.PITCH]) for f in features])
        seconds[category] = np.mean([len(f) for f in features])
    assert level[3] > level[0] + 3 > level[2] + 5
    assert seconds[2] > 1.1 * seconds[0] > seconds[4]
    assert pitch[4] > pitch[0] + 2


def test_mouths_move_with_the_voice(cohort: Cohort) -> None:
    clip = cohort.performances()[0]
    wave, units = cohort.waveform(clip), cohort.action_units(clip)
    level = np.maximum(speech.energy(wave)[::4], -55)
    lips = units[:, face.LIPS_PART]
    size = min(len(level), len(lips)) - 4
    assert max(np.corrcoef(level[:size], lips[lag : size + lag])[0, 1] for lag in range(4)) > 0.5  # up to .12 s later


def test_no_expression_is_its_own_confusion() -> None:
    for confusion in prosody.CONFUSIONS.values():
        assert (np.diag(confusion) == 0).all()
        np.testing.assert_allclose(confusion.sum(axis=1), 1.0, atol=0.011)  # rounded to percents


def test_shipped_bank_is_re_synthesised_from_its_seeds() -> None:
    bank = SignalBank.load("shipped:signal_bank")
    cohort = Cohort(bank.settings["seed"], bank.settings["actors"])
    for segment in (0, len(bank) // 2, len(bank) - 1):
        clip = cohort.performances()[segment]
        again = stored(extract(cohort.recording(clip)))
        for name in ("speech", "face", "physiology"):
            np.testing.assert_allclose(getattr(again, name)[0], getattr(bank.signals, name)[segment], atol=2e-2)
        np.testing.assert_array_equal(bank.waveform(segment), cohort.waveform(clip))
    np.testing.assert_array_equal(cohort.catalogue().valence, bank.catalogue.valence)


def test_shipped_bank_fits_the_budget_and_says_what_it_is() -> None:
    from rlgen.artifacts import shipped

    folder = shipped("signal_bank")
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 4_000_000
    bank = SignalBank.load("shipped:signal_bank")
    assert bank.kind == "synthetic"
    assert bank.description.startswith("Synthetic")
    assert len(np.unique(bank.catalogue.actor)) >= 24
    assert bank.signals.present.all()
    with pytest.raises(ValueError, match="read-only"):
        bank.signals.speech[0] = 0


def test_arousal_shows_in_the_heart() -> None:
    """Weakly: that is what makes physiology hard."""
    bank = SignalBank.load("shipped:signal_bank")
    heart, actor = bank.signals.physiology[:, -1, 0], bank.catalogue.actor
    by_person = heart - np.array([heart[actor == a].mean() for a in range(24)])[actor]
    assert 0.3 < np.corrcoef(by_person, bank.catalogue.arousal)[0, 1] < 0.9
