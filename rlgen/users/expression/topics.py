"""Which topics the people of a config bring: those of its scenario, its list, its population."""

from __future__ import annotations

from collections.abc import Sequence

from rlgen.errors import PopulationError
from rlgen.text.writing import topics as text_topics
from rlgen.text.writing.utterances import CRISIS
from rlgen.users.settings import FamilyConfig


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
