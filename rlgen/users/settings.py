"""What every family's config is made of: frozen models whose numbers refuse impossible people."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from rlgen.errors import PopulationError

Population = Literal["general", "guarded", "despairing", "impatient", "constant_raters", "crisis", "stalling"]
Scenario = Literal["education", "healthcare", "workplace", "companion"]


def _refuse(value: float, info: ValidationInfo, allowed: str) -> PopulationError:
    return PopulationError(f"users: {info.field_name} was {value}: it must be {allowed}; such people cannot exist")


def _number(value: float, info: ValidationInfo) -> float:
    if not math.isfinite(value):
        raise _refuse(value, info, "a finite number")
    return value


def _share(value: float, info: ValidationInfo) -> float:
    if not 0.0 <= value <= 1.0:
        raise _refuse(value, info, "in [0, 1]")
    return value


def _size(value: float, info: ValidationInfo) -> float:
    if not 0.0 <= value < math.inf:
        raise _refuse(value, info, "finite and not negative")
    return value


def _positive(value: float, info: ValidationInfo) -> float:
    if not 0.0 < value < math.inf:
        raise _refuse(value, info, "finite and above 0")
    return value


Number = Annotated[float, AfterValidator(_number)]
Share = Annotated[float, AfterValidator(_share)]
Size = Annotated[float, AfterValidator(_size)]
Positive = Annotated[float, AfterValidator(_positive)]


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
    """What the configs of all families share.

    Attributes:
        effect_scale: multiplies everything that a reply does to a person; 0 makes replies
            irrelevant, 1 is the family's own size.
        population: who comes, see `populations` of each family.
        scenario: restricts the topics to those of a setting; None leaves all.
        topics: restricts the topics by name, e.g. for folds; None leaves all.
        transitions: how far a turn sounds like the one before, see `expression.transitions`; None: not at all.
    """

    effect_scale: Size = Field(default=1.0, description="multiplies everything that a reply does to a person")
    population: Population = Field(default="general", description="who comes: a named sub-population")
    scenario: Scenario | None = Field(default=None, description="restricts the topics to those of a setting")
    topics: tuple[str, ...] | None = Field(default=None, description="restricts the topics by name")
    transitions: str | None = Field(
        default="shipped:transitions", description="moods from turn to turn: shipped:NAME, a folder, or none"
    )
