"""Named sub-populations of the theory family: each shifts its coefficients."""

from __future__ import annotations

from typing import Final

from rlgen.users.settings import Population, Settings, changed
from rlgen.users.theory.coefficients import TheoryCoefficients

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
