"""Configs of the families, and their union."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rlgen.users.settings import FamilyConfig, Number, Positive, Settings, Share, Size
from rlgen.users.theory_coefficients import TheoryCoefficients


class TheoryConfig(FamilyConfig):
    """People for whom what helps depends on their state; see `rlgen.users.theory`.

    Attributes:
        pacing, reactance, sincerity, habituation, over_validation: the five interactions; False
            removes one, so that no state changes any more what is best in that respect.
        coefficients: every number of the model.
    """

    family: Literal["theory"] = "theory"
    pacing: bool = Field(default=True, description="meet arousal, then lead it down")
    reactance: bool = Field(default=True, description="directiveness hurts while trust is low, helps once understood")
    sincerity: bool = Field(default=True, description="warmth beyond what trust carries reads as insincere")
    habituation: bool = Field(default=True, description="a repeated phrase loses its effect")
    over_validation: bool = Field(default=True, description="validation without movement keeps a person in the feeling")
    coefficients: TheoryCoefficients = Field(default=TheoryCoefficients(), description="every number of the model")


class Assumptions(Settings):
    """What the data do not tell about calibrated people, and had to be assumed."""

    engagement: Share = Field(default=0.6, description="engagement at mood 0")
    engagement_by_mood: Size = Field(default=0.1, description="per point of mood")
    engagement_noise: Size = Field(default=0.06, description="standard deviation from turn to turn")
    arousal_spread: Size = Field(default=0.2, description="standard deviation of arousal between people")
    arousal_noise: Size = Field(default=0.08, description="standard deviation of shown arousal and intensity")
    calm_below: Number = Field(default=0.4, description="intensity on [0, 1] at which half of the turns sound calm")
    calm_width: Positive = Field(default=0.1, description="width of that transition")
    happy_by_relief: Size = Field(default=0.2, description="share of happy among calm turns per point of relief")
    mixed: Share = Field(default=0.2, description="probability that another distressed feeling shows")
    trust_by_progress: Size = Field(default=2.0, description="growth of trust over a dialogue of usual length, logits")
    plain_from: Share = Field(default=0.4, description="trust from which people speak plainly")
    open_from: Share = Field(default=0.7, description="trust from which people open up")
    working_from: Share = Field(
        default=0.5, description="part of the usual length after which the working phase begins"
    )
    reading_limit: Positive = Field(default=3.0, description="readings count up to so many human standard deviations")


class CalibratedConfig(FamilyConfig):
    """People fitted to rated human dialogues; see `rlgen.users.calibrated`.

    Attributes:
        parameters: `"shipped:calibrated_users"` or the folder that `rlgen fit users --out` wrote.
        share_of_successes: share of people whose dialogue would have entered the corpus of
            successes; not identified by filtered data, hence a parameter.
        assumed: what the data do not tell.
        draw: which member of the posterior ensemble these people follow; None is the posterior mean.
    """

    family: Literal["calibrated"] = "calibrated"
    parameters: str = Field(default="shipped:calibrated_users", description="a fit: shipped:NAME or a folder")
    share_of_successes: Share = Field(
        default=0.8, description="share of people who come to be helped within the dialogue"
    )
    assumed: Assumptions = Field(default=Assumptions(), description="what the data do not tell")
    draw: int | None = Field(
        default=None, ge=0, description="member of the posterior ensemble; none for the posterior mean"
    )


UsersConfig = Annotated[TheoryConfig | CalibratedConfig, Field(discriminator="family")]
