"""The registry of reward terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rlgen.errors import ConfigError, RewardError
from rlgen.rewards.trace import Trace
from rlgen.seams import Own, own_fault, refused

Floats = NDArray[np.floating]


class TermParams(BaseModel):
    """Parameters of a term, and what they state of its range.

    That decides whether a design pays for prolonging; what nothing is stated of cannot be checked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def staying(self) -> tuple[float, float] | None:
        """Least and most that the term can be in a turn after which the dialogue goes on; None: not known."""
        return None

    def netting(self) -> tuple[float, float] | None:
        """Least and most that a further turn leaves behind, once the dialogue is over; None: not known.

        That is `staying`, unless the term takes back later what it paid before, as potentials do.
        """
        return self.staying()

    def completing(self) -> tuple[float, float]:
        """What completion pays for sure: a fixed part, and a part per turn left."""
        return 0.0, 0.0


class Promised(TermParams):
    """What a term of one's own states by its attributes `staying` and `completing`."""

    range_staying: tuple[float, float] | None = None
    paid_completing: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, thing: Any) -> Self:
        """From the function or class.

        Raises:
            ConfigError: an attribute is not two numbers.
        """
        told = {
            "range_staying": getattr(thing, "staying", None),
            "paid_completing": getattr(thing, "completing", (0, 0)),
        }
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            raise ConfigError(
                f"reward term {thing!r:.60}: `staying` and `completing` are two finite numbers each: (LEAST, MOST)"
            ) from error

    def staying(self) -> tuple[float, float] | None:
        """As the term states it."""
        return self.range_staying

    def completing(self) -> tuple[float, float]:
        """As the term states it."""
        return self.paid_completing


class _Called:
    """A term of one's own, made when it is needed: a judge may take minutes to load."""

    def __init__(self, own: Own, where: str) -> None:
        self._own, self._where = own, where
        self._function: Callable[..., Any] | None = None

    def load(self) -> Callable[..., Any]:
        if self._function is None:
            self._function = self._own.function(self._where)
        return self._function

    def __call__(self, trace: Trace, params: TermParams) -> Any:
        return self.load()(trace)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Called) and self._own == other._own

    def __hash__(self) -> int:
        return hash(str(self._own))


@dataclass(frozen=True)
class Term:
    """A term: a registered one, or one's own.

    Attributes:
        name: what designs call it.
        params: class of its parameters.
        reads: what it reads of a trace, dotted, e.g. `"feedback.engagement"`; all of it must be finite.
        optional: what it reads that may be NaN where there is none.
        score: `(trace, params) -> [N]`.
    """

    name: str
    params: type[TermParams]
    reads: tuple[str, ...]
    optional: tuple[str, ...]
    score: Callable[[Trace, Any], Floats]

    @classmethod
    def own(cls, name: str, part: Own) -> Self:
        """A term of one's own, with the keywords that its function or class gets as the part's options."""
        reads = getattr(part.thing, "reads", ())
        return cls(name, Promised, tuple(reads), (), _Called(part, f"reward term {name}"))

    def load(self) -> None:
        """Make what a term of one's own needs."""
        if isinstance(self.score, _Called):
            self.score.load()

    @property
    def summary(self) -> str:
        """First line of the term's docstring."""
        return (self.score.__doc__ or "").strip().splitlines()[0] if self.score.__doc__ else ""

    def __call__(self, trace: Trace, params: TermParams) -> Floats:
        """The term for every row, `[N]`.

        Raises:
            RewardError: something that it reads is missing or not finite.
            PartError: a term of one's own raised something, or gave anything but one finite number per row.
        """
        for path in (*self.reads, *self.optional):
            values = _read(trace, path)
            if values is None:
                raise RewardError(f"reward term {self.name!r}: the trace holds no {path}; the world must fill it in")
            if isinstance(values, list):  # words
                continue
            bad = np.isinf(values) if path in self.optional else ~np.isfinite(values)
            if bad.any():
                raise RewardError(
                    f"reward term {self.name!r}: {path} is not finite in row {_first(bad)}; mend its maker"
                )
        part = self.score.load() if isinstance(self.score, _Called) else self.score
        with own_fault(f"reward term {self.name!r}", part):
            given = self.score(trace, params)
        rows = len(trace.turn)
        if wrong := _wrong(given, rows):
            raise refused(
                f"reward term {self.name!r}", part, f"it gave {wrong} for {rows} rows; give one finite number per row"
            )
        return np.asarray(given)


TERMS: Final[dict[str, Term]] = {}


def term(
    name: str, params: type[TermParams], reads: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Callable[[Callable[[Trace, Any], Floats]], Callable[[Trace, Any], Floats]]:
    """Register a function `(trace, params) -> [N]` as a reward term.

    Example:
        >>> class Params(TermParams):
        ...     def staying(self):
        ...         return 0.0, 1.0
        >>> @term("asks", Params, reads=("reading.question",))
        ... def asks(trace, params):
        ...     "1 where the reply asks."
        ...     return trace.reading.question

    Raises:
        ConfigError: the name is taken.
    """

    def register(score: Callable[[Trace, Any], Floats]) -> Callable[[Trace, Any], Floats]:
        if name in TERMS:
            raise ConfigError(f"reward term {name!r} is registered twice; choose another name")
        TERMS[name] = Term(name, params, reads, optional, score)
        return score

    return register


def _read(trace: Trace, path: str) -> NDArray[Any] | list[str] | None:
    value: Any = trace
    for part in path.split("."):
        if not hasattr(value, part):
            raise RewardError(f"a reward term reads {path!r}, which a trace has not; docs/rewards lists what it holds")
        value = getattr(value, part)
    return value  # type: ignore[no-any-return]


def _wrong(given: Any, rows: int) -> str:
    """What a term gave instead of `[N]` finite numbers; empty where it gave these."""
    try:
        result = np.asarray(given)
    except ValueError:  # lists of different lengths
        result = np.empty(0, dtype=object)
    if result.dtype.kind not in "fiub":
        sized = isinstance(given, list | tuple | dict)
        return f"a {type(given).__name__} of {len(given)}" if sized else repr(given)[:60]
    if result.shape != (rows,):
        return f"{result.dtype} of shape {result.shape}"
    bad = ~np.isfinite(result)
    return f"{result[_first(bad)]} in row {_first(bad)}" if bad.any() else ""


def _first(bad: NDArray[np.bool_]) -> int:
    return int(np.argwhere(bad)[0][0])
