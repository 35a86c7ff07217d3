"""The families of people: the union of their configs, and `build`, which makes the people of any of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rlgen.types import SegmentCatalogue, UtteranceCatalogue
from rlgen.users.calibrated.config import CalibratedConfig
from rlgen.users.own_words.config import HumanConfig, LlmConfig, ReplayConfig
from rlgen.users.protocol import Users, factory
from rlgen.users.settings import FamilyConfig
from rlgen.users.theory.config import TheoryConfig

UsersConfig = Annotated[
    TheoryConfig | CalibratedConfig | ReplayConfig | LlmConfig | HumanConfig, Field(discriminator="family")
]


def build(config: FamilyConfig, rows: int, utterances: UtteranceCatalogue, segments: SegmentCatalogue) -> Users:
    """People for a world of N rows; `reset` seats the first of them.

    Args:
        config: of a registered family, e.g. `TheoryConfig()`.
        rows: N.
        utterances: what people can say.
        segments: the signals they can give.

    Raises:
        ConfigError: no family is registered for this config.
        PopulationError: the parameters describe impossible people, or the banks cannot voice them.
    """
    import rlgen.users.calibrated.people  # each registers its family
    import rlgen.users.own_words.human
    import rlgen.users.own_words.llm
    import rlgen.users.own_words.replay
    import rlgen.users.theory.people  # noqa: F401

    return factory(config)(config, rows, utterances, segments)
