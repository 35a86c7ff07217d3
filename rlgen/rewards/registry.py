"""The registry of reward terms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlgen.errors import ConfigError, RewardError
from rlgen.rewards.trace import Trace

Floats = NDArray[np.floating]


class TermParams(BaseModel):
    """Parameters of a term, and what they promise about its range.

    The promises decide whether a design pays for prolonging. The defaults promise nothing, so a
    design with a term that stays silent is refused unless it says `allow_prolonging: true`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def staying(self) -> tuple[float, float]:
        """Least and most that the term can be in a turn after which the dialogue goes on."""
        return -math.inf, math.inf

    def completing(self) -> tuple[float, float]:
        """What completion pays for sure: a fixed part, and a part per turn left."""
        return 0.0, 0.0


@dataclass(frozen=True)
class Term:
    """A registered term.

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

    @property
    def summary(self) -> str:
        """First line of the term's docstring."""
        return (self.score.__doc__ or "").strip().splitlines()[0] if self.score.__doc__ else ""

    def __call__(self, trace: Trace, params: TermParams) -> Floats:
        """The term for every row, `[N]`.

        Raises:
            RewardError: something that it reads is missing or not finite, or its own result is not.
        """
        for path in (*self.reads, *self.optional):
            values = _read(trace, path)
            if values is None:
                raise RewardError(f"reward term {self.name!r}: the trace holds no {path}; the world must fill it in")
            bad = np.isinf(values) if path in self.optional else ~np.isfinite(values)
            if bad.any():
                raise RewardError(
                    f"reward term {self.name!r}: {path} is not finite in row {_first(bad)}; mend its maker"
                )
        result = self.score(trace, params)
        if result.shape != trace.turn.shape or not np.isfinite(result).all():
            raise RewardError(
                f"reward term {self.name!r}: gave shape {result.shape} or a value that is not finite "
                f"for {len(trace.turn)} rows; a term returns one finite number per row"
            )
        return result


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


def _read(trace: Trace, path: str) -> NDArray[Any] | None:
    value: Any = trace
    for part in path.split("."):
        value = getattr(value, part)
    return value  # type: ignore[no-any-return]


def _first(bad: NDArray[np.bool_]) -> int:
    return int(np.argwhere(bad)[0][0])
