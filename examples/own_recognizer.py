"""A recognizer of one's own on raw sound: how loud and how lively a voice is, as arousal; what it feels it cannot tell.

python examples/own_recognizer.py
rlgen train --recognizer examples.own_recognizer:Loudness --bank examples.own_recognizer:two_actors --steps 20000

Recordings of your own: `--bank '{kind: "rlgen.perception.bank:SignalBank.load", source: BANK, recordings: DIR}'`.
"""

from __future__ import annotations

import numpy as np

from rlgen.perception import SignalBank
from rlgen.types import SPEECH_RATE, Estimate, Signals


class Loudness:
    """Two numbers of a voice, compared with those of a typical one. Frozen: it has learned nothing."""

    vector_dim = 2
    modalities = ("speech",)
    reads_sound = True  # so that `Signals.waveforms` are there

    def weights_sha256(self) -> str:
        """Hash of all that is frozen; what it recognises is kept under it and this file's code."""
        return "no weights"

    def estimate(self, signals: Signals) -> Estimate:
        """N voices at once; no sound is no knowledge."""
        heard = [len(sound) > 0 for sound in signals.waveforms or []]
        vector = np.array([self.listen(sound) for sound in signals.waveforms or []], dtype=np.float32).reshape(-1, 2)
        arousal = np.where(heard, np.tanh(vector.mean(axis=1)), 0.0)
        affect = np.full((len(vector), 8), 1 / 6, dtype=np.float32)
        affect[:, 6:] = np.stack([np.zeros_like(arousal), arousal], axis=1)
        uncertainty = np.where(np.array(heard)[:, None], [[1.0, 0.5, 0.3]], [[1.0, 0.5, 0.5]]).astype(np.float32)
        return Estimate(vector, affect, uncertainty, signals.present)

    def listen(self, sound: np.ndarray) -> tuple[float, float]:
        """Level and its spread over frames of 20 ms, in units of some 6 dB around usual ones; zeros for silence."""
        frame = SPEECH_RATE // 50
        if len(sound) < frame:
            return 0.0, 0.0
        power = (sound[: len(sound) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
        decibels = 10 * np.log10(power + 1e-8)
        return float(decibels.max() + 20) / 6, float(decibels.std() - 12) / 6


def two_actors() -> SignalBank:
    """A small part of the shipped bank, whose sound is re-synthesised from its seeds in seconds."""
    bank = SignalBank.load("shipped:signal_bank")
    return bank.rows(np.flatnonzero(bank.catalogue.actor < 2))


if __name__ == "__main__":
    from rlgen.checks.recognizer import check_recognizer
    from rlgen.envs import World, WorldConfig

    check_recognizer(Loudness())
    world = World(WorldConfig(recognizer=Loudness, bank=two_actors), 4)
    print("first observations", world.reset(seed=0).shape)
