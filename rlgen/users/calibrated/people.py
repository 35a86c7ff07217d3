"""People fitted to rated human support dialogues, with effects of human size.

Ratings come from an ordinal model with personal effects and constant raters (`fitting.rating_model`), endings
from competing risks, relief from the change between the first and the last survey (`fitting.ending_model`). What a
reply does to a person goes through one path only: its reading moves the next rating, ratings make
the mood, and mood shifts the hazards and the final survey. The last two links are correlations between people
in the data, taken as effects: an upper bound. Formulas: `docs/users/calibrated.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from pydantic import BaseModel
from scipy.special import expit, ndtr

from rlgen.affect import CATEGORY_VALENCE_AROUSAL, from_points
from rlgen.errors import PopulationError
from rlgen.types import F64, I64, MAX_TURNS, Bools, Feedback, SegmentCatalogue, UtteranceCatalogue
from rlgen.users.calibrated.config import CalibratedConfig, calibrated_people
from rlgen.users.calibrated.parameters import (
    SCORES,
    SHARPNESS_NODES,
    SHARPNESS_SHARES,
    WORDS_CENTRE,
    Parameters,
    read_fit,
)
from rlgen.users.expression.transitions import FEELINGS
from rlgen.users.logs.observations import CENTRE
from rlgen.users.logs.readings import NAMES, select
from rlgen.users.people import Draws, People, Reply, Shown, State, felt

_RELEVANCE: Final = NAMES.index("relevance")
_WORDING: Final = ("words", "valence")  # in the order of `CalibratedState.wording`


@dataclass
class CalibratedState(State):
    """Hidden state of N people, `[N]` each unless said otherwise. The fit counts in points of the survey, 1-5."""

    helped: Bools
    initial: F64  # surveyed intensity, 1-5
    effect: F64  # personal effect on ratings, logits
    sharpness: F64  # by which the person's logits are multiplied
    constant: F64  # the rating of a constant rater, 0 for others
    outlook: F64  # quantile of the final survey
    patience: F64  # cumulative hazard of abandoning that the person bears
    borne: F64  # of which so much is used up
    arousal: F64  # personal offset
    replies: I64
    count: I64  # ratings so far
    total: F64  # their sum above CENTRE
    last: F64  # the last one above CENTRE
    fallen: F64  # model_relief in points of the survey
    surveyed: F64  # the fall that a survey would find, in its points
    window: F64  # `[N, 11]` readings since the last rating, summed
    window_count: F64
    wording: F64  # `[N, 2, 3]` of words and of valence: personal effect, unevenness, drift

    @property
    def mood(self) -> F64:
        """Ratings so far above `CENTRE`, summed, by their number plus one."""
        return self.total / (self.count + 1)


class CalibratedUsers(People[CalibratedConfig, CalibratedState]):
    """N people of the calibrated family.

    The fit knows intensity and its fall in points of the survey, 1-5, and so does the state in here; `hidden`
    tells them on the common scale.
    """

    Config: ClassVar = CalibratedConfig
    at_start: ClassVar = (
        "helped", "feeling", "initial", "effect", "constant", "value", "outlook", "patience",
        "arousal", "gap", "sharpness", "verbosity", "brightness", "words_scale", "valence_scale",
    )  # fmt: skip
    at_turn: ClassVar = (
        "words", "valence", "words_noise", "valence_noise", "complete", "rating", "gap", "engagement",
    )  # fmt: skip

    def __init__(
        self,
        config: CalibratedConfig,
        rows: int,
        utterances: UtteranceCatalogue,
        segments: SegmentCatalogue,
        parameters: Parameters | None = None,
    ) -> None:
        """Args as for `rlgen.users.build`; `parameters` stand in for the config's fit."""
        fitted = parameters or read_fit(config.parameters).member(config.draw, config.without)
        self.parameters = p = calibrated_people(fitted, config.population)
        super().__init__(config, rows, utterances, segments, lengths=p.words is not None)
        for name, weights in (("initial", p.initial[0]), ("initial", p.initial[1]), ("feelings", p.feelings)):
            if sum(weights) <= 0:
                raise PopulationError(
                    f"users: {name} are all 0; refit with `rlgen fit users` or take another population"
                )
        complete = np.array(p.endings.complete)
        self._complete = np.pad(complete, (0, max(MAX_TURNS - len(complete), 0)), mode="edge")
        # Only who is not helped abandons: the fewer such people there are, the rarer it is.
        rarer = max(1.0 - config.share_of_successes, 1e-3) / max(1.0 - p.endings.share, 1e-3)
        self._abandon = p.endings.abandon + float(np.log(rarer))
        self._survey = np.array([[part.base, part.slope, part.mood, part.spread] for part in p.relief]).T
        self._length = _usual_length(self._complete)
        self._effects, self._means, self._deviations = _reading_arrays(p)
        self._stays = config.population == "stalling"

    def made_of(self) -> tuple[BaseModel, ...]:
        """The parameters of these people."""
        return (self.parameters,)

    def start(self, draw: Draws) -> CalibratedState:
        """Who comes, as the fit has counted and fitted it."""
        p = self.parameters
        helped = draw["helped"] < self.config.share_of_successes
        kind = np.where(helped, 0, 1)
        initial = np.asarray(1.0 + _pick(np.array(p.initial)[kind], draw["initial"]), dtype=np.float64)
        constant = draw["constant"] < np.array(p.ratings.constant)[kind]
        value = 1.0 + _pick(np.array(p.ratings.constant_value)[kind], draw["value"])
        sharpness = _pick(SHARPNESS_SHARES[None], draw["sharpness"])
        rows = len(helped)
        wording = np.zeros((rows, 2, 3))
        for own, name, effect in zip(wording.swapaxes(0, 1), _WORDING, ("verbosity", "brightness"), strict=True):
            if (model := getattr(p, name)) is not None:
                uneven = np.searchsorted(np.cumsum(SHARPNESS_SHARES)[:-1], draw[f"{name}_scale"], side="right")
                own[:, 0], own[:, 1] = draw.normal(effect), np.exp(model.unevenness * SHARPNESS_NODES[uneven])
        nothing = ("borne", "total", "last", "fallen", "surveyed", "window_count")
        return CalibratedState(
            intensity=_scaled(initial - 1.0),
            feeling=_pick(np.array(p.feelings)[None], draw["feeling"]),
            helped=helped,
            initial=initial,
            effect=p.ratings.spread * draw.normal("effect") + np.where(helped, 0.0, p.ratings.unhelped),
            sharpness=np.exp(p.ratings.sharpness * SHARPNESS_NODES[sharpness]),
            constant=np.where(constant, value, 0.0),
            outlook=draw["outlook"],
            patience=-np.log(draw["patience"]),
            arousal=self.config.assumed.arousal_spread * draw.normal("arousal"),
            replies=np.zeros(rows, dtype=np.int64),
            count=np.zeros(rows, dtype=np.int64),
            window=np.zeros((rows, len(NAMES))),
            wording=wording,
            **{name: np.zeros(rows) for name in nothing},
        )

    def react(self, state: CalibratedState, reply: Reply, draw: Draws) -> Feedback:
        """Ratings, endings and relief after a reply, of which only the reading is used."""
        a, s = self.config.assumed, state
        s.replies = reply.turn + 1
        s.window += select(reply.reading)
        s.window_count += 1
        rating = self._rate(s, reply.due, draw["rating"])
        abandoned, completed = self._leave(s, draw["complete"])
        self._relieve(s, abandoned, completed)
        engagement = a.engagement + a.engagement_by_mood * s.mood + a.engagement_noise * draw.normal("engagement")
        engagement = np.ones_like(engagement) if self._stays else np.clip(engagement, 0.0, 1.0)
        return Feedback(rating.astype(np.float32), engagement.astype(np.float32), completed, abandoned)

    def show(self, state: CalibratedState, draw: Draws, leaving: I64, opening: bool) -> Shown:
        """See `People.show`; what is not fitted is assumed, see `Assumptions`."""
        a, s = self.config.assumed, state
        level, trust = np.clip(s.intensity, 0.0, 1.0), self._trust(s)
        words = None if opening else self._aim("words", s, leaving != 0, draw)
        valence = None if words is None else self._aim("valence", s, leaving != 0, draw, words)
        return Shown(
            intensity=level,
            arousal=CATEGORY_VALENCE_AROUSAL[FEELINGS[s.feeling], 1] * level + s.arousal,
            calm=expit((a.calm_below - level) / a.calm_width),
            happy=np.clip(a.happy_by_relief * from_points(s.fallen), 0.0, 1.0),
            disclosure=(trust >= a.plain_from).astype(np.int64) + (trust >= a.open_from),
            working=s.replies >= a.working_from * self._length,
            mixed=a.mixed,
            noise=a.arousal_noise,
            words=words,
            valence=valence,
        )

    def tell(self, state: CalibratedState) -> dict[str, Any]:
        """See `People.tell`."""
        s = state
        plane = CATEGORY_VALENCE_AROUSAL[FEELINGS[s.feeling]] * np.clip(s.intensity, 0.0, 1.0)[:, None]
        return {
            "intensity": s.intensity,
            "model_relief": from_points(s.fallen),
            "relief": from_points(s.surveyed),
            "valence": plane[:, 0],
            "arousal": np.clip(plane[:, 1] + s.arousal, -1.0, 1.0),
            "alliance": s.effect,
            "trust": self._trust(s),
            "patience": s.patience - s.borne,
            "mood": s.mood,
            "helped": s.helped,
            "constant_rater": s.constant > 0,
            **felt(s),
        }

    def gap(self, uniform: F64) -> I64:
        """See `People.gap`."""
        short, long = self.parameters.ratings.gap
        return np.where(uniform * (short + long) < short, 2, 3)

    def _rate(self, s: CalibratedState, given: Bools, uniform: F64) -> F64:
        p = self.parameters.ratings
        limit = self.config.assumed.reading_limit
        mean = s.window / np.maximum(s.window_count, 1.0)[:, None]
        standardised = np.clip((mean - self._means) / self._deviations, -limit, limit)
        # A sum over the short axis in a fixed order: a matrix product may round differently for other N.
        effect = np.add.reduce(standardised * self._effects, axis=1)
        turn = np.minimum(s.replies, MAX_TURNS) / 10.0
        eta = s.effect + np.where(s.count == 0, p.first, 0.0) + p.trend * turn + p.curve * (turn - 1.0) ** 2
        eta = eta + p.last * s.last
        eta = eta + self.config.effect_scale * (effect - self._missed(mean))
        below = expit(s.sharpness[:, None] * (np.array(p.cuts) - eta[:, None]))
        below = (1.0 - p.lapse) * below + p.lapse * np.arange(1, 5) / 5.0
        value = 1.0 + (uniform[:, None] > below).sum(axis=1)
        value = np.where(s.constant > 0, s.constant, value)
        s.count = s.count + given
        s.total = s.total + np.where(given, value - CENTRE, 0.0)
        s.last = np.where(given, value - CENTRE, s.last)
        s.window[given] = 0.0
        s.window_count[given] = 0.0
        return value

    def _missed(self, mean: F64) -> F64:
        """What the next rating loses where replies, `[K, 11]` as read, were beside the point: assumed, not fitted."""
        a = self.config.assumed
        relevance = np.where(mean.any(axis=1), mean[:, _RELEVANCE], 1.0)  # no reply was read since the last rating
        return a.misfit * np.clip(1.0 - relevance / max(a.misfit_below, 1e-6), 0.0, 1.0)

    def _leave(self, s: CalibratedState, uniform: F64) -> tuple[Bools, Bools]:
        p = self.parameters.endings
        if self._stays:
            return np.zeros(len(uniform), dtype=np.bool_), np.zeros(len(uniform), dtype=np.bool_)
        leaving = expit(self._abandon + p.abandon_mood * s.mood + p.abandon_turn * s.replies / 10.0)
        s.borne = s.borne - np.log1p(-leaving)
        abandoned = s.borne >= s.patience
        own = p.complete_verbosity * s.wording[:, 0, 0] + p.complete_brightness * s.wording[:, 1, 0]
        done = expit(self._complete[np.minimum(s.replies, len(self._complete)) - 1] + p.complete_mood * s.mood + own)
        return abandoned, ~abandoned & (uniform < done)

    def _relieve(self, s: CalibratedState, abandoned: Bools, completed: Bools) -> None:
        """Where intensity stands: the change that the last survey would find, along the path of the config."""
        helped = s.helped & ~abandoned
        base, slope, mood, spread = self._survey[:, np.where(helped, 0, 1)]
        mean = base + slope * (s.initial - 4.0) + mood * s.mood
        below = ndtr((np.arange(1.5, 5.0) - mean[:, None]) / spread[:, None])
        # The helped are those who end lower than they began.
        lower = np.maximum(s.initial.astype(np.int64) - 2, 0)
        bound = np.where(helped, np.take_along_axis(below, lower[:, None], axis=1)[:, 0], 1.0)
        final = 1.0 + ((s.outlook * bound)[:, None] > below).sum(axis=1)
        s.fallen = (s.initial - final) * self._reached(s)
        s.surveyed = np.where(abandoned | completed, s.initial - final, s.fallen)
        s.intensity = _scaled(s.initial - s.fallen - 1.0)

    def _reached(self, s: CalibratedState) -> F64:
        """Share of the change that the path has reached, `[K]`: 1 from the usual length on, whatever the path."""
        a, path = self.config.assumed, self.config.path
        progress = np.minimum(s.replies / self._length, 1.0)
        if path == "late":
            progress = progress**a.late_power
        if path == "understanding":
            progress = progress ** np.exp(-a.early_by_mood * s.mood)
        return progress

    def _trust(self, s: CalibratedState) -> F64:
        progress = np.minimum(s.replies / self._length, 1.0)
        growth = self.config.assumed.trust_by_progress * (progress - 0.5)
        trust: F64 = expit(s.effect / max(self.parameters.ratings.spread, 1e-6) + growth)
        return trust

    def _aim(
        self, name: str, s: CalibratedState, closing: Bools, draw: Draws, words: F64 | float = WORDS_CENTRE
    ) -> F64 | None:
        """log(1 + words) (`"words"`), or the valence (`"valence"`), that people aim at in this turn.

        See `rlgen.users.fitting.wording_model`; None without a model of it. `words` is log(1 + words), for valence.
        """
        p, own = getattr(self.parameters, name), s.wording[:, _WORDING.index(name)]
        if p is None:
            return None
        kept = np.where(s.replies <= 1, 0.0, p.memory)  # nothing lasts into the first turn after a reply
        own[:, 2] = kept * own[:, 2] + np.sqrt(1.0 - kept**2) * draw.normal(name)
        effect, scale, drift = own.T
        level = np.array(p.level)[np.clip(s.replies, 1, len(p.level)) - 1]
        level = level + np.where(s.helped, 0.0, p.unhelped) + p.closing * closing
        within = scale * (p.drift * drift + p.noise * draw.normal(f"{name}_noise"))
        aim: F64 = level + np.where(s.helped, *p.spread) * effect + within + p.by_words * (words - WORDS_CENTRE)
        return np.interp(aim, SCORES, p.shape) if p.shape else aim


def _scaled(points: F64) -> F64:
    """Points of the survey on the common scale."""
    return np.asarray(from_points(points), dtype=np.float64)


def _pick(weights: F64, uniform: F64) -> I64:
    """Index per row by inverse CDF; weights `[1, C]` or `[K, C]`."""
    cumulative = np.cumsum(weights, axis=1)
    picked: I64 = (cumulative[:, :-1] <= uniform[:, None] * cumulative[:, -1:]).sum(axis=1)
    return picked


def _usual_length(complete: F64) -> float:
    """Mean number of replies until completion, for people who neither abandon nor are cut off."""
    staying = np.concatenate([[1.0], np.cumprod(1.0 - expit(complete))])
    return float(staying.sum())


def _reading_arrays(parameters: Parameters) -> tuple[F64, F64, F64]:
    """Effects, means and deviations in the order of `NAMES`; a reading that was not fitted has no effect."""
    found = [parameters.ratings.readings.get(name) for name in NAMES]
    effects = [0.0 if part is None else part.effect for part in found]
    means = [0.0 if part is None else part.mean for part in found]
    deviations = [1.0 if part is None else part.deviation for part in found]
    return np.array(effects), np.array(means), np.array(deviations)
