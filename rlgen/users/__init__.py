"""Simulated people: hidden state, feedback, expression, and their fitting to human dialogues.

People react to the words of a reply and to nothing else. Families stand behind one protocol,
`Users`; `build` makes the people that a config describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlgen.users.calibrated.config import CalibratedConfig
    from rlgen.users.families import UsersConfig, build
    from rlgen.users.own_words.config import HumanConfig, LlmConfig, ReplayConfig
    from rlgen.users.own_words.human import Answer, HumanUsers, Person
    from rlgen.users.protocol import Users
    from rlgen.users.settings import FamilyConfig
    from rlgen.users.theory.coefficients import TheoryCoefficients
    from rlgen.users.theory.config import TheoryConfig

_WHERE = {
    "CalibratedConfig": "calibrated.config",
    "HumanConfig": "own_words.config",
    "LlmConfig": "own_words.config",
    "ReplayConfig": "own_words.config",
    "TheoryConfig": "theory.config",
    "UsersConfig": "families",
    "Users": "protocol",
    "build": "families",
    "Answer": "own_words.human",
    "HumanUsers": "own_words.human",
    "Person": "own_words.human",
    "FamilyConfig": "settings",
    "TheoryCoefficients": "theory.coefficients",
}

__all__ = [
    "Answer",
    "CalibratedConfig",
    "FamilyConfig",
    "HumanConfig",
    "HumanUsers",
    "LlmConfig",
    "Person",
    "ReplayConfig",
    "TheoryCoefficients",
    "TheoryConfig",
    "Users",
    "UsersConfig",
    "build",
]


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
