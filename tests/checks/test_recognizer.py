"""The checker of recognizers accepts ours, and names every fault that was put into a sound one."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from rlgen.checks.recognizer import LAWS, check_recognizer, try_recognizer
from rlgen.errors import CheckError
from rlgen.perception import EmotionRecognizer
from rlgen.types import Estimate


class Sound:
    """Softmax of means of the features of whatever is present."""

    vector_dim = 6

    def weights_sha256(self):
        return "means"

    def means(self, signals):
        rows = len(signals.present)
        total = np.zeros((rows, 6), dtype=np.float32)
        for column, name in enumerate(("speech", "face", "physiology")):
            values = np.where(signals.present[:, column, None, None], getattr(signals, name), np.float32(0))
            total += values[:, :, :6].mean(axis=1)
        return total

    def estimate(self, signals):
        vector = self.means(signals)
        shares = np.exp(vector - vector.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        affect = np.concatenate([shares, np.tanh(vector[:, :2])], axis=1).astype(np.float32)
        return Estimate(vector, affect, np.full((len(vector), 3), 0.5, np.float32), signals.present.copy())


class Heard(Sound):
    """The loudness of raw sound besides."""

    reads_sound = True

    def means(self, signals):
        loud = [float(np.abs(sound).mean()) if len(sound) else 0.0 for sound in signals.waveforms]
        return super().means(signals) + np.array(loud, dtype=np.float32)[:, None]


class Deaf(Sound):
    reads_sound = True


class SpeechOnly(Sound):
    """Says that it reads speech alone, and reads all."""

    modalities = ("speech",)


class Unknown(Sound):
    modalities = ("smell",)


class Dimensionless(Sound):
    vector_dim = None


class Torch(Sound):
    def estimate(self, signals):
        made = super().estimate(signals)
        return replace(made, vector=torch.from_numpy(made.vector))


class Narrow(Sound):
    vector_dim = 7


class Whole(Sound):
    """Says that everything was there."""

    def estimate(self, signals):
        return replace(super().estimate(signals), present=np.ones_like(signals.present))


class Overflows(Sound):
    def means(self, signals):
        return super().means(signals) / np.float32(0)


class Logits(Sound):
    def estimate(self, signals):
        made = super().estimate(signals)
        made.affect[:, :6] = made.vector
        return made


class Steep(Sound):
    def estimate(self, signals):
        made = super().estimate(signals)
        made.affect[:, 6:] = 1.5
        return made


class Certain(Sound):
    def estimate(self, signals):
        made = super().estimate(signals)
        made.uncertainty[:] = -0.1
        return made


class Drops(Sound):
    """Dropout is on."""

    def means(self, signals):
        return super().means(signals) * np.random.random()  # noqa: NPY002


class Normalises(Sound):
    """By the batch."""

    def means(self, signals):
        made = super().means(signals)
        return made - made.mean(axis=0, keepdims=True) if len(made) else made


class Recalls(Sound):
    last = None

    def means(self, signals):
        made = super().means(signals)
        before, self.last = self.last, made
        return made + before if before is not None and before.shape == made.shape else made


class Blind(Sound):
    """Does not look at what is present."""

    def means(self, signals):
        return super().means(replace(signals, present=np.ones_like(signals.present)))


class Divides(Sound):
    """By the number of modalities."""

    def means(self, signals):
        with np.errstate(all="ignore"):
            return super().means(signals) / signals.present.sum(axis=1, keepdims=True).astype(np.float32)


class Guesses(Sound):
    """Where nothing is known, by the place in the batch."""

    def means(self, signals):
        made = super().means(signals)
        made[~signals.present.any(axis=1)] += np.arange(len(made), dtype=np.float32)[~signals.present.any(axis=1), None]
        return made


class Unpickled(Sound):
    def __init__(self):
        self.lock = threading.Lock()


class Forgetful(Sound):
    def __init__(self, shift=1.0):
        self.shift = shift

    def __reduce__(self):
        return Forgetful, (0.0,)

    def means(self, signals):
        return super().means(signals) + np.float32(self.shift) * np.arange(6, dtype=np.float32)


class Crowded(Sound):
    def estimate(self, signals):
        return super().estimate(signals) if len(signals.present) else None


class Scribbles(Sound):
    def means(self, signals):
        made = super().means(signals)
        signals.speech[:] = 0
        return made


class Learns(Sound):
    learned = 0

    def weights_sha256(self):
        return f"means {self.learned}"

    def means(self, signals):
        self.learned += 1
        return super().means(signals)


class Racing(Sound):
    pad = np.zeros((24, 6), dtype=np.float32)

    def means(self, signals):
        import time

        rows = len(signals.present)
        self.pad[:rows] = super().means(signals)
        time.sleep(0.01)
        return self.pad[:rows].copy()


FAULTS = {
    Deaf: "another sound changes nothing", SpeechOnly: "name all that it reads", Unknown: "modalities holds 'smell'",
    Dimensionless: "vector_dim is None", Torch: "vector is Tensor", Narrow: "[24, 7]", Whole: "hand on",
    Overflows: "not finite", Logits: "no probabilities", Steep: "leaves [-1, 1]", Certain: "leaves [0, 1]",
    Drops: "asked the same twice", Normalises: "without statistics of the batch", Recalls: "keep nothing",
    Blind: "look at `present` first", Divides: "with nothing present", Guesses: "nothing is known of any",
    Unpickled: "cannot be pickled", Forgetful: "once pickled", Crowded: "of no rows",
    Scribbles: "signals.speech was written on", Learns: "hash of its weights", Racing: "threads at once",
}  # fmt: skip


def test_a_sound_recognizer_keeps_every_law():
    for part in (Sound(), Heard()):
        found = list(try_recognizer(part))
        assert [finding for finding in found if finding.faults] == []
        assert len(found) == len(LAWS)


@pytest.mark.parametrize("faulty", FAULTS, ids=lambda kind: kind.__name__)
def test_every_fault_is_named_in_one_sentence(faulty):
    found = [fault for finding in try_recognizer(faulty()) for fault in finding.faults]
    assert any(FAULTS[faulty] in fault for fault in found), found
    assert all("\n" not in fault and len(fault) < 300 for fault in found)
    with pytest.raises(CheckError):
        check_recognizer(faulty())


def test_ours_is_accepted():
    check_recognizer(EmotionRecognizer.load("shipped:recognizer"))
