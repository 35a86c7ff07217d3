"""Simulated people: hidden state, feedback, expression, and their fitting to human dialogues.

What comes in are the words of a reply and their reading, and nothing else; what goes out is feedback and what is said
next. Families stand behind one protocol, `Users`; `build` makes the people that a config describes. A family of one's
own subclasses `People`: a state and two functions. Names are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlgen.users.calibrated.config import CalibratedConfig as CalibratedConfig
    from rlgen.users.own_words.config import HumanConfig as HumanConfig
    from rlgen.users.own_words.config import LlmConfig as LlmConfig
    from rlgen.users.own_words.config import ReplayConfig as ReplayConfig
    from rlgen.users.own_words.human import Answer as Answer
    from rlgen.users.own_words.human import HumanUsers as HumanUsers
    from rlgen.users.own_words.human import Person as Person
    from rlgen.users.people import Draws as Draws
    from rlgen.users.people import People as People
    from rlgen.users.people import Reaction as Reaction
    from rlgen.users.people import Reply as Reply
    from rlgen.users.people import Shown as Shown
    from rlgen.users.people import State as State
    from rlgen.users.protocol import Users as Users
    from rlgen.users.protocol import build as build
    from rlgen.users.settings import FamilyConfig as FamilyConfig
    from rlgen.users.settings import PeopleConfig as PeopleConfig
    from rlgen.users.theory.coefficients import TheoryCoefficients as TheoryCoefficients
    from rlgen.users.theory.config import TheoryConfig as TheoryConfig

_ROOMS = {
    "calibrated.config": ("CalibratedConfig",),
    "own_words.config": ("HumanConfig", "LlmConfig", "ReplayConfig"),
    "own_words.human": ("Answer", "HumanUsers", "Person"),
    "people": ("Draws", "People", "Reaction", "Reply", "Shown", "State"),
    "protocol": ("Users", "build"),
    "settings": ("FamilyConfig", "PeopleConfig"),
    "theory.coefficients": ("TheoryCoefficients",),
    "theory.config": ("TheoryConfig",),
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}
__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
