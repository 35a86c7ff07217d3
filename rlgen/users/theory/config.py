"""The config of the theory family, and its named sub-populations: each shifts the coefficients."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from rlgen.users.settings import Bank, EffectScale, PeopleConfig, Population, Settings, changed
from rlgen.users.theory.coefficients import TheoryCoefficients


class TheoryConfig(PeopleConfig):
    """People for whom what helps depends on their state; see `rlgen.users.theory.people`.

    Attributes:
        effect_scale: multiplies everything that a reply does to a person.
        population: who comes, see `theory_people`.
        pacing, reactance, sincerity, habituation, over_validation: the five interactions; False
            removes one, so that no state changes any more what is best in that respect.
        coefficients: every number of the model.
    """

    people: ClassVar = "rlgen.users.theory.people:TheoryUsers"
    statement: ClassVar = (
        "People for whom what helps depends on their state, from the literature; sizes of effects are chosen so that "
        "there is something to learn and are no estimate of human ones: nothing was measured."
    )
    family: Literal["theory"] = "theory"
    effect_scale: EffectScale = 1.0
    population: Population = Field(default="general", description="who comes: a named sub-population")
    pacing: bool = Field(default=True, description="meet arousal, then lead it down")
    reactance: bool = Field(default=True, description="directiveness hurts while trust is low, helps once understood")
    sincerity: bool = Field(default=True, description="warmth beyond what trust carries reads as insincere")
    habituation: bool = Field(default=True, description="a repeated phrase loses its effect")
    over_validation: bool = Field(default=True, description="validation without movement keeps a person in the feeling")
    coefficients: TheoryCoefficients = Field(default=TheoryCoefficients(), description="every number of the model")

    @property
    def bank(self) -> Bank:
        """They may hide in their words what they feel; people in crisis do not."""
        return "crisis" if self.population == "crisis" else "masked"


# Added to the coefficients of the theory family: group -> field -> shift.
_THEORY_SHIFTS: Final[dict[str, dict[str, dict[str, float]]]] = {
    "general": {},
    "guarded": {"people": {"trust": -0.12, "reactance": 0.2}, "showing": {"plain_from": 0.1, "open_from": 0.1}},
    "despairing": {"people": {"intensity": 0.15, "pace_spread": -0.2}, "understanding": {"by_match": -0.06}},
    "impatient": {"ending": {"abandon": 1.2, "abandon_by_turn": 0.06}},
    "constant_raters": {},
    "crisis": {"people": {"intensity": 0.2}},
    "stalling": {},
}


def theory_people(coefficients: TheoryCoefficients, population: Population) -> TheoryCoefficients:
    """The coefficients of a sub-population.

    Raises:
        PopulationError: shifted, the coefficients describe impossible people.
    """
    groups: dict[str, Settings] = {}
    for name, shifts in _THEORY_SHIFTS[population].items():
        group = getattr(coefficients, name)
        groups[name] = changed(group, **{field: getattr(group, field) + shift for field, shift in shifts.items()})
    if population == "constant_raters":
        groups["rating"] = changed(coefficients.rating, constant_share=1.0)
    if population == "crisis":  # the lines that would mask tell of recovery
        groups["showing"] = changed(coefficients.showing, masked=0.0)
    if population == "stalling":
        groups["people"] = changed(coefficients.people, stays=True)
    return changed(coefficients, **groups)
