"""Named sub-populations, and the settings that people come from.

A sub-population shifts a family's coefficients; a scenario or a list restricts the topics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeVar

from rlgen.errors import PopulationError
from rlgen.text.writing import topics as text_topics
from rlgen.text.writing.utterances import CRISIS
from rlgen.users.parameters import Parameters
from rlgen.users.settings import FamilyConfig, Population, Settings
from rlgen.users.theory_coefficients import TheoryCoefficients

S = TypeVar("S", bound=Settings)

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
        groups[name] = _changed(group, **{field: getattr(group, field) + shift for field, shift in shifts.items()})
    if population == "constant_raters":
        groups["rating"] = _changed(coefficients.rating, constant_share=1.0)
    if population == "crisis":  # the lines that would mask tell of recovery
        groups["showing"] = _changed(coefficients.showing, masked=0.0)
    if population == "stalling":
        groups["people"] = _changed(coefficients.people, stays=True)
    return _changed(coefficients, **groups)


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
        ratings = _changed(ratings, cuts=tuple(cut + ratings.spread for cut in ratings.cuts))
    if population == "constant_raters":
        ratings = _changed(ratings, constant=(1.0, 1.0))
    if population == "impatient":
        endings = _changed(endings, abandon=endings.abandon + math.log(3.0))
    update: dict[str, object] = {"ratings": ratings, "endings": endings}
    if population == "despairing":
        update["initial"] = tuple((0.0, 0.0, 0.0, *weights[3:]) for weights in parameters.initial)
        update["relief"] = tuple(_changed(part, base=part.base + 0.5) for part in relief)
    if population == "crisis":
        update["initial"] = ((0.0, 0.0, 0.0, 0.0, 1.0),) * 2
        # Their bank has few lines, each of its moment: a wish for a length would take one of another.
        update["words"] = update["valence"] = None
    return _changed(parameters, **update)


def _changed(settings: S, **update: object) -> S:
    """The settings with some fields changed, and checked again."""
    return type(settings).model_validate({**settings.model_dump(), **update})


def topics_of(config: FamilyConfig, topics: Sequence[str]) -> list[int]:
    """Indices of the topics that people of a config bring.

    Raises:
        PopulationError: a topic is unknown, or none of the bank's topics belongs to the scenario.
    """
    if config.population == "crisis":
        return _crisis(config, topics)
    chosen = [i for i, name in enumerate(topics) if name != CRISIS]
    if config.scenario is not None:
        setting = {topic.name: topic.scenario for topic in text_topics.topics()}
        chosen = [i for i in chosen if setting.get(topics[i]) == config.scenario]
        if not chosen:
            raise PopulationError(
                f"users: scenario {config.scenario!r} fits none of the bank's topics ({', '.join(topics)}); "
                "use another scenario or bank"
            )
    if config.topics is not None:
        unknown = sorted(set(config.topics) - set(topics))
        if unknown or not config.topics:
            given = unknown[0] if unknown else "an empty list"
            raise PopulationError(f"users: topics held {given!r}; the bank's topics are {', '.join(topics)}")
        chosen = [i for i in chosen if topics[i] in config.topics]
        if not chosen:
            raise PopulationError(f"users: none of the topics {config.topics} belongs to scenario {config.scenario!r}")
    return chosen


def _crisis(config: FamilyConfig, topics: Sequence[str]) -> list[int]:
    if config.scenario is not None or config.topics is not None:
        raise PopulationError("users: people of the population 'crisis' bring one topic; drop scenario and topics")
    if CRISIS not in topics:
        raise PopulationError(
            f"users: the utterance bank has no topic {CRISIS!r} for the population 'crisis'; "
            "use `rlgen.text.writing.utterances.with_crisis()`"
        )
    return [list(topics).index(CRISIS)]
