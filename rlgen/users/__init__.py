"""Simulated people: hidden state, feedback, expression, and their fitting to human dialogues.

What comes in are the words of a reply and their reading, and nothing else; what goes out is feedback and what is said
next. Families stand behind one protocol, `Users`; `build` makes the people that a config describes. A family of one's
own subclasses `People`: a state and two functions. Names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlgen.lazy import lazy

if TYPE_CHECKING:
    from rlgen.types import Feedback as Feedback
    from rlgen.users.calibrated.config import CalibratedConfig as CalibratedConfig
    from rlgen.users.own_words.config import HumanConfig as HumanConfig
    from rlgen.users.own_words.config import LlmConfig as LlmConfig
    from rlgen.users.own_words.config import ReplayConfig as ReplayConfig
    from rlgen.users.own_words.human import Answer as Answer
    from rlgen.users.own_words.human import HumanUsers as HumanUsers
    from rlgen.users.own_words.human import Person as Person
    from rlgen.users.people import Draws as Draws
    from rlgen.users.people import People as People
    from rlgen.users.people import Reply as Reply
    from rlgen.users.people import Shown as Shown
    from rlgen.users.people import State as State
    from rlgen.users.protocol import Users as Users
    from rlgen.users.protocol import build as build
    from rlgen.users.settings import FamilyConfig as FamilyConfig
    from rlgen.users.settings import PeopleConfig as PeopleConfig
    from rlgen.users.theory.coefficients import TheoryCoefficients as TheoryCoefficients
    from rlgen.users.theory.config import TheoryConfig as TheoryConfig

__getattr__, __all__ = lazy(__name__)
