"""People for whom what helps depends on their state: five interactions, each from the literature.

Pacing and leading (affective synchrony: Feldman, J. Child Psychol. Psychiatry 48, 2007; matching and
leading in crisis negotiation: Vecchi, Van Hasselt and Romano, Aggress. Violent Behav. 10, 2005),
reactance (Brehm, 1966; Miron and Brehm, Z. Sozialpsychol. 37, 2006; directiveness x reactance in
psychotherapy: Beutler, Edwards and Someah, J. Clin. Psychol. 74, 2018), sincerity (over-accommodation:
Giles and Ogay, in Explaining Communication, 2007), habituation (Rankin et al., Neurobiol. Learn. Mem. 92,
2009; its opposite, repeating oneself to agitated people: Richmond et al., West. J. Emerg. Med. 13, 2012) and
over-validation (co-rumination: Rose, Child Dev. 73, 2002). Words may hide what voice and face show (display rules
and leakage: Ekman and Friesen, Psychiatry 32, 1969). The literature gives signs and
shapes; sizes are set so that there is something to learn, and are no estimate of human effects.
Formulas: `docs/users/theory.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from rlgen.affect import NEUTRAL
from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.types import (
    F32,
    I64,
    Bools,
    Expression,
    Feedback,
    Reading,
    Rows,
    SegmentCatalogue,
    UtteranceCatalogue,
    Words,
)
from rlgen.users.expression.sounding import Sounding
from rlgen.users.expression.topics import topics_of
from rlgen.users.expression.transitions import FEELINGS, read_transitions
from rlgen.users.expression.voices import CLOSING, EXPLORING, F64, OPENING, WORKING, Felt, Voices, columns
from rlgen.users.protocol import family, numbers_sha256, with_points
from rlgen.users.theory.coefficients import Affine, Triple
from rlgen.users.theory.config import TheoryConfig
from rlgen.users.theory.populations import theory_people

# Columns of the one draw per person and of the one draw per turn.
_PERSON: Final = ("actor", "topic", "feeling", "intensity", "trust", "understood", "reactance", "pace", "arousal")
_RATER: Final = ("rater", "constant", "gap")
_TURN: Final = ("utterance", "segment", "category", "intensity", "arousal", "disclosure", "mask")
_SHOWN: Final = slice(3, 5)  # intensity and arousal
_ANSWER: Final = ("ending", "rating", "gap", "engagement", "drift")


@dataclass
class Hearts(Rows):
    """Hidden state of N people, `[N]` each; symbols as in `docs/users/theory.md`."""

    intensity: F64
    start: F64
    trust: F64
    understood: F64
    arousal: F64
    habituation: F64
    over_validation: F64
    reactance: F64
    pace: F64
    rest: F64  # personal offset of arousal
    feeling: I64  # 0 sad, 1 fearful, 2 angry
    rater: F64
    constant: Bools
    wait: I64  # replies until the next rating

    @property
    def relief(self) -> F64:
        """Fall of intensity since the start."""
        return self.start - self.intensity


@dataclass(frozen=True)
class Perceived:
    """A reading in the model's units, `[N]`: W, D in [-1, 1]; M, C, repetition in [0, 1]."""

    warmth: F64
    directiveness: F64
    intensity: F64
    incoherence: F64
    repetition: F64


def _plus(x: F64) -> F64:
    return np.maximum(x, 0.0)


@family(TheoryConfig)
class TheoryUsers:
    """N people of the theory family; a `rlgen.users.Users`."""

    hidden_names: tuple[str, ...] = (
        "intensity", "model_relief", "relief", "trust", "understood", "arousal", "habituation",
        "over_validation", "reactance", "pace", "sadness", "fear", "anger",
    )  # fmt: skip
    knows_relief = True

    def __init__(
        self, config: TheoryConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue
    ) -> None:
        self.config = config
        self.coefficients = theory_people(config.coefficients, config.population)
        transitions = read_transitions(config.transitions)
        self.sha256 = numbers_sha256(config, self.coefficients, transitions)
        weights = np.array(self.coefficients.people.feelings)
        if weights.sum() <= 0:
            raise PopulationError("users: people.feelings are all 0; give at least one feeling a weight")
        self._feelings = np.cumsum(weights) / weights.sum()
        self._voices = Voices(rows, utterances, segments, topics_of(config, utterances.topics))
        self._sounding = Sounding(rows, transitions)
        kinds = {"feeling": np.int64, "wait": np.int64, "constant": np.bool_}
        self._hearts = Hearts(**{f.name: np.zeros(rows, dtype=kinds.get(f.name, np.float64)) for f in fields(Hearts)})

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `rlgen.users.Users.reset`."""
        c, hearts = self.coefficients, self._hearts
        people = c.people
        drawn = streams.uniform("users.person", 0, len(_PERSON) + len(_RATER))
        person = columns(_PERSON + _RATER, drawn)
        self._voices.enter(rows, drawn[:, :2])
        self._sounding.enter(rows)
        feeling = (person["feeling"][:, None] > self._feelings[:2]).sum(axis=1)
        intensity = np.clip(people.intensity + people.intensity_spread * ndtri(person["intensity"]), 0.05, 1.0)
        rest = c.arousal.spread * ndtri(person["arousal"])
        hearts.feeling[rows] = feeling
        hearts.intensity[rows] = hearts.start[rows] = intensity
        hearts.trust[rows] = np.clip(people.trust + people.trust_spread * ndtri(person["trust"]), 0.0, 1.0)
        early = person["understood"] < people.understood_share
        hearts.understood[rows] = np.where(early, people.understood_start, people.understood)
        hearts.reactance[rows] = np.clip(
            people.reactance + people.reactance_spread * ndtri(person["reactance"]), 0.0, 1.0
        )
        hearts.pace[rows] = np.exp(people.pace_spread * ndtri(person["pace"]))
        hearts.rest[rows] = rest
        hearts.arousal[rows] = np.clip(np.array(c.arousal.by_feeling)[feeling] * intensity + rest, -1.0, 1.0)
        hearts.habituation[rows] = hearts.over_validation[rows] = 0.0
        hearts.rater[rows] = c.rating.rater_spread * ndtri(person["rater"])
        hearts.constant[rows] = person["constant"] < c.rating.constant_share
        hearts.wait[rows] = 2 + (person["gap"] < c.rating.long_gap)
        opening = np.full(len(rows), OPENING)
        return self._speak(rows, opening, np.zeros_like(opening), streams.uniform("users.opening", 0, len(_TURN)))

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `rlgen.users.Users.respond`; only the reading of the words is used."""
        reply, hearts = self.perceive(reading), self._hearts.rows(rows)
        drawn = streams.uniform("users.turn", turn, len(_TURN) + len(_ANSWER))
        answer = columns(_ANSWER, drawn[:, len(_TURN) :])
        threat = self.update(hearts, reply, ndtri(answer["drift"]))
        abandoned, completed = self._leave(hearts, threat, turn, answer["ending"])
        feedback = Feedback(
            self._rate(hearts, threat, ndtri(answer["rating"]), answer["gap"]),
            self._engage(hearts, threat, ndtri(answer["engagement"])),
            completed,
            abandoned,
        )
        self._hearts.put(rows, hearts)
        showing = self.coefficients.showing
        phase = np.where(hearts.understood >= showing.working_from, WORKING, EXPLORING)
        phase = np.where(completed | abandoned, CLOSING, phase)
        mood = completed.astype(np.int64) - abandoned
        return feedback, self._speak(rows, phase, mood, drawn[:, : len(_TURN)])

    def hidden(self) -> dict[str, F32]:
        """See `rlgen.users.Users.hidden`; relief is model_relief here, since the path is the model's own."""
        hearts = self._hearts
        relief = hearts.relief.astype(np.float32)
        values = {"model_relief": relief, "relief": relief.copy()}
        for i, name in enumerate(("sadness", "fear", "anger")):
            values[name] = (hearts.feeling == i).astype(np.float32)
        found = {
            name: values[name] if name in values else getattr(hearts, name).astype(np.float32)
            for name in self.hidden_names
        }
        return with_points(found)

    def actor(self) -> I64:
        """See `rlgen.users.Users.actor`."""
        return self._voices.actor

    def topic(self) -> I64:
        """See `rlgen.users.Users.topic`."""
        return self._voices.topic.copy()

    def perceive(self, reading: Reading) -> Perceived:
        """A reading in the model's units."""

        def scaled(value: NDArray[np.floating], map_: Affine, low: float) -> F64:
            return np.clip(map_.offset + map_.gain * np.asarray(value, dtype=np.float64), low, 1.0)

        maps = self.coefficients.readings
        return Perceived(
            scaled(reading.warmth, maps.warmth, -1.0),
            scaled(reading.directiveness, maps.directiveness, -1.0),
            scaled(reading.intensity, maps.intensity, 0.0),
            scaled(1.0 - np.asarray(reading.fluency, dtype=np.float64), maps.incoherence, 0.0),
            scaled(reading.repetition, maps.repetition, 0.0),
        )

    def update(self, s: Hearts, reply: Perceived, noise: F64) -> F64:
        """One turn of the hidden state.

        Args:
            s: of K people; changed in place.
            reply: what was perceived.
            noise: `[K]` standard normal, of arousal.

        Returns:
            Threat k, `[K]`.
        """
        c, on, scale = self.coefficients, self.config, self.config.effect_scale
        aroused = _plus(s.arousal)
        warm, direct = _plus(reply.warmth), _plus(reply.directiveness)
        incoherent, h, u, trust = reply.incoherence, s.habituation, s.understood, s.trust
        match, threat, insincere = self._match(s, reply.intensity), self._threat(s, reply), self._insincere(s, reply)
        valued = warm * (1.0 - c.over_validation.discount * s.over_validation)

        cu = c.understanding
        lost = np.minimum(incoherent * (cu.incoherence + cu.incoherence_aroused * aroused), 1.0)
        understood = s.pace * (1.0 - u) * (1.0 - lost) * (1.0 - cu.by_habituation * h)
        understood = understood * (cu.by_match * match + cu.by_warmth * valued - cu.by_threat * threat)

        ct = c.trust
        trusted = ct.by_warmth * (1.0 - incoherent) * valued * (1.0 - h) + ct.by_match * match
        trusted = trusted - ct.by_threat * (ct.threat_base + s.reactance) * threat - ct.by_insincerity * insincere
        trusted = trusted - ct.by_habituation * h * (ct.understood_base + u)
        trusted = trusted - ct.by_incoherence * incoherent * (1.0 + ct.incoherence_aroused * aroused * (1.0 - u))
        if on.habituation:
            trusted = trusted + ct.by_steadiness * reply.repetition * aroused * (1.0 - u)

        cr = c.relief
        guidance = (u - c.reactance.understood_from) * trust
        if not on.reactance:
            guidance = np.full_like(u, c.reactance.guidance_without * c.reactance.trust_without)
        guided = cr.by_guidance * guidance * direct * (1.0 - cr.aroused * aroused)
        guided = guided * (1.0 - cr.incoherent * incoherent) * (1.0 - cr.habituated * h)
        worse = -guided - cr.by_warmth * u * trust * valued * (1.0 - incoherent) + cr.by_threat * threat
        worse = worse + c.over_validation.staying * s.over_validation * u + cr.by_incoherence * incoherent

        ca = c.arousal
        settling = ca.settle * (np.array(ca.by_feeling)[s.feeling] * s.intensity + s.rest - s.arousal)
        drawn = ca.follow * match * (2.0 * reply.intensity - 1.0 - s.arousal) + ca.by_threat * threat
        s.arousal = np.clip(s.arousal + settling + scale * drawn + ca.noise * noise, -1.0, 1.0)
        s.understood = np.clip(u + scale * understood, 0.0, 1.0)
        s.trust = np.clip(trust + scale * trusted + ct.drift, 0.0, 1.0)
        s.intensity = np.clip(s.intensity + scale * worse, 0.0, 1.0)
        if on.habituation:
            wearing = reply.repetition * _plus(1.0 - c.habituation.steadying * aroused)
            s.habituation = c.habituation.keep * h + c.habituation.gain * wearing
        if on.over_validation:
            kept = c.over_validation.keep * s.over_validation
            s.over_validation = kept + c.over_validation.gain * warm * (1.0 - direct)
        return threat

    def _match(self, s: Hearts, intensity: F64) -> F64:
        c = self.coefficients.pacing
        wanted = np.full_like(intensity, c.base)
        if self.config.pacing:
            wanted = c.base + c.by_arousal * s.arousal - c.by_trust * s.trust
        return np.exp(-((intensity - wanted) ** 2) / c.width)

    def _threat(self, s: Hearts, reply: Perceived) -> F64:
        c = self.coefficients.reactance
        if not self.config.reactance:
            return np.zeros_like(s.trust)
        tolerated = c.base + c.by_trust * s.trust - c.by_reactance * s.reactance + _by(c.by_feeling, s.feeling)
        return _plus(reply.directiveness - tolerated)

    def _insincere(self, s: Hearts, reply: Perceived) -> F64:
        c = self.coefficients.sincerity
        if not self.config.sincerity:
            return np.zeros_like(s.trust)
        return _plus(reply.warmth - c.base - c.by_trust * s.trust - _by(c.by_feeling, s.feeling))

    def _leave(self, s: Hearts, threat: F64, turn: I64, uniform: F64) -> tuple[Bools, Bools]:
        c = self.coefficients
        if c.people.stays:
            return np.zeros(len(turn), dtype=np.bool_), np.zeros(len(turn), dtype=np.bool_)
        strain = self.config.effect_scale * (c.ending.by_threat * threat + c.ending.by_habituation * s.habituation)
        distrust = c.ending.distrust * _plus(c.ending.distrust_below - s.trust)
        strain = strain - c.ending.held_by_relief * _plus(s.relief)
        leaving = expit(c.ending.abandon + distrust + strain + c.ending.abandon_by_turn * turn)
        done = expit(c.ending.complete + c.ending.by_relief * s.relief + c.ending.complete_by_turn * turn)
        done = np.where(turn >= c.ending.complete_from, done, 0.0)
        abandoned = uniform < leaving
        return abandoned, ~abandoned & (uniform < leaving + (1.0 - leaving) * done)

    def _rate(self, s: Hearts, threat: F64, noise: F64, gap: F64) -> F32:
        c = self.coefficients.rating
        felt = c.by_trust * (s.trust - 0.5) + c.by_understood * (s.understood - 0.5) + c.by_relief * s.relief
        felt = felt - self.config.effect_scale * c.by_threat * threat + c.noise * noise
        latent = c.mean + s.rater + np.where(s.constant, 0.0, felt)
        s.wait = s.wait - 1
        given = s.wait <= 0
        s.wait = np.where(given, 2 + (gap < c.long_gap), s.wait)
        return np.where(given, np.clip(np.rint(latent), 1.0, 5.0), np.nan).astype(np.float32)

    def _engage(self, s: Hearts, threat: F64, noise: F64) -> F32:
        c = self.coefficients.engagement
        if self.coefficients.people.stays:
            return np.ones(len(s.trust), dtype=np.float32)
        strain = self.config.effect_scale * (c.by_habituation * s.habituation + c.by_threat * threat)
        shown = c.base + c.by_trust * s.trust + c.by_understood * s.understood - strain + c.noise * noise
        return np.clip(shown, 0.0, 1.0).astype(np.float32)

    def _speak(self, rows: I64, phase: I64, leaving: I64, drawn: F64) -> Expression:
        """`leaving` is 1 where one leaves content, -1 where disappointed, else 0."""
        c, s = self.coefficients.showing, self._hearts
        draw = columns(_TURN, drawn)
        intensity, trust, feeling = s.intensity[rows], s.trust[rows], s.feeling[rows]
        calm = expit((c.calm_below - intensity) / c.calm_width)
        happy = np.clip(c.happy_by_relief * s.relief[rows], 0.0, 1.0)
        noise = ndtri(drawn[:, _SHOWN])
        category, deviation = self._sounding.turn(rows, feeling, calm, happy, c.mixed, leaving, draw["category"], noise)
        shown_trust = trust + c.disclosure_noise * ndtri(draw["disclosure"])
        disclosure = (shown_trust >= c.plain_from).astype(np.int64) + (shown_trust >= c.open_from)
        hidden = np.isin(category, FEELINGS) & (phase != OPENING) & (leaving == 0)
        hidden &= draw["mask"] < c.masked * (1.0 - 0.5 * disclosure)
        felt = Felt(
            category,
            np.where(hidden, NEUTRAL, category),
            np.clip(intensity + c.noise * deviation[:, 0], 0.0, 1.0),
            np.clip(s.arousal[rows] + c.noise * deviation[:, 1], -1.0, 1.0),
            phase,
            disclosure,
        )
        return self._voices.speak(rows, felt, drawn[:, :2])


def _by(values: Triple, feeling: I64) -> F64:
    """The number of each person's feeling, `[N]`."""
    return np.array(values)[feeling]
