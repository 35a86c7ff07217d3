"""People of one's own while they run: what they give is held to its form, and a fault is told in one sentence.

In comes what a method gave; out comes a `PopulationError` that names the method, what it gave and what is needed, or
nothing. The families of the package are not asked: their tests hold them, and no step pays for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, NamedTuple

import numpy as np

from rlgen.errors import PopulationError, RlgenError
from rlgen.rng import Streams
from rlgen.seams import place_of, told
from rlgen.types import F32, I64, Expression, Feedback, Reading, Words
from rlgen.users.protocol import ALWAYS_KNOWN, Users

PAGE: Final = "docs/users/your_own.md"
_SLACK: Final = 1e-5  # rounding beyond a range


class Form(NamedTuple):
    """What an array over people holds: `kinds` of numpy's, from `low` to `high`; `gaps` where NaN may stand."""

    kinds: str = "fiub"
    low: float = -math.inf
    high: float = math.inf
    gaps: bool = False

    def __str__(self) -> str:
        if self.kinds == "b":
            return "booleans"
        what = "whole numbers" if "f" not in self.kinds else "numbers"
        return f"{what} from {self.low:g} to {self.high:g}{', NaN where there is none' if self.gaps else ''}"


SHARE: Final = Form("f", 0, 1)
WHETHER: Final = Form("b", 0, 1)
FEEDBACK: Final = {
    "rating": Form("fiu", 1, 5, gaps=True), "engagement": SHARE, "completed": WHETHER, "abandoned": WHETHER,
}  # fmt: skip


def fault(users: object, method: str, gave: str, needed: str) -> PopulationError:
    """The error of a method that gave what cannot be used."""
    return PopulationError(f"users: {type(users).__name__}.{method} {gave}; it must give {needed} ({PAGE})")


def ask(users: object, method: str, *args: Any) -> Any:
    """What a method of people gives.

    Raises:
        PopulationError: it raises an exception, which is told with its place.
    """
    try:
        return getattr(users, method)(*args)
    except RlgenError:
        raise
    except Exception as error:
        file, line = place_of(error)
        raise fault(users, method, f"raised {told(error)} in line {line} of {file}", "what people show") from error


def hold(users: object, method: str, given: Any, kind: type[Any], forms: Mapping[str, Form], rows: int) -> None:
    """Refuse a struct of K people that a method gave.

    Args:
        users: whose method.
        method: its name.
        given: what it gave.
        kind: the struct that it has to be.
        forms: of its fields; of the others only the length is held.
        rows: K.

    Raises:
        PopulationError: something is wrong with it.
    """
    if not isinstance(given, kind):
        raise fault(users, method, f"gave {_told(given)}", f"one {kind.__name__} of {rows} people")
    for field in fields(given):
        value = getattr(given, field.name)
        if field.name in forms and not (value is None and field.default is None):
            hold_array(users, method, f"{kind.__name__}.{field.name}", value, forms[field.name], rows)
        elif isinstance(value, list) and (len(value) != rows or not all(isinstance(each, str) for each in value)):
            raise fault(users, method, f"gave {kind.__name__}.{field.name} as {_told(value)}", f"{rows} strings")
        elif field.name not in forms and isinstance(value, np.ndarray) and value.shape[:1] != (rows,):
            raise fault(users, method, f"gave {field.name} as {_told(value)}", f"an array over {rows} people")
    if "abandoned" in forms and (given.completed & given.abandoned).any():
        row = int((given.completed & given.abandoned).argmax())
        raise fault(users, method, f"let person {row} leave in both ways", "one of completed and abandoned, or neither")


def hold_array(users: object, method: str, name: str, value: Any, form: Form, rows: int) -> None:
    """Refuse an array over K people that a method gave; arguments as for `hold`."""
    if not isinstance(value, np.ndarray) or value.shape != (rows,) or value.dtype.kind not in form.kinds:
        raise fault(users, method, f"gave {name} as {_told(value)}", f"an array [{rows}] of {form}")
    if form.kinds == "b" or not rows:
        return
    right = (value >= form.low - _SLACK) & (value <= form.high + _SLACK)
    if form.gaps:
        right |= np.isnan(value)
    if not right.all():
        row = int(right.argmin())
        raise fault(users, method, f"gave {name} {value[row]} for person {row}", str(form))


def hold_hidden(users: object, method: str, given: Any, names: tuple[str, ...], rows: int) -> None:
    """Refuse hidden state that lacks a name, or holds something else than a number for each of N people."""
    if not isinstance(given, dict) or any(name not in given for name in names):
        gave = f"gave {_told(given)}" if not isinstance(given, dict) else f"gave {', '.join(given) or 'nothing'}"
        raise fault(users, method, gave, f"{', '.join(names)} by name")
    for name, value in given.items():
        if not isinstance(value, np.ndarray) or value.shape != (rows,) or value.dtype.kind not in "fiub":
            raise fault(users, method, f"gave {name} as {_told(value)}", f"an array [{rows}] of numbers")


class Watched:
    """Users whose own methods are asked and held; everything else about them is theirs.

    Args:
        users: N people of one's own.
        rows: N.
        utterances, segments: sizes of the banks that they choose from.
    """

    hidden_names: tuple[str, ...]
    knows_relief: bool
    sha256: str

    def __init__(self, users: Users, rows: int, utterances: int, segments: int) -> None:
        self.users, self._rows = users, rows
        self._said = {"utterance": Form("iu", -1, utterances - 1), "segment": Form("iu", -1, segments - 1)}

    def __getattr__(self, name: str) -> Any:
        if name == "users" or name.startswith("__"):  # a copy is asked before it has any
            raise AttributeError(name)
        return getattr(self.users, name)

    def reset(self, rows: I64, streams: Streams) -> Expression:
        """See `Users.reset`."""
        return self._held("reset", ask(self.users, "reset", rows, streams), len(rows))

    def respond(
        self, rows: I64, words: Words, reading: Reading, streams: Streams, turn: I64
    ) -> tuple[Feedback, Expression]:
        """See `Users.respond`."""
        given = ask(self.users, "respond", rows, words, reading, streams, turn)
        if not isinstance(given, tuple) or len(given) != 2:
            raise fault(self.users, "respond", f"gave {_told(given)}", "a tuple of Feedback and Expression")
        hold(self.users, "respond", given[0], Feedback, FEEDBACK, len(rows))
        return given[0], self._held("respond", given[1], len(rows))

    def hidden(self) -> dict[str, F32]:
        """See `Users.hidden`."""
        given: dict[str, F32] = ask(self.users, "hidden")
        hold_hidden(self.users, "hidden", given, (*ALWAYS_KNOWN, *self.users.hidden_names), self._rows)
        return given

    def _held(self, method: str, given: Any, rows: int) -> Expression:
        hold(self.users, method, given, Expression, self._said, rows)
        expression: Expression = given
        if expression.text is None and rows and expression.utterance.min() < 0:
            row = int(expression.utterance.argmin())
            raise fault(
                self.users, method, f"gave person {row} nothing to say", "an utterance of the bank, or own text"
            )
        return expression


def watched(users: Users, rows: int, utterances: int, segments: int) -> Users:
    """Users as a world takes them: as they are where the package's own methods answer, else watched.

    Args:
        users: N people.
        rows: N.
        utterances, segments: sizes of the banks.
    """
    methods = (getattr(type(users), name, None) for name in ("reset", "respond", "hidden"))
    ours = all(getattr(method, "__module__", "").startswith("rlgen.") for method in methods)
    return users if ours else Watched(users, rows, utterances, segments)


def _told(value: Any) -> str:
    """What something is."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {list(value.shape)}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"{type(value).__name__} {str(value)[:40]}"
