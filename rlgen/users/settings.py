"""What every family's config is made of: frozen models whose numbers refuse impossible people.

What comes in are fields from Python, YAML or the command line; what goes out is a config that describes people who
could exist, and that knows the class of these people (`FamilyConfig.people`).
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from rlgen.errors import PopulationError

Population = Literal["general", "guarded", "despairing", "impatient", "constant_raters", "crisis", "stalling"]
Scenario = Literal["education", "healthcare", "workplace", "companion"]
Bank = Literal["plain", "masked", "lengths", "crisis"]
"""Which of the project's own utterances people need: all; also those that hide a feeling; of all lengths; of crises."""


def _within(low: float, allowed: str, above: bool = False, high: float = math.inf) -> AfterValidator:
    """A number from `low` (or above it) to `high`, itself finite."""

    def checked(value: float, info: ValidationInfo) -> float:
        if not (math.isfinite(value) and low <= value <= high and not (above and value == low)):
            raise PopulationError(
                f"users: {info.field_name} was {value}: it must be {allowed}; such people cannot exist"
            )
        return value

    return AfterValidator(checked)


Number = Annotated[float, _within(-math.inf, "a finite number")]
Share = Annotated[float, _within(0.0, "in [0, 1]", high=1.0)]
Size = Annotated[float, _within(0.0, "finite and not negative")]
Positive = Annotated[float, _within(0.0, "finite and above 0", above=True)]
EffectScale = Annotated[Size, Field(description="multiplies everything that a reply does to a person")]
"""0 makes replies irrelevant, 1 is the family's own size, and anything else a visible choice."""


class Settings(BaseModel):
    """Frozen, and an unknown field is an error. Impossible numbers raise `PopulationError`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Settings)


def changed(settings: S, **update: object) -> S:
    """The settings with some fields changed, and checked again.

    Raises:
        PopulationError: changed, they describe impossible people.
    """
    return type(settings).model_validate({**settings.model_dump(), **update})


class FamilyConfig(Settings):
    """What describes the people of a family; each family adds the fields that it has.

    Attributes:
        people: whose config this is: their class, or `package.module:Class`. A class of people of one's own that
            names a config as its `Config` is found here.
        family: the name by which config files choose the family; of one's own, `package.module:Class`.
        bank: which of the project's own utterances these people choose from.
        statement: what is known of how human they are, where no figures tell it (`rlgen.users.reference`).
    """

    people: ClassVar[Any] = None
    statement: ClassVar[str] = "Nothing was measured of how human these people are."
    family: str = Field(default="", description="which people: a name, or package.module:Class")

    @property
    def bank(self) -> Bank:
        """See the class."""
        return "plain"

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name, own = cls.name(), [field for field in cls.model_fields if field != "family"]
        for field in values:
            if field not in cls.model_fields:
                raise ValueError(
                    f"people of the family {name!r} have no {field!r}; they have {', '.join(own) or 'no options'}"
                )
        if values.get("family") not in (None, "", name):
            raise ValueError(f"this is a config of the family {name!r}, not of {values['family']!r}")
        return {**values, "family": name}

    @classmethod
    def name(cls) -> str:
        """The family's name, see `family`."""
        if given := cls.model_fields["family"].default:
            return str(given)
        who = cls.people or cls
        return who if isinstance(who, str) else f"{who.__module__}:{who.__qualname__}"


class PeopleConfig(FamilyConfig):
    """Of people who speak from the bank of utterances and the bank of signals, as all of `rlgen.users.People` do.

    Attributes:
        scenario: restricts the topics to those of a setting; None leaves all.
        topics: restricts the topics by name, e.g. for folds; None leaves all.
        transitions: how far a turn sounds like the one before, see `expression.transitions`; None: not at all.
    """

    scenario: Scenario | None = Field(default=None, description="restricts the topics to those of a setting")
    topics: tuple[str, ...] | None = Field(default=None, description="restricts the topics by name")
    transitions: str | None = Field(
        default="shipped:transitions", description="moods from turn to turn: shipped:NAME, a folder, or none"
    )
