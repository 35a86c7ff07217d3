"""The config of the theory family."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlgen.users.settings import FamilyConfig
from rlgen.users.theory.coefficients import TheoryCoefficients


class TheoryConfig(FamilyConfig):
    """People for whom what helps depends on their state; see `rlgen.users.theory.people`.

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
