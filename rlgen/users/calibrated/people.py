"""People fitted to rated human support dialogues, with effects of human size.

Ratings come from an ordinal model with personal effects and constant raters (`fitting.rating_model`), endings
from competing risks, relief from the change between the first and the last survey (`fitting.ending_model`). What a
reply does to a person goes through one path only: its reading moves the next rating, ratings make
the mood, and mood shifts the hazards and the final survey. The last two links are correlations between people
in the data, taken as effects: an upper bound. Formulas: `docs/users/calibrated.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from rlgen.affect import CATEGORY_VALENCE_AROUSAL, from_points
from rlgen.errors import PopulationError
from rlgen.rng import Streams
from rlgen.types import (
    F32,
    I64,
    MAX_TURNS,
    Bools,
    Expression,
    Feedback,
    Reading,
    Rows,
    SegmentCatalogue,
    UtteranceCatalogue,
    Words,
)
from rlgen.users.calibrated.config import CalibratedConfig
from rlgen.users.calibrated.parameters import (
    SHARPNESS_NODES,
    SHARPNESS_SHARES,
    Parameters,
    read_fit,
)
from rlgen.users.calibrated.populations import calibrated_people
from rlgen.users.calibrated.wishes import Wishes
from rlgen.users.expression.sounding import Sounding
from rlgen.users.expression.topics import topics_of
from rlgen.users.expression.transitions import FEELINGS, read_transitions
from rlgen.users.expression.voices import (
    CLOSING,
    EXPLORING,
    F64,
    OPENING,
    WORKING,
    Felt,
    Voices,
    columns,
)
from rlgen.users.logs.observations import CENTRE
from rlgen.users.logs.readings import NAMES, select
from rlgen.users.protocol import family, numbers_sha256, with_points

_PERSON: Final = (
    "actor",
    "topic",
    "helped",
    "feeling",
    "initial",
    "effect",
    "constant",
    "value",
    "outlook",
    "patience",
)
_START: Final = ("arousal", "gap", "sharpness", "verbosity", "brightness", "words_scale", "valence_scale")
_TURN: Final = (
    "utterance",
    "segment",
    "category",
    "intensity",
    "arousal",
    "words",
    "valence",
    "words_noise",
    "valence_noise",
)
_SHOWN: Final = slice(3, 5)  # intensity and arousal
_ANSWER: Final = ("complete", "rating", "gap", "engagement")


@dataclass
class Hearts(Rows):
    """Hidden state of N people, `[N]` each unless said otherwise."""

    helped: Bools
    feeling: I64  # 0 sad, 1 fearful, 2 angry
    initial: F64  # surveyed intensity, 1-5
    effect: F64  # personal effect on ratings, logits
    sharpness: F64  # by which the person's logits are multiplied
    constant: F64  # the rating of a constant rater, 0 for others
    outlook: F64  # quantile of the final survey
    patience: F64  # cumulative hazard of abandoning that the person bears
    borne: F64  # of which so much is used up
    arousal: F64  # personal offset
    replies: I64
    wait: I64  # replies until the next rating
    count: I64  # ratings so far
    total: F64  # their sum above CENTRE
    last: F64  # the last one above CENTRE
    fallen: F64  # model_relief in points of the survey
    relief: F64  # in points of the survey

    @property
    def mood(self) -> F64:
        """Ratings so far above `CENTRE`, summed, by their number plus one."""
        return self.total / (self.count + 1)


@family(CalibratedConfig)
class CalibratedUsers:
    """N people of the calibrated family; a `rlgen.users.Users`.

    The fit knows intensity and its fall in points of the survey, 1-5, and so does the state in here; `hidden`
    tells them on the common scale.
    """

    hidden_names: tuple[str, ...] = (
        "intensity", "model_relief", "relief", "valence", "arousal", "alliance", "trust", "patience",
        "mood", "helped", "constant_rater", "sadness", "fear", "anger",
    )  # fmt: skip
    knows_relief = True

    def __init__(
        self,
        config: CalibratedConfig,
        rows: int,
        utterances: UtteranceCatalogue,
        segments: SegmentCatalogue,
        parameters: Parameters | None = None,
    ) -> None:
        """Args as for `rlgen.users.build`; `parameters` stand in for the config's fit."""
        self.config = config
        fitted = parameters or read_fit(config.parameters).member(config.draw, config.without)
        self.parameters = p = calibrated_people(fitted, config.population)
        transitions = read_transitions(config.transitions)
        self.sha256 = numbers_sha256(config, p, transitions)
        for name, weights in (("initial", p.initial[0]), ("initial", p.initial[1]), ("feelings", p.feelings)):
            if sum(weights) <= 0:
                raise PopulationError(
                    f"users: {name} are all 0; refit with `rlgen fit users` or take another population"
                )
        topics = topics_of(config, utterances.topics)
        self._voices = Voices(rows, utterances, segments, topics, lengths=p.words is not None)
        self._sounding = Sounding(rows, transitions)
        self._words, self._valence = Wishes(p.words, rows), Wishes(p.valence, rows)
        complete = np.array(p.endings.complete)
        self._complete = np.pad(complete, (0, max(MAX_TURNS - len(complete), 0)), mode="edge")
        # Only who is not helped abandons: the fewer such people there are, the rarer it is.
        rarer = max(1.0 - config.share_of_successes, 1e-3) / max(1.0 - p.endings.share, 1e-3)
        self._abandon = p.endings.abandon + float(np.log(rarer))
        self._survey = np.array([[part.base, part.slope, part.mood, part.spread] for part in p.relief]).T
        self._length = _usual_length(self._complete)
        self._effects, self._means, self._deviations = _reading_arrays(p)
        self._window = np.zeros((rows, len(NAMES)))
        self._window_count = np.zeros(rows)
        self._stays = config.population == "stalling"
        kinds: dict[str, Any] = {"helped": np.bool_, "feeling": np.int64, "replies": np.int64}
        kinds |= {"wait": np.int64, "count": np.int64}
        self._hearts = Hearts(**{f.name: np.zeros(rows, dtype=kinds.get(f.name, np.float64)) for f in fields(Hearts)})
        self._all = np.arange(rows)

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `rlgen.users.Users.reset`."""
        p, s = self.parameters, self._hearts
        drawn = streams.uniform("users.person", 0, len(_PERSON) + len(_START))
        person = columns(_PERSON + _START, drawn)
        self._voices.enter(rows, drawn[:, :2])
        self._sounding.enter(rows)
        helped = person["helped"] < self.config.share_of_successes
        kind = np.where(helped, 0, 1)
        s.helped[rows] = helped
        s.feeling[rows] = _pick(np.array(p.feelings)[None], person["feeling"])
        s.initial[rows] = 1.0 + _pick(np.array(p.initial)[kind], person["initial"])
        s.effect[rows] = p.ratings.spread * ndtri(person["effect"]) + np.where(helped, 0.0, p.ratings.unhelped)
        s.sharpness[rows] = np.exp(
            p.ratings.sharpness * SHARPNESS_NODES[_pick(SHARPNESS_SHARES[None], person["sharpness"])]
        )
        constant = person["constant"] < np.array(p.ratings.constant)[kind]
        value = 1.0 + _pick(np.array(p.ratings.constant_value)[kind], person["value"])
        s.constant[rows] = np.where(constant, value, 0.0)
        s.outlook[rows] = person["outlook"]
        s.patience[rows] = -np.log(person["patience"])
        s.arousal[rows] = self.config.assumed.arousal_spread * ndtri(person["arousal"])
        s.wait[rows] = self._gap(person["gap"])
        self._words.enter(rows, person["verbosity"], person["words_scale"])
        self._valence.enter(rows, person["brightness"], person["valence_scale"])
        for name in ("borne", "replies", "count", "total", "last", "fallen", "relief"):
            getattr(s, name)[rows] = 0
        self._window[rows] = 0.0
        self._window_count[rows] = 0.0
        phase = np.full(len(rows), OPENING)
        return self._speak(rows, phase, np.zeros_like(phase), streams.uniform("users.opening", 0, len(_TURN)))

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `rlgen.users.Users.respond`; only the reading of the words is used."""
        a, s = self.config.assumed, self._hearts.rows(rows)
        drawn = streams.uniform("users.turn", turn, len(_TURN) + len(_ANSWER))
        answer = columns(_ANSWER, drawn[:, len(_TURN) :])
        s.replies = turn + 1
        self._window[rows] += select(reading)
        self._window_count[rows] += 1
        rating = self._rate(rows, s, answer["rating"], answer["gap"])
        abandoned, completed = self._leave(rows, s, answer["complete"])
        self._relieve(s, abandoned, completed)
        self._hearts.put(rows, s)
        engagement = a.engagement + a.engagement_by_mood * s.mood + a.engagement_noise * ndtri(answer["engagement"])
        engagement = np.ones_like(engagement) if self._stays else np.clip(engagement, 0.0, 1.0)
        phase = np.where(s.replies >= a.working_from * self._length, WORKING, EXPLORING)
        phase = np.where(completed | abandoned, CLOSING, phase)
        leaving = completed.astype(np.int64) - abandoned
        feedback = Feedback(rating, engagement.astype(np.float32), completed, abandoned)
        return feedback, self._speak(rows, phase, leaving, drawn[:, : len(_TURN)])

    def hidden(self) -> dict[str, F32]:
        """See `rlgen.users.Users.hidden`."""
        s = self._hearts
        plane = CATEGORY_VALENCE_AROUSAL[FEELINGS[s.feeling]] * self._level(self._all)[:, None]
        values: dict[str, NDArray[Any]] = {
            "intensity": from_points(s.initial - s.fallen - 1.0),
            "model_relief": from_points(s.fallen),
            "relief": from_points(s.relief),
            "valence": plane[:, 0],
            "arousal": np.clip(plane[:, 1] + s.arousal, -1.0, 1.0),
            "alliance": s.effect,
            "trust": self._trust(self._all),
            "patience": s.patience - s.borne,
            "mood": s.mood,
            "helped": s.helped,
            "constant_rater": s.constant > 0,
            **{name: s.feeling == i for i, name in enumerate(("sadness", "fear", "anger"))},
        }
        return with_points({name: values[name].astype(np.float32) for name in self.hidden_names})

    def actor(self) -> I64:
        """See `rlgen.users.Users.actor`."""
        return self._voices.actor

    def topic(self) -> I64:
        """See `rlgen.users.Users.topic`."""
        return self._voices.topic.copy()

    def _gap(self, uniform: F64) -> I64:
        short, long = self.parameters.ratings.gap
        return np.where(uniform * (short + long) < short, 2, 3)

    def _rate(self, rows: I64, s: Hearts, uniform: F64, gap: F64) -> F32:
        p = self.parameters.ratings
        s.wait = s.wait - 1
        given = s.wait <= 0
        s.wait = np.where(given, self._gap(gap), s.wait)
        limit = self.config.assumed.reading_limit
        mean = self._window[rows] / np.maximum(self._window_count[rows], 1.0)[:, None]
        standardised = np.clip((mean - self._means) / self._deviations, -limit, limit)
        # A sum over the short axis in a fixed order: a matrix product may round differently for other N.
        effect = np.add.reduce(standardised * self._effects, axis=1)
        turn = np.minimum(s.replies, MAX_TURNS) / 10.0
        eta = s.effect + np.where(s.count == 0, p.first, 0.0) + p.trend * turn + p.curve * (turn - 1.0) ** 2
        eta = eta + p.last * s.last
        eta = eta + self.config.effect_scale * effect
        below = expit(s.sharpness[:, None] * (np.array(p.cuts) - eta[:, None]))
        below = (1.0 - p.lapse) * below + p.lapse * np.arange(1, 5) / 5.0
        value = 1.0 + (uniform[:, None] > below).sum(axis=1)
        value = np.where(s.constant > 0, s.constant, value)
        s.count = s.count + given
        s.total = s.total + np.where(given, value - CENTRE, 0.0)
        s.last = np.where(given, value - CENTRE, s.last)
        self._window[rows[given]] = 0.0
        self._window_count[rows[given]] = 0.0
        return np.where(given, value, np.nan).astype(np.float32)

    def _leave(self, rows: I64, s: Hearts, uniform: F64) -> tuple[Bools, Bools]:
        p = self.parameters.endings
        if self._stays:
            return np.zeros(len(uniform), dtype=np.bool_), np.zeros(len(uniform), dtype=np.bool_)
        leaving = expit(self._abandon + p.abandon_mood * s.mood + p.abandon_turn * s.replies / 10.0)
        s.borne = s.borne - np.log1p(-leaving)
        abandoned = s.borne >= s.patience
        own = p.complete_verbosity * self._words.effect[rows] + p.complete_brightness * self._valence.effect[rows]
        done = expit(self._complete[np.minimum(s.replies, len(self._complete)) - 1] + p.complete_mood * s.mood + own)
        return abandoned, ~abandoned & (uniform < done)

    def _relieve(self, s: Hearts, abandoned: Bools, completed: Bools) -> None:
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
        s.relief = np.where(abandoned | completed, s.initial - final, s.fallen)

    def _reached(self, s: Hearts) -> F64:
        """Share of the change that the path has reached, `[K]`: 1 from the usual length on, whatever the path."""
        a, path = self.config.assumed, self.config.path
        progress = np.minimum(s.replies / self._length, 1.0)
        if path == "late":
            progress = progress**a.late_power
        if path == "understanding":
            progress = progress ** np.exp(-a.early_by_mood * s.mood)
        return progress

    def _level(self, rows: I64) -> F64:
        """Intensity on [0, 1]."""
        s = self._hearts
        return np.clip(from_points(s.initial[rows] - s.fallen[rows] - 1.0), 0.0, 1.0)

    def _trust(self, rows: I64) -> F64:
        p, s = self.parameters.ratings, self._hearts
        progress = np.minimum(s.replies[rows] / self._length, 1.0)
        trust: F64 = expit(
            s.effect[rows] / max(p.spread, 1e-6) + self.config.assumed.trust_by_progress * (progress - 0.5)
        )
        return trust

    def _wording(self, rows: I64, phase: I64, draw: dict[str, F64]) -> tuple[F64 | None, F64 | None]:
        """Wanted log(1 + words) and valence; none for openings, which human seekers begin with a greeting."""
        if (phase == OPENING).all():
            return None, None
        who = rows, self._hearts.helped[rows], self._hearts.replies[rows], phase == CLOSING
        words = self._words.turn(*who, draw["words"], draw["words_noise"])
        if words is None:
            return None, None
        return words, self._valence.turn(*who, draw["valence"], draw["valence_noise"], words)

    def _speak(self, rows: I64, phase: I64, leaving: I64, drawn: F64) -> Expression:
        a, s = self.config.assumed, self._hearts
        draw = columns(_TURN, drawn)
        level, feeling = self._level(rows), s.feeling[rows]
        happy = np.clip(a.happy_by_relief * from_points(s.fallen[rows]), 0.0, 1.0)
        calm = expit((a.calm_below - level) / a.calm_width)
        noise = ndtri(drawn[:, _SHOWN])
        category, deviation = self._sounding.turn(rows, feeling, calm, happy, a.mixed, leaving, draw["category"], noise)
        arousal = CATEGORY_VALENCE_AROUSAL[FEELINGS[feeling], 1] * level + s.arousal[rows]
        trust = self._trust(rows)
        words, valence = self._wording(rows, phase, draw)
        felt = Felt(
            category,
            category,
            np.clip(level + a.arousal_noise * deviation[:, 0], 0.0, 1.0),
            np.clip(arousal + a.arousal_noise * deviation[:, 1], -1.0, 1.0),
            phase,
            (trust >= a.plain_from).astype(np.int64) + (trust >= a.open_from),
            words,
            valence,
        )
        return self._voices.speak(rows, felt, drawn[:, :2])


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
