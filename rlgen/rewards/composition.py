"""Reward designs: named, declarative compositions of terms and of other designs, and the law against prolonging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from rlgen.config import sentence
from rlgen.errors import ConfigError, RewardError
from rlgen.rewards import linear as _linear  # noqa: F401  (importing registers the shipped terms)
from rlgen.rewards import terms as _terms  # noqa: F401
from rlgen.rewards.combining import ADDED, Combine, combined, range_of
from rlgen.rewards.feedback import SeenFeedback
from rlgen.rewards.registry import TERMS, Floats, Promised, Term, TermParams
from rlgen.rewards.trace import Trace
from rlgen.seams import Own
from rlgen.types import F32

_ROUNDING: Final = 1e-9  # a sum of decimal weights may miss equality by a few bits
WITHIN: Final[ContextVar[bool]] = ContextVar("within", default=False)
"""Whether the design that is being made will stand in another one, which is then held to the law in its place."""


def _own_term(value: Any) -> Own | None:
    own = Own.of(value)
    if own is not None and not callable(own.thing):
        raise ValueError("a term of one's own is a function or class: (trace, **params) -> [N]")
    if own is None and value is not None:
        raise ValueError("write package.module:attribute, or leave it out for a registered term")
    return own


class Weighted(BaseModel):
    """A term in a design.

    Attributes:
        weight: finite; what the term is multiplied with, or in a geometric mean its share of the exponents.
        params: the term's parameters, see its page; of a term of one's own the keywords of its function or class.
        term: a term of one's own, `package.module:attribute` or in Python the thing itself: a function
            `(trace, **params) -> [N]`, or a class `(**params)` of objects to call so. It may have attributes `reads`,
            `staying` and `completing` (see `rlgen.rewards.Term` and `TermParams`). None: the registered term.
        design: another design that stands here as a term; `rlgen.rewards.design` also takes its name, path or fields.
        plus: what is added to the term before anything else.
        normalise: divide by the term's running standard deviation in this world, and keep the quotient within so many
            of them. Zero stays zero: to move it would pay, or charge, for every turn. None: leave it as it is.
        rank: place in a lexicographic order, the lowest first.
        enough: from where on the next rank counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float
    params: dict[str, Any] = {}
    term: Annotated[Own | None, BeforeValidator(_own_term)] = None
    design: RewardDesign | None = None
    plus: float = 0.0
    normalise: float | None = Field(default=None, gt=0.0)
    rank: int | None = None
    enough: float | None = None

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, handler(self), ("term", "design", "plus", "normalise", "rank", "enough"))


@dataclass(frozen=True)
class Part:
    """A term of a design, resolved.

    Attributes:
        name: in the design.
        weighted: as written.
        term: what scores; None where a design stands in its place.
        params: of the term.
    """

    name: str
    weighted: Weighted
    term: Term | None
    params: TermParams

    @property
    def design(self) -> RewardDesign | None:
        """The design in its place."""
        return self.weighted.design

    @property
    def unknown(self) -> tuple[str, ...]:
        """Terms in it that state no range."""
        if self.design is not None:
            return tuple(f"{self.name}.{name}" for name in self.design.unchecked)
        return (self.name,) if self.params.staying() is None else ()

    def staying(self) -> tuple[float, float] | None:
        """Least and most while the dialogue goes on; None: not known."""
        return self._moved(self.params.staying() if self.design is None else self.design.staying())

    def netting(self) -> tuple[float, float] | None:
        """Least and most that a further turn leaves behind."""
        return self._moved(self.params.netting() if self.design is None else self.design.netting())

    def completing(self) -> tuple[float, float]:
        """What completion pays for sure, as far as it is known: nothing is, of what is normalised."""
        if self.weighted.normalise is not None:
            return 0.0, 0.0
        fixed, left = self.params.completing() if self.design is None else self.design.completing()
        return fixed + self.weighted.plus, left

    def _moved(self, told: tuple[float, float] | None) -> tuple[float, float] | None:
        if told is None:
            return None
        low, high = told[0] + self.weighted.plus, told[1] + self.weighted.plus
        if (most := self.weighted.normalise) is None:
            return low, high
        return (0.0 if low >= 0 else -most), (0.0 if high <= 0 else most)  # by how much it is divided, nobody knows

    def score(self, trace: Trace) -> Floats:
        """`[N]`, before it is normalised and weighted."""
        scored: Floats = self.term(trace, self.params) if self.term is not None else self._design_score(trace)
        return scored + self.weighted.plus if self.weighted.plus else scored

    def _design_score(self, trace: Trace) -> Floats:
        assert self.design is not None
        return self.design.score(trace)[0].astype(np.float64)


class RewardDesign(BaseModel):
    """Terms, or other designs in their place, combined to one reward; a weighted sum by default.

    No design pays for prolonging: the most that a further turn can leave behind (`netting`: what it pays while the
    dialogue goes on, less what is taken back) must not exceed what completion pays per turn left. Then k more turns,
    each at its best, earn no more than completing now. A design that is meant to break this says so in
    `allow_prolonging`. Terms that state no range cannot be checked; `unchecked` names them, and logs and reports do.
    Of what is not added up, nothing is known that completion pays: such a design stands beside `continuity` in another
    one, or says that it may pay for prolonging. A design within another is not held to the law, the whole is.

    Attributes:
        name: what it is called in configs, logs and reports.
        description: a sentence for a person.
        cites: the paper or the reasoning behind it.
        terms: weight and parameters by name of the term (`rlgen.rewards.TERMS`, or a term of one's own, or a design).
        combine: how one reward is made of them, see `rlgen.rewards.combining.Combine`.
        feedback: what the reward sees of ratings and engagement, see `rlgen.rewards.feedback.SeenFeedback`.
        allow_prolonging: lift the law above.

    Raises:
        ConfigError: an unknown term, wrong parameters of a term, or a design that pays for prolonging.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    description: str = ""
    cites: str = ""
    terms: dict[str, Weighted] = Field(min_length=1)
    combine: Combine = "sum"
    feedback: SeenFeedback = SeenFeedback()
    allow_prolonging: bool = False

    _parts: tuple[Part, ...] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Resolve the terms, write every parameter out, and check the law."""
        self._resolve_all()
        self.terms.update({part.name: part.weighted for part in self._parts})
        self._check_combination()
        if not self.allow_prolonging and not WITHIN.get():
            self._refuse_prolonging()

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, handler(self), ("combine", "feedback"))

    def __getstate__(self) -> dict[Any, Any]:
        """Without what its own terms keep: they are made again where the design is unpickled."""
        return {**super().__getstate__(), "__pydantic_private__": None}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        object.__setattr__(self, "__pydantic_private__", {})
        self._resolve_all()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def _resolve_all(self) -> None:
        parts = [self._resolve(name, weighted) for name, weighted in self.terms.items()]
        if self.combine == "lexicographic":  # a mapping's order is lost where keys are sorted
            parts.sort(key=lambda part: (part.weighted.rank is None, part.weighted.rank))
        self._parts = tuple(parts)

    def _resolve(self, name: str, weighted: Weighted) -> Part:
        where = f"reward design {self.name!r}"
        if weighted.design is not None:
            if weighted.term is not None or weighted.params:
                raise ConfigError(f"{where}: {name} is a design, which takes neither `term` nor `params`; leave it out")
            return Part(name, weighted, None, TermParams())
        if weighted.term is not None:
            term = Term.own(name, weighted.term.model_copy(update={"options": weighted.params}))
            return Part(name, weighted, term, Promised.of(weighted.term.thing))
        if name not in TERMS:
            raise ConfigError(
                f"{where}: there is no term {name!r}; the terms are {', '.join(sorted(TERMS))}, one of your own is "
                f"named as `{name.rpartition(':')[2]}: {{weight: 1.0, term: package.module:attribute}}`, and another "
                "design as `{weight: 1.0, design: NAME}`"
            )
        kind = TERMS[name].params
        try:
            params = kind.model_validate(weighted.params)
            weighted = weighted.model_copy(update={"params": params.model_dump(mode="json")})
            return Part(name, weighted, TERMS[name], params)
        except ValidationError as error:
            raise ConfigError(sentence(error, f"{where}, params of {name}", kind)) from error

    def _check_combination(self) -> None:
        """Refuse weights and ranks with which terms cannot be combined so."""
        where = f"reward design {self.name!r}: combine was {self.combine}"
        parts = self._parts
        if self.combine == "geometric_mean" and (bad := [part for part in parts if part.weighted.weight <= 0]):
            raise ConfigError(f"{where}, but {bad[0].name} weighs {bad[0].weighted.weight:g}; give weights above 0")
        ranked = [part for part in parts if part.weighted.rank is not None or part.weighted.enough is not None]
        if self.combine != "lexicographic":
            if ranked:
                raise ConfigError(
                    f"{where}, but {ranked[0].name} has a rank or an `enough`; only lexicographic has them"
                )
            return
        ranks = [part.weighted.rank for part in parts]
        if None in ranks or len(set(ranks)) < len(ranks):
            raise ConfigError(f"{where}: give every term a `rank` of its own, the lowest first")
        if bare := [part.name for part in parts[:-1] if part.weighted.enough is None]:
            raise ConfigError(f"{where}: say from where on {bare[0]} is `enough`, so that the next rank counts")

    def _refuse_prolonging(self) -> None:
        most, fixed, per_turn = self.netting()[1], *self.completing()
        remedy = "change the weights, or write `allow_prolonging: true` if that is meant"
        if fixed < 0.0:
            raise ConfigError(
                f"reward design {self.name!r}: completion costs {-fixed:g}, so it pays to stall; {remedy}"
            )
        if most > per_turn + _ROUNDING:
            raise ConfigError(
                f"reward design {self.name!r} pays for prolonging: a turn can pay up to {most:g} while staying, "
                f"but completion pays {per_turn:g} per turn left; {remedy}"
            )

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its terms, resolved, in the order in which they are combined."""
        return self._parts

    def staying(self) -> tuple[float, float]:
        """Least and most that a turn can pay after which the dialogue goes on, as far as terms state it."""
        return self._range([(part, part.staying()) for part in self._parts])

    def netting(self) -> tuple[float, float]:
        """Least and most that a further turn leaves behind in the end, which the law against prolonging counts."""
        if self.combine != "sum":  # what is not added up is not taken back
            return self.staying()
        return self._range([(part, part.netting()) for part in self._parts])

    def completing(self) -> tuple[float, float]:
        """What completion pays for sure: a fixed part, and a part per turn left."""
        if self.combine != "sum":
            return 0.0, 0.0
        exits = [(part.weighted.weight, part.completing()) for part in self._parts]
        return sum(weight * fixed for weight, (fixed, _) in exits), sum(weight * left for weight, (_, left) in exits)

    def _range(self, ranges: Sequence[tuple[Part, tuple[float, float] | None]]) -> tuple[float, float]:
        known = [(part.weighted, told) for part, told in ranges if told is not None]
        if not known or (self.combine != "sum" and len(known) < len(ranges)):
            return 0.0, 0.0
        return range_of(
            self.combine,
            [told for _, told in known],
            [weighted.weight for weighted, _ in known],
            [weighted.enough for weighted, _ in known],
        )

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Terms that state no range: whether they pay for prolonging nobody can tell."""
        return tuple(name for part in self._parts if part.weighted.weight for name in part.unknown)

    @property
    def notice(self) -> str:
        """For logs and reports: what of the law against prolonging could not be checked; empty where all was."""
        if not self.unchecked:
            return ""
        return (
            f"reward {self.name}: {', '.join(self.unchecked)} states no range, so whether it pays for prolonging was "
            "not checked; see in an evaluation whether dialogues grow long"
        )

    @property
    def sha256(self) -> str:
        """Hash of the design written out, and of the source of its own terms."""
        plain = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256("\x00".join([plain, *self._sources()]).encode()).hexdigest()

    def _sources(self) -> list[str]:
        own = [part.weighted.term.sha256 for part in self._parts if part.weighted.term is not None]
        return own + [each for part in self._parts if part.design is not None for each in part.design._sources()]

    def load(self) -> None:
        """Make what its own terms need, a judge's model say, before the first step."""
        for part in self._parts:
            (part.term or part.design).load()  # type: ignore[union-attr]

    def reads(self, optional: bool = False) -> frozenset[str]:
        """What its terms must have of a trace; `optional`: and what they take where it is there."""
        found: set[str] = set()
        for part in self._parts:
            if part.design is not None:
                found |= part.design.reads(optional)
            elif part.term is not None:
                found |= {*part.term.reads, *(part.term.optional if optional else ())}
        return frozenset(found)

    @property
    def needs_relief(self) -> bool:
        """Whether the world must fill in `Trace.relief`."""
        return "relief" in self.reads(optional=True)

    @property
    def requires_relief(self) -> bool:
        """Whether it cannot do without: everybody's relief must be known."""
        return "relief" in self.reads()

    @property
    def reads_words(self) -> bool:
        """Whether a term says that it reads the words of replies, which a world without text has not."""
        return "reply" in self.reads()

    @property
    def remembers(self) -> bool:
        """Whether a turn's reward depends on earlier ones: feedback is not exact, or a term is normalised."""
        return not self.feedback.exact or any(
            part.weighted.normalise is not None or (part.design is not None and part.design.remembers)
            for part in self._parts
        )

    def score(self, trace: Trace) -> tuple[F32, dict[str, F32]]:
        """Rewards of one vector step.

        Returns:
            reward `[N]`, and what each term added to it, `[N]` by name: weighted, they sum to the reward. Where terms
            are not added up, `combining` is what the reward is more than their sum.

        Raises:
            RewardError: names the term that met something missing or not finite; or the design remembers.
        """
        if self.remembers:
            raise RewardError(
                f"reward design {self.name!r} remembers earlier turns (`feedback`, `normalise`); score with "
                "`rlgen.rewards.Scorer`, as a world does"
            )
        return self.combined([part.score(trace) for part in self._parts])

    def combined(self, scores: Sequence[Floats]) -> tuple[F32, dict[str, F32]]:
        """Reward and terms, as `score` gives them, of what each of `parts` scored."""
        weights = [part.weighted.weight for part in self._parts]
        added = [np.asarray(weight * each, dtype=np.float64) for weight, each in zip(weights, scores, strict=True)]
        terms = {part.name: each.astype(np.float32) for part, each in zip(self._parts, added, strict=True)}
        total = np.sum(added, axis=0)
        if self.combine == "sum":
            return total.astype(np.float32), terms
        made = combined(self.combine, scores, weights, [part.weighted.enough for part in self._parts])
        return made.astype(np.float32), {**terms, ADDED: (made - total).astype(np.float32)}

    def to_dict(self) -> dict[str, Any]:
        """The design as plain data with every parameter written out; `design` takes it back."""
        return self.model_dump(mode="json")


Weighted.model_rebuild()


def _without_defaults(of: BaseModel, written: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Without some fields where they are as they are by default: a plain design is written plainly."""
    fields = type(of).model_fields
    return {
        name: value for name, value in written.items() if name not in names or getattr(of, name) != fields[name].default
    }
