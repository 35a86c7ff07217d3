"""The config of the calibrated family, and its named sub-populations: each shifts what was fitted."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from rlgen.users.calibrated.parameters import Parameters
from rlgen.users.settings import (
    Bank,
    EffectScale,
    Number,
    PeopleConfig,
    Population,
    Positive,
    Settings,
    Share,
    Size,
    changed,
)


class Assumptions(Settings):
    """What the data do not tell about calibrated people, and had to be assumed."""

    engagement: Share = Field(default=0.6, description="engagement at mood 0")
    engagement_by_mood: Size = Field(default=0.1, description="per point of mood")
    engagement_noise: Size = Field(default=0.06, description="standard deviation from turn to turn")
    arousal_spread: Size = Field(default=0.2, description="standard deviation of arousal between people")
    arousal_noise: Size = Field(default=0.08, description="standard deviation of shown arousal and intensity")
    calm_below: Number = Field(default=0.4, description="intensity on [0, 1] at which half of the turns sound calm")
    calm_width: Positive = Field(default=0.1, description="width of that transition")
    happy_by_relief: Size = Field(default=0.8, description="share of happy among calm turns per unit of relief")
    mixed: Share = Field(default=0.2, description="probability that another distressed feeling shows")
    trust_by_progress: Size = Field(default=2.0, description="growth of trust over a dialogue of usual length, logits")
    plain_from: Share = Field(default=0.4, description="trust from which people speak plainly")
    open_from: Share = Field(default=0.7, description="trust from which people open up")
    working_from: Share = Field(
        default=0.5, description="part of the usual length after which the working phase begins"
    )
    late_power: Positive = Field(default=3.0, description='of the share of the usual length, on the path "late"')
    early_by_mood: Size = Field(
        default=1.0, description='log power by which a point of mood brings relief forward, on "understanding"'
    )
    misfit: Size = Field(
        default=0.5, description="what a rating loses, in logits, where replies do not answer at all: humans' do"
    )
    misfit_below: Share = Field(default=0.3, description="relevance from which on nothing is lost")
    reading_limit: Positive = Field(default=3.0, description="readings count up to so many human standard deviations")


class CalibratedConfig(PeopleConfig):
    """People fitted to rated human dialogues; see `rlgen.users.calibrated.people`.

    Attributes:
        effect_scale: multiplies everything that a reply does to a person.
        population: who comes, see `calibrated_people`.
        parameters: `"shipped:calibrated_users"` or the folder that `rlgen fit users --out` wrote.
        share_of_successes: share of people whose dialogue would have entered the corpus of
            successes; not identified by filtered data, hence a parameter.
        path: how relief spreads over the dialogue: `linear`; `late`, most of it at the end; `understanding`,
            sooner the better the replies were rated. The surveys before and after do not tell, so that a
            conclusion must hold on all three; what is reached in the end is the same.
        assumed: what the data do not tell.
        draw: which member of the posterior ensemble these people follow; None is the posterior mode.
        without: a topic of the fitted dialogues: people are those of the fit that has not seen its fold, and draws
            are counted among those. Train with one topic and evaluate with one of another fold, and people differ
            in their very parameters.
    """

    people: ClassVar = "rlgen.users.calibrated.people:CalibratedUsers"
    family: Literal["calibrated"] = "calibrated"
    effect_scale: EffectScale = 1.0
    population: Population = Field(default="general", description="who comes: a named sub-population")
    parameters: str = Field(default="shipped:calibrated_users", description="a fit: shipped:NAME or a folder")
    share_of_successes: Share = Field(
        default=0.8, description="share of people who come to be helped within the dialogue"
    )
    path: Literal["linear", "late", "understanding"] = Field(
        default="linear", description="how relief spreads over the dialogue; the data do not tell"
    )
    assumed: Assumptions = Field(default=Assumptions(), description="what the data do not tell")
    draw: int | None = Field(
        default=None, ge=0, description="member of the posterior ensemble; none for the posterior mode"
    )
    without: str | None = Field(
        default=None, description="a topic of the fitted dialogues: people of the fit that has not seen its fold"
    )

    @property
    def bank(self) -> Bank:
        """They want to say so many words, and to sound so positive; people in crisis have a bank of their own."""
        return "crisis" if self.population == "crisis" else "lengths"


def calibrated_people(parameters: Parameters, population: Population) -> Parameters:
    """The fitted parameters of a sub-population; the shifts are assumed, not fitted.

    Guarded people rate lower by one standard deviation of personal effects, despairing people come
    with intensities of 4 and 5 and end higher, impatient people abandon three times as often, people in
    crisis come with an intensity of 5.

    Raises:
        PopulationError: shifted, the parameters describe impossible people.
    """
    ratings, endings, relief = parameters.ratings, parameters.endings, parameters.relief
    if population == "guarded":
        ratings = changed(ratings, cuts=tuple(cut + ratings.spread for cut in ratings.cuts))
    if population == "constant_raters":
        ratings = changed(ratings, constant=(1.0, 1.0))
    if population == "impatient":
        endings = changed(endings, abandon=endings.abandon + math.log(3.0))
    update: dict[str, object] = {"ratings": ratings, "endings": endings}
    if population == "despairing":
        update["initial"] = tuple((0.0, 0.0, 0.0, *weights[3:]) for weights in parameters.initial)
        update["relief"] = tuple(changed(part, base=part.base + 0.5) for part in relief)
    if population == "crisis":
        update["initial"] = ((0.0, 0.0, 0.0, 0.0, 1.0),) * 2
        # Their bank has few lines, each of its moment: who wanted a length would take one of another.
        update["words"] = update["valence"] = None
    return changed(parameters, **update)
