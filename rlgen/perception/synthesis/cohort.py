"""A cohort of synthetic actors and everything that they perform, each clip a function of its seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rlgen.affect import CATEGORY_VALENCE_AROUSAL, NEUTRAL, NUM_CATEGORIES
from rlgen.perception import face
from rlgen.perception.features import Recording
from rlgen.perception.physiology import EDA_SAMPLING_RATE, WINDOW_SECONDS
from rlgen.perception.synthesis import prosody, voice
from rlgen.types import F32, SegmentCatalogue

INTENSITIES: Final = (0.4, 0.7, 1.0)
REPETITIONS: Final = 4
NEUTRAL_REPETITIONS: Final = 8
FACE_RATE: Final = 25.0
HEART_SAMPLING_RATE: Final = 64

_ACTOR, _ACT, _RHYTHM, _VOICE, _FACE, _BODY = range(6)  # what a generator is for; no two share draws


@dataclass(frozen=True)
class Performance:
    """One clip as it was meant.

    Attributes:
        actor: index in the cohort.
        number: index among the actor's clips.
        category: index into `rlgen.affect.CATEGORIES`.
        intensity: in [0, 1]; 0 for neutral.
    """

    actor: int
    number: int
    category: int
    intensity: float

    @property
    def name(self) -> str:
        """Of the clip in its bank."""
        return f"actor {self.actor} clip {self.number}"


@dataclass(frozen=True)
class _Actor:
    throat: voice.Throat
    rate: float
    expressive: F32  # [8] gains on prosody
    units: F32  # [17] gains on action units
    resting_face: F32  # [17]
    heart: float
    variability: float
    conductance: float
    responses: float


@dataclass(frozen=True)
class Cohort:
    """Synthetic actors.

    Attributes:
        seed: of the cohort; another seed, other people.
        actors: how many.
    """

    seed: int
    actors: int

    @property
    def name(self) -> str:
        """Who these people are, for the book-keeping of who trained on whom."""
        return f"synthetic/{self.seed}"

    def _rng(self, purpose: int, actor: int, number: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose, actor, number])

    def performances(self) -> list[Performance]:
        """Everything the cohort performs: 8 neutral clips and 5 emotions x 3 intensities x 4 an actor."""
        meant = [(NEUTRAL, 0.0)] * NEUTRAL_REPETITIONS
        for category in range(NUM_CATEGORIES):
            if category != NEUTRAL:
                meant += [(category, intensity) for intensity in INTENSITIES for _ in range(REPETITIONS)]
        return [Performance(actor, k, *act) for actor in range(self.actors) for k, act in enumerate(meant)]

    def catalogue(self) -> SegmentCatalogue:
        """Labels of all performances, in the order of `performances`."""
        played = self.performances()
        category = np.array([p.category for p in played], dtype=np.int64)
        intensity = np.array([p.intensity for p in played], dtype=np.float32)
        felt = np.stack([self._felt(p) for p in played])
        return SegmentCatalogue(
            actor=np.array([p.actor for p in played], dtype=np.int64),
            category=category,
            intensity=intensity,
            valence=felt[:, 0],
            arousal=felt[:, 1],
        )

    def _felt(self, performance: Performance) -> F32:
        """Valence and arousal of a performance: the category's at that intensity, with personal scatter."""
        rng = self._rng(_ACT, performance.actor, performance.number)
        centre = CATEGORY_VALENCE_AROUSAL[performance.category] * performance.intensity
        felt: F32 = np.clip(centre + 0.08 * rng.standard_normal(2), -1.0, 1.0).astype(np.float32)
        return felt

    def _shown(self, performance: Performance, modality: str) -> F32:
        """Shares `[6]` of the categories in what a modality shows: the meant one, or a drift to a confusion."""
        rng = self._rng(_ACT, performance.actor, performance.number + 1000 * (1 + ("speech", "face").index(modality)))
        shares = np.zeros(NUM_CATEGORIES, dtype=np.float32)
        shares[performance.category] = 1.0
        if rng.uniform() < prosody.AMBIGUOUS[modality]:
            weights = prosody.CONFUSIONS[modality][performance.category].astype(np.float64)
            other = rng.choice(NUM_CATEGORIES, p=weights / weights.sum())
            far = rng.beta(*prosody.DRIFT)
            shares[performance.category] -= far
            shares[other] += far
        # An emotion that a neutral clip is mistaken for is shown faintly.
        return shares * np.float32(max(performance.intensity, 0.6))

    def _actor(self, index: int) -> _Actor:
        rng = self._rng(_ACTOR, index)
        woman = index % 2 == 1
        normal = rng.standard_normal
        return _Actor(
            throat=voice.Throat(
                pitch=(12.5 if woman else 2.5) + 1.8 * normal(),
                tract=(1.16 if woman else 1.0) * np.exp(0.03 * normal()),
                level=-26.0 + 1.8 * normal(),
                tilt=1.2 * normal(),
            ),
            rate=float(np.exp(0.1 * normal())),
            expressive=np.exp(0.18 * normal(8)).astype(np.float32),
            units=np.exp(0.3 * normal(face.DIM)).astype(np.float32),
            resting_face=np.abs(0.25 * normal(face.DIM)).astype(np.float32),
            heart=74.0 + 7.0 * normal(),
            variability=float(0.08 * np.exp(0.4 * normal())),
            conductance=float(np.exp(1.0 + 0.5 * normal())),
            responses=float(np.clip(4.0 + 2.0 * normal(), 0.5, 10.0)),
        )

    def _rhythm(self, actor: _Actor, performance: Performance, change: F32) -> voice.Syllables:
        rng = self._rng(_RHYTHM, performance.actor, performance.number)
        return voice.rhythm(rng, actor.rate * float(np.exp(change[2])))

    def _change(self, actor: _Actor, performance: Performance) -> F32:
        rng = self._rng(_VOICE, performance.actor, performance.number + 1000)
        scatter = np.array([0.8, 0.4, 0.05, 1.2, 1.0, 0.015, 0.002, 0.7]) * rng.standard_normal(8)
        meant = self._shown(performance, "speech") @ prosody.PROSODY
        return (actor.expressive * meant + scatter).astype(np.float32)

    def waveform(self, performance: Performance) -> F32:
        """The clip's audio `[samples]` at 16 kHz, the same samples at every call."""
        actor = self._actor(performance.actor)
        change = self._change(actor, performance)
        rng = self._rng(_VOICE, performance.actor, performance.number)
        return voice.speak(actor.throat, self._rhythm(actor, performance, change), change, rng)

    def action_units(self, performance: Performance) -> F32:
        """The clip's face `[F, 17]` at 25 frames a second: onset, apex, decay, speaking lips, blinks."""
        actor = self._actor(performance.actor)
        syllables = self._rhythm(actor, performance, self._change(actor, performance))
        rng = self._rng(_FACE, performance.actor, performance.number)
        times = np.arange(int(syllables.seconds * FACE_RATE)) / FACE_RATE
        part = times / syllables.seconds
        apex = rng.uniform(0.2, 0.5)
        course = np.clip(part / apex, 0.3, 1.0) * np.where(part > 0.8, 1.0 - 2.0 * (part - 0.8), 1.0)
        meant = actor.units * (self._shown(performance, "face") @ prosody.FACES)
        meant *= np.exp(0.25 * rng.standard_normal(face.DIM))
        units = actor.resting_face + course[:, None] * meant
        noise = rng.standard_normal((len(times), face.DIM))
        units += 0.2 * (noise + np.roll(noise, 1, axis=0)) + 0.3 * rng.standard_normal(face.DIM)
        opened = voice.envelope(syllables, times - rng.uniform(0.0, 0.12))  # sound follows the lips or leads a little
        units[:, face.LIPS_PART] += 1.6 * opened
        units[:, face.JAW_DROP] += 1.0 * opened
        blinks = rng.uniform(0.0, syllables.seconds, size=int(rng.poisson(0.4 * syllables.seconds)))
        units[:, -1] += 2.0 * np.exp(-0.5 * ((times[:, None] - blinks) / 0.05) ** 2).sum(axis=1)
        return np.clip(units, 0.0, 5.0).astype(np.float32)

    def physiology(self, performance: Performance) -> dict[str, Any]:
        """Pleth and EDA of the 36 s that end with the turn (NeuroKit2), as fields of a `Recording`."""
        import neurokit2 as nk

        actor = self._actor(performance.actor)
        valence, arousal = (float(x) for x in self._felt(performance))
        rng = self._rng(_BODY, performance.actor, performance.number)
        scatter = rng.standard_normal(3)
        heart = actor.heart + prosody.HEART_AROUSAL * arousal + prosody.HEART_VALENCE * valence
        heart = np.clip(heart + prosody.HEART_SCATTER * scatter[0], 45.0, 150.0)
        varied = prosody.VARIABILITY_AROUSAL * arousal + prosody.VARIABILITY_SCATTER * scatter[1]
        responses = actor.responses + prosody.RESPONSES_AROUSAL * arousal + prosody.RESPONSES_SCATTER * scatter[2]
        seconds = WINDOW_SECONDS + 6.0
        seeds = rng.integers(2**31, size=2)
        pleth = nk.ppg_simulate(
            duration=seconds,
            sampling_rate=HEART_SAMPLING_RATE,
            heart_rate=float(heart),
            ibi_randomness=float(np.clip(actor.variability * np.exp(varied), 0.01, 0.3)),
            frequency_modulation=0.05,
            random_state=int(seeds[0]),
        )
        eda = nk.eda_simulate(
            duration=int(seconds),
            sampling_rate=EDA_SAMPLING_RATE,
            scr_number=int(np.clip(round(responses * seconds / 60.0), 1, 15)),
            noise=0.005,
            drift=-0.01,
            random_state=int(seeds[1]),
        )
        return {
            "heart": pleth,
            "heart_sampling_rate": float(HEART_SAMPLING_RATE),
            "heart_kind": "pleth",
            "eda": np.asarray(eda) * 0.3 + actor.conductance,
            "eda_sampling_rate": float(EDA_SAMPLING_RATE),
        }

    def recording(self, performance: Performance) -> Recording:
        """All signals of a clip."""
        return Recording(
            waveform=self.waveform(performance),
            action_units=self.action_units(performance),
            action_unit_rate=FACE_RATE,
            name=f"{self.name} actor {performance.actor} clip {performance.number}",
            **self.physiology(performance),
        )
