"""Configs of the families, and their union."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rlgen.users.settings import FamilyConfig, Share
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


class CalibratedConfig(FamilyConfig):
    """People fitted to rated human dialogues; see `rlgen.users.calibrated`.

    Attributes:
        parameters: `"shipped:calibrated_users"` or the folder that `rlgen fit users --out` wrote.
        share_of_successes: share of people whose dialogue would have entered the corpus of
            successes; not identified by filtered data, hence a parameter.
        draw: which member of the posterior ensemble these people follow; None is the posterior mean.
    """

    family: Literal["calibrated"] = "calibrated"
    parameters: str = Field(default="shipped:calibrated_users", description="a fit: shipped:NAME or a folder")
    share_of_successes: Share = Field(
        default=0.8, description="share of people who come to be helped within the dialogue"
    )
    draw: int | None = Field(
        default=None, ge=0, description="member of the posterior ensemble; none for the posterior mean"
    )


UsersConfig = Annotated[TheoryConfig | CalibratedConfig, Field(discriminator="family")]
