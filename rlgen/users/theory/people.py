"""People for whom what helps depends on their state: five interactions, each from the literature.

Pacing and leading (affective synchrony: Feldman, J. Child Psychol. Psychiatry 48, 2007; matching and
leading in crisis negotiation: Vecchi, Van Hasselt and Romano, Aggress. Violent Behav. 10, 2005),
reactance (Brehm, 1966; Miron and Brehm, Z. Sozialpsychol. 37, 2006; directiveness x reactance in
psychotherapy: Beutler, Edwards and Someah, J. Clin. Psychol. 74, 2018), sincerity (over-accommodation:
Giles and Ogay, in Explaining Communication, 2007), habituation (Rankin et al., Neurobiol. Learn. Mem. 92,
2009; its opposite, repeating oneself to agitated people: Richmond et al., West. J. Emerg. Med. 13, 2012) and
over-validation (co-rumination: Rose, Child Dev. 73, 2002). Whatever their state, who is answered beside the point feels
less understood and trusts less (perceived partner responsiveness: Reis and Shaver, in Handbook of Personal
Relationships, 1988). Words may hide what voice and face show (display rules
and leakage: Ekman and Friesen, Psychiatry 32, 1969). The literature gives signs and
shapes; sizes are set so that there is something to learn, and are no estimate of human effects.
Formulas: `docs/users/theory.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.special import expit

from rlgen.errors import PopulationError
from rlgen.types import F64, I64, Bools, Feedback, Reading, SegmentCatalogue, UtteranceCatalogue
from rlgen.users.people import Draws, People, Reply, Shown, State, eased, felt
from rlgen.users.theory.coefficients import Affine, Triple
from rlgen.users.theory.config import TheoryConfig, theory_people


@dataclass
class TheoryState(State):
    """Hidden state of N people, `[N]` each; symbols as in `docs/users/theory.md`."""

    trust: F64
    understood: F64
    arousal: F64
    habituation: F64
    over_validation: F64
    reactance: F64
    pace: F64
    rest: F64  # personal offset of arousal
    rater: F64
    constant: Bools


@dataclass(frozen=True)
class Perceived:
    """A reading in the model's units, `[N]`: W, D in [-1, 1]; M, C, repetition, misfit X in [0, 1]."""

    warmth: F64
    directiveness: F64
    intensity: F64
    incoherence: F64
    repetition: F64
    misfit: F64


def _plus(x: F64) -> F64:
    return np.maximum(x, 0.0)


class TheoryUsers(People[TheoryConfig, TheoryState]):
    """N people of the theory family."""

    Config: ClassVar = TheoryConfig
    at_start: ClassVar = (
        "feeling", "intensity", "trust", "understood", "reactance", "pace", "arousal", "rater", "constant", "gap",
    )  # fmt: skip
    at_turn: ClassVar = ("disclosure", "mask", "ending", "rating", "gap", "engagement", "drift")

    def __init__(
        self, config: TheoryConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue
    ) -> None:
        super().__init__(config, rows, utterances, segments)
        self.coefficients = theory_people(config.coefficients, config.population)
        weights = np.array(self.coefficients.people.feelings)
        if weights.sum() <= 0:
            raise PopulationError("users: people.feelings are all 0; give at least one feeling a weight")
        self._feelings = np.cumsum(weights) / weights.sum()

    def made_of(self) -> tuple[BaseModel, ...]:
        """The coefficients of these people."""
        return (self.coefficients,)

    def start(self, draw: Draws) -> TheoryState:
        """Who comes: see `People` among the coefficients."""
        c = self.coefficients
        people = c.people

        def share(name: str, mean: float, spread: float, low: float = 0.0) -> F64:
            return np.clip(mean + spread * draw.normal(name), low, 1.0)

        feeling = (draw["feeling"][:, None] > self._feelings[:2]).sum(axis=1)
        intensity = share("intensity", people.intensity, people.intensity_spread, 0.05)
        rest = c.arousal.spread * draw.normal("arousal")
        early = draw["understood"] < people.understood_share
        return TheoryState(
            intensity=intensity,
            feeling=feeling,
            trust=share("trust", people.trust, people.trust_spread),
            understood=np.where(early, people.understood_start, people.understood),
            arousal=np.clip(_by(c.arousal.by_feeling, feeling) * intensity + rest, -1.0, 1.0),
            habituation=np.zeros_like(rest),
            over_validation=np.zeros_like(rest),
            reactance=share("reactance", people.reactance, people.reactance_spread),
            pace=np.exp(people.pace_spread * draw.normal("pace")),
            rest=rest,
            rater=c.rating.rater_spread * draw.normal("rater"),
            constant=draw["constant"] < c.rating.constant_share,
        )

    def react(self, state: TheoryState, reply: Reply, draw: Draws) -> Feedback:
        """One turn of the hidden state, and what shows of it; only the reading of the words is used."""
        threat = self.update(state, self.perceive(reply.reading), draw.normal("drift"))
        abandoned, completed = self._leave(state, threat, reply.turn, draw["ending"])
        rating = self._rate(state, threat, draw.normal("rating"))
        engagement = self._engage(state, threat, draw.normal("engagement"))
        return Feedback(rating.astype(np.float32), engagement.astype(np.float32), completed, abandoned)

    def show(self, state: TheoryState, draw: Draws, leaving: I64, opening: bool) -> Shown:
        """See `People.show`; words may hide what voice and face show, the sooner the less trust there is."""
        c, s = self.coefficients.showing, state
        shown_trust = s.trust + c.disclosure_noise * draw.normal("disclosure")
        disclosure = (shown_trust >= c.plain_from).astype(np.int64) + (shown_trust >= c.open_from)
        return Shown(
            intensity=s.intensity,
            arousal=s.arousal,
            calm=expit((c.calm_below - s.intensity) / c.calm_width),
            happy=np.clip(c.happy_by_relief * s.relief, 0.0, 1.0),
            disclosure=disclosure,
            working=s.understood >= c.working_from,
            masked=draw["mask"] < c.masked * (1.0 - 0.5 * disclosure),
            mixed=c.mixed,
            noise=c.noise,
        )

    def tell(self, state: TheoryState) -> dict[str, Any]:
        """See `People.tell`; what people are like besides is not told."""
        names = ("trust", "understood", "arousal", "habituation", "over_validation", "reactance", "pace")
        return {**eased(state), **{name: getattr(state, name) for name in names}, **felt(state)}

    def gap(self, uniform: F64) -> I64:
        """See `People.gap`."""
        return 2 + (uniform < self.coefficients.rating.long_gap).astype(np.int64)

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
            scaled(1.0 - np.asarray(reading.relevance, dtype=np.float64), maps.misfit, 0.0),
        )

    def update(self, s: TheoryState, reply: Perceived, noise: F64) -> F64:
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
        answered = 1.0 - reply.misfit
        valued = warm * answered * (1.0 - c.over_validation.discount * s.over_validation)

        cu = c.understanding
        lost = np.minimum(incoherent * (cu.incoherence + cu.incoherence_aroused * aroused), 1.0)
        understood = s.pace * (1.0 - u) * (1.0 - lost) * (1.0 - cu.by_habituation * h)
        understood = understood * (1.0 - cu.unanswered * reply.misfit)
        understood = understood * (cu.by_match * match + cu.by_warmth * valued - cu.by_threat * threat)
        understood = understood - cu.by_misfit * reply.misfit * u

        ct = c.trust
        trusted = ct.by_warmth * (1.0 - incoherent) * valued * (1.0 - h) + ct.by_match * match
        trusted = trusted - ct.by_threat * (ct.threat_base + s.reactance) * threat - ct.by_insincerity * insincere
        trusted = trusted - ct.by_habituation * h * (ct.understood_base + u)
        trusted = trusted - ct.by_incoherence * incoherent * (1.0 + ct.incoherence_aroused * aroused * (1.0 - u))
        trusted = trusted - ct.by_misfit * reply.misfit
        if on.habituation:
            trusted = trusted + ct.by_steadiness * reply.repetition * aroused * (1.0 - u)

        cr = c.relief
        guidance = (u - c.reactance.understood_from) * trust
        if not on.reactance:
            guidance = np.full_like(u, c.reactance.guidance_without * c.reactance.trust_without)
        guided = cr.by_guidance * guidance * direct * answered * (1.0 - cr.aroused * aroused)
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

    def _match(self, s: TheoryState, intensity: F64) -> F64:
        c = self.coefficients.pacing
        wanted = np.full_like(intensity, c.base)
        if self.config.pacing:
            wanted = c.base + c.by_arousal * s.arousal - c.by_trust * s.trust
        return np.exp(-((intensity - wanted) ** 2) / c.width)

    def _threat(self, s: TheoryState, reply: Perceived) -> F64:
        c = self.coefficients.reactance
        if not self.config.reactance:
            return np.zeros_like(s.trust)
        tolerated = c.base + c.by_trust * s.trust - c.by_reactance * s.reactance + _by(c.by_feeling, s.feeling)
        return _plus(reply.directiveness - tolerated)

    def _insincere(self, s: TheoryState, reply: Perceived) -> F64:
        c = self.coefficients.sincerity
        if not self.config.sincerity:
            return np.zeros_like(s.trust)
        return _plus(reply.warmth - c.base - c.by_trust * s.trust - _by(c.by_feeling, s.feeling))

    def _leave(self, s: TheoryState, threat: F64, turn: I64, uniform: F64) -> tuple[Bools, Bools]:
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

    def _rate(self, s: TheoryState, threat: F64, noise: F64) -> F64:
        c = self.coefficients.rating
        moved = c.by_trust * (s.trust - 0.5) + c.by_understood * (s.understood - 0.5) + c.by_relief * s.relief
        moved = moved - self.config.effect_scale * c.by_threat * threat + c.noise * noise
        return np.clip(np.rint(c.mean + s.rater + np.where(s.constant, 0.0, moved)), 1.0, 5.0)

    def _engage(self, s: TheoryState, threat: F64, noise: F64) -> F64:
        c = self.coefficients.engagement
        if self.coefficients.people.stays:
            return np.ones(len(s.trust))
        strain = self.config.effect_scale * (c.by_habituation * s.habituation + c.by_threat * threat)
        shown = c.base + c.by_trust * s.trust + c.by_understood * s.understood - strain + c.noise * noise
        return np.clip(shown, 0.0, 1.0)


def _by(values: Triple, feeling: I64) -> F64:
    """The number of each person's feeling, `[N]`."""
    return np.array(values)[feeling]
