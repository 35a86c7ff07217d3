"""Simulated people: hidden state, feedback, expression, and their fitting to human dialogues.

People react to the words of a reply and to nothing else. Families stand behind one protocol,
`Users`; `build` makes the people that a config describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlgen.users.config import CalibratedConfig, HumanConfig, LlmConfig, ReplayConfig, TheoryConfig, UsersConfig
    from rlgen.users.human import Answer, HumanUsers, Person
    from rlgen.users.protocol import Users, build
    from rlgen.users.settings import FamilyConfig
    from rlgen.users.theory_coefficients import TheoryCoefficients

_WHERE = {
    "CalibratedConfig": "config",
    "HumanConfig": "config",
    "LlmConfig": "config",
    "ReplayConfig": "config",
    "TheoryConfig": "config",
    "UsersConfig": "config",
    "Users": "protocol",
    "build": "protocol",
    "Answer": "human",
    "HumanUsers": "human",
    "Person": "human",
    "FamilyConfig": "settings",
    "TheoryCoefficients": "theory_coefficients",
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
