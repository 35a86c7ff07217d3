"""Which topics people bring: those of their scenario, of their list, or the one of a crisis."""

from __future__ import annotations

from collections.abc import Sequence

from rlgen.errors import PopulationError
from rlgen.text import topics as text_topics
from rlgen.text.utterances import CRISIS


def topics_of(
    known: Sequence[str], scenario: str | None, chosen: Sequence[str] | None, in_crisis: bool = False
) -> list[int]:
    """Indices of the topics that people bring.

    Args:
        known: names of the bank's topics.
        scenario: only those of this setting; None leaves all.
        chosen: only these; None leaves all.
        in_crisis: people bring the one topic of crises, which nobody else brings.

    Raises:
        PopulationError: a topic is unknown, or none of the bank's topics belongs to the scenario.
    """
    if in_crisis:
        if scenario is not None or chosen is not None:
            raise PopulationError("users: people of the population 'crisis' bring one topic; drop scenario and topics")
        if CRISIS not in known:
            raise PopulationError(
                f"users: the utterance bank has no topic {CRISIS!r} for the population 'crisis'; "
                "use `rlgen.text.utterances.with_crisis()`"
            )
        return [list(known).index(CRISIS)]
    found = [i for i, name in enumerate(known) if name != CRISIS]
    if scenario is not None:
        setting = {topic.name: topic.scenario for topic in text_topics.topics()}
        found = [i for i in found if setting.get(known[i]) == scenario]
        if not found:
            raise PopulationError(
                f"users: scenario {scenario!r} fits none of the bank's topics ({', '.join(known)}); "
                "use another scenario or bank"
            )
    if chosen is not None:
        unknown = sorted(set(chosen) - set(known))
        if unknown or not chosen:
            given = unknown[0] if unknown else "an empty list"
            raise PopulationError(f"users: topics held {given!r}; the bank's topics are {', '.join(known)}")
        found = [i for i in found if known[i] in chosen]
        if not found:
            raise PopulationError(f"users: none of the topics {tuple(chosen)} belongs to scenario {scenario!r}")
    return found
