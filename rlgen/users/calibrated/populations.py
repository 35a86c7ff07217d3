"""Named sub-populations of the calibrated family: each shifts what was fitted, by an assumed amount."""

from __future__ import annotations

import math

from rlgen.users.calibrated.parameters import Parameters
from rlgen.users.settings import Population, changed


def calibrated_people(parameters: Parameters, population: Population) -> Parameters:
    """The fitted parameters of a sub-population; the shifts are assumed, not fitted.

    Guarded people rate lower by one standard deviation of personal effects, despairing people come
    with intensities of 4 and 5 and end higher, impatient people abandon three times as often, people in
    crisis come with an intensity of 5.

    Raises:
        PopulationError: shifted, the parameters describe impossible people.
    """
    ratings, endings, relief = parameters.ratings, parameters.endings, parameters.relief
    if population == "guarded":
        ratings = changed(ratings, cuts=tuple(cut + ratings.spread for cut in ratings.cuts))
    if population == "constant_raters":
        ratings = changed(ratings, constant=(1.0, 1.0))
    if population == "impatient":
        endings = changed(endings, abandon=endings.abandon + math.log(3.0))
    update: dict[str, object] = {"ratings": ratings, "endings": endings}
    if population == "despairing":
        update["initial"] = tuple((0.0, 0.0, 0.0, *weights[3:]) for weights in parameters.initial)
        update["relief"] = tuple(changed(part, base=part.base + 0.5) for part in relief)
    if population == "crisis":
        update["initial"] = ((0.0, 0.0, 0.0, 0.0, 1.0),) * 2
        # Their bank has few lines, each of its moment: a wish for a length would take one of another.
        update["words"] = update["valence"] = None
    return changed(parameters, **update)
