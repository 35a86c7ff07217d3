"""What a fit of calibrated people consists of: numbers with names, and no text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from pydantic import Field, ValidationError, model_validator

from rlgen.artifacts import load
from rlgen.errors import PopulationError
from rlgen.users.settings import Number, Positive, Settings, Share, Size

KIND: Final = "calibrated_users/4"
FILE: Final = "parameters.json"
SEEN: Final = "dialogues.json"  # digests of the dialogues of a fit

# Three kinds of people stand for a normal log sharpness, or unevenness: where, in standard deviations, and how many.
SHARPNESS_NODES: Final = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
SHARPNESS_SHARES: Final = np.array([1.0, 4.0, 1.0]) / 6.0
SCORES: Final = np.linspace(-3.0, 3.0, 25)  # at which `WordingParameters.shape` tells the value
WORDS_CENTRE: Final = 3.0  # log(1 + words) from which `WordingParameters.by_words` counts

Correlation = Annotated[float, Field(gt=-1.0, lt=1.0)]
Shares = tuple[Size, Size, Size, Size, Size]
"""Weights of the five points of a scale."""


class ReadingEffect(Settings):
    """What a reply's reading does to a rating, in logits per within-person standard deviation."""

    effect: Number = Field(description="coefficient of the standardised reading")
    mean: Number = Field(description="mean of the reading over human supporters' replies")
    deviation: Positive = Field(description="its standard deviation within a dialogue")


class RatingParameters(Settings):
    """Ordinal logistic model of ratings, see `rlgen.users.fitting.rating_model`. Pairs are (helped, not helped)."""

    cuts: tuple[Number, Number, Number, Number] = Field(description="thresholds between the five points")
    spread: Size = Field(description="standard deviation of personal effects")
    sharpness: Size = Field(description="standard deviation of the log sharpness of people's ratings")
    unhelped: Number = Field(description="shift of the personal effects of people who are not helped")
    first: Number = Field(description="shift of the first rating")
    trend: Number = Field(description="per ten replies")
    curve: Number = Field(description="per squared ten replies before or after the tenth")
    last: Number = Field(description="per point of the last rating above 4")
    lapse: Share = Field(description="share of ratings that are uniformly random")
    constant: tuple[Share, Share] = Field(description="share of constant raters")
    constant_value: tuple[Shares, Shares] = Field(description="what constant raters give")
    readings: dict[str, ReadingEffect] = Field(description="by name, see `rlgen.users.logs.readings.NAMES`")
    gap: tuple[Size, Size] = Field(description="weights of two and three replies between ratings")

    @model_validator(mode="after")
    def _ordered(self) -> RatingParameters:
        if sorted(self.cuts) != list(self.cuts):
            raise PopulationError(f"users: ratings.cuts was {self.cuts}: thresholds must not fall; refit the people")
        return self


class SignParameters(Settings):
    """Signs where a dialogue completes, beside those where it goes on; see `rlgen.users.fitting.ending_model`."""

    mean: dict[str, Number] = Field(description="by sign, see `rlgen.users.logs.observations.SIGNS`")
    deviation: dict[str, Positive] = Field(description="by sign")
    weight: dict[str, Number] = Field(description="log likelihood ratio per standard deviation")
    offset: tuple[Number, ...] = Field(description="what makes the ratio 1 on average after reply 1, 2, ...")


class EndingParameters(Settings):
    """Hazards per reply. Mood is the running mean of the ratings above 4, shrunk by one pseudo-rating."""

    complete: tuple[Number, ...] = Field(description="logit hazard of completing after reply 1, 2, ... at mood 0")
    complete_mood: Number = Field(description="per unit of mood")
    complete_verbosity: Number = Field(default=0.0, description="per standard deviation of how much people say")
    complete_brightness: Number = Field(default=0.0, description="per standard deviation of how positive they sound")
    abandon: Number = Field(description="logit hazard of abandoning at mood 0, reply 0")
    abandon_mood: Number = Field(description="per unit of mood")
    abandon_turn: Number = Field(description="per ten replies")
    share: Share = Field(description="share of successes at which the intercept holds")
    signs: SignParameters = Field(description="signs of a last exchange without leave-taking; for prediction alone")
    signs_with_goodbyes: SignParameters = Field(description="the same with leave-taking")


class ReliefParameters(Settings):
    """Final intensity = base + slope (initial - 4) + mood (mood) + spread noise, rounded; points of the survey, 1-5."""

    base: Number
    slope: Number
    mood: Number
    spread: Positive


class WordingParameters(Settings):
    """How much people say, or how positive it is, see `rlgen.users.fitting.wording_model`.

    Pairs are (helped, not helped).
    """

    level: tuple[Number, ...] = Field(description="mean after reply 1, 2, ...; later ones as the last", min_length=1)
    unhelped: Number = Field(description="shift for people who are not helped")
    closing: Number = Field(description="shift of the last turn")
    by_words: Number = Field(default=0.0, description="per log(1 + words) of the turn above 3; valence alone has it")
    spread: tuple[Size, Size] = Field(description="standard deviation of personal effects")
    noise: Size = Field(description="standard deviation of what is of one turn alone")
    drift: Size = Field(description="standard deviation of what lasts for some turns")
    memory: Correlation = Field(description="correlation of that from one turn to the next")
    unevenness: Size = Field(description="standard deviation, between people, of the log of their noise and drift")
    shape: tuple[Number, ...] = Field(
        default=(), description="what is said at each of `SCORES`, all else being scores; none: scores are what is said"
    )

    @model_validator(mode="after")
    def _rising(self) -> WordingParameters:
        if self.shape and (len(self.shape) != len(SCORES) or sorted(self.shape) != list(self.shape)):
            raise PopulationError(
                f"users: shape was {self.shape}: it must be {len(SCORES)} values that do not fall; refit the people"
            )
        return self


class Parameters(Settings):
    """One fitted population. Pairs are (helped, not helped)."""

    ratings: RatingParameters
    endings: EndingParameters
    relief: tuple[ReliefParameters, ReliefParameters]
    initial: tuple[Shares, Shares] = Field(description="weights of initial intensities 1-5")
    feelings: tuple[Size, Size, Size] = Field(description="weights of sadness, fear and anger")
    words: WordingParameters | None = Field(
        default=None, description="log(1 + words) of a turn; none: people say what the bank has, whatever its length"
    )
    valence: WordingParameters | None = Field(
        default=None, description="read valence of a turn; none: as its category and strength happen to read"
    )


class Fit(Settings):
    """The posterior mode, and an ensemble of draws from posteriors of which each leaves some topics out.

    Attributes:
        mean: the mode of the fit to all dialogues.
        draws: draw k is from the posterior without the topics of fold k modulo the number of folds; without folds, all
            are from the posterior of all dialogues.
        folds: the topics of each fold, as the dialogues name them, in lower case. Together they are all topics.
        without: the mode of the fit without each fold.
    """

    mean: Parameters
    draws: tuple[Parameters, ...]
    folds: tuple[tuple[str, ...], ...] = ()
    without: tuple[Parameters, ...] = ()

    @model_validator(mode="after")
    def _a_mode_each(self) -> Fit:
        if len(self.folds) != len(self.without):
            raise PopulationError(
                f"users: the fit has {len(self.folds)} folds of topics and {len(self.without)} modes; refit the people"
            )
        return self

    def member(self, draw: int | None, without: str | None = None) -> Parameters:
        """The mode, or one draw.

        Args:
            draw: number of the draw; None for the mode.
            without: a topic that the people were not fitted to; then the mode is that of the fit without its fold, and
                draws are counted among those without it.

        Raises:
            PopulationError: there is no such draw, or no such topic.
        """
        fold = None if without is None else self._fold(without)
        if draw is None:
            return self.mean if fold is None else self.without[fold]
        draws = self.draws if fold is None else self.draws[fold :: len(self.folds)]
        if draw >= len(draws):
            of = "this fit holds" if without is None else f"without {without!r} this fit holds"
            held = f"draws 0 to {len(draws) - 1}" if draws else "no draws"
            raise PopulationError(f"users: draw was {draw}: {of} {held}")
        return draws[draw]

    def _fold(self, topic: str) -> int:
        for number, topics in enumerate(self.folds):
            if topic.lower() in topics:
                return number
        known = ", ".join(sorted(topic for topics in self.folds for topic in topics))
        held = f"those of this fit are {known}" if known else "this fit was made without folds of topics"
        raise PopulationError(f"users: without was {topic!r}: there is no such topic; {held}")


def seen_dialogues(source: str | Path) -> frozenset[str]:
    """Digests of the dialogues that a fit has seen, see `rlgen.users.logs.dialogues.Dialogue.digest`.

    Raises:
        ArtifactError: missing, damaged or of another kind.
    """
    artifact = load(source, KIND)
    try:
        return frozenset(map(str, json.loads(artifact.file(SEEN).read_text(encoding="utf-8"))))
    except (UnicodeDecodeError, ValueError, TypeError) as error:
        raise artifact.unreadable(error) from error


def read_fit(source: str | Path) -> Fit:
    """A fit from `"shipped:NAME"` or from a folder that `rlgen fit users` wrote.

    Raises:
        ArtifactError: missing, damaged or of another kind.
        PopulationError: the numbers describe impossible people.
    """
    file = load(source, KIND).file(FILE)
    try:
        return Fit.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise PopulationError(f"{file}: {field}: {first['msg'].lower()}; refit with `rlgen fit users`") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PopulationError(f"{file}: not JSON; refit with `rlgen fit users`") from error
