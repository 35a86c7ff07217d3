"""The shipped families of people, as one typed union that tells them apart by `family`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rlgen.users.calibrated.config import CalibratedConfig
from rlgen.users.own_words.config import HumanConfig, LlmConfig, ReplayConfig
from rlgen.users.theory.config import TheoryConfig

UsersConfig = Annotated[
    TheoryConfig | CalibratedConfig | ReplayConfig | LlmConfig | HumanConfig, Field(discriminator="family")
]
