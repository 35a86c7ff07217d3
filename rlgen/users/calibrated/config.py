"""The config of the calibrated family."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlgen.users.settings import FamilyConfig, Number, Positive, Settings, Share, Size


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
    reading_limit: Positive = Field(default=3.0, description="readings count up to so many human standard deviations")


class CalibratedConfig(FamilyConfig):
    """People fitted to rated human dialogues; see `rlgen.users.calibrated.people`.

    Attributes:
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

    family: Literal["calibrated"] = "calibrated"
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
