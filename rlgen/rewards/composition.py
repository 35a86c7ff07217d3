"""Reward designs: named, declarative compositions of terms, and the law against prolonging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
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

from rlgen.config import read_yaml, sentence, validate
from rlgen.errors import ConfigError
from rlgen.rewards import linear as _linear  # noqa: F401  (importing registers the shipped terms)
from rlgen.rewards import terms as _terms  # noqa: F401
from rlgen.rewards.registry import TERMS, Floats, Promised, Term, TermParams
from rlgen.rewards.trace import Trace
from rlgen.seams import Own
from rlgen.types import F32

_SHIPPED: Final = Path(__file__).parent / "designs"
_ROUNDING: Final = 1e-9  # a sum of decimal weights may miss equality by a few bits


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
        weight: finite; what the term is multiplied with.
        params: the term's parameters, see its page; of a term of one's own the keywords of its function or class.
        term: a term of one's own, `package.module:attribute` or in Python the thing itself: a function
            `(trace, **params) -> [N]`, or a class `(**params)` of objects to call so. It may have attributes `reads`,
            `staying` and `completing` (see `rlgen.rewards.Term` and `TermParams`). None: the registered term.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float
    params: dict[str, Any] = {}
    term: Annotated[Own | None, BeforeValidator(_own_term)] = None

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        if self.term is None:
            del written["term"]
        return written


class RewardDesign(BaseModel):
    """A weighted sum of terms.

    No design pays for prolonging: the most that a further turn can leave behind (`netting`: what it pays while the
    dialogue goes on, less what is taken back) must not exceed what completion pays per turn left. Then k more turns,
    each at its best, earn no more than completing now. A design that is meant to break this says so in
    `allow_prolonging`. Terms that state no range cannot be checked; `unchecked` names them, and logs and reports do.

    Attributes:
        name: what it is called in configs, logs and reports.
        description: a sentence for a person.
        cites: the paper or the reasoning behind it.
        terms: weight and parameters by name of the term (`rlgen.rewards.TERMS`, or a term of one's own).
        allow_prolonging: lift the law above.

    Raises:
        ConfigError: an unknown term, wrong parameters of a term, or a design that pays for prolonging.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    description: str = ""
    cites: str = ""
    terms: dict[str, Weighted] = Field(min_length=1)
    allow_prolonging: bool = False

    _parts: tuple[tuple[Term, float, TermParams], ...] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Resolve the terms, write every parameter out, and check the law."""
        self._parts = tuple(self._resolve(name, weighted) for name, weighted in self.terms.items())
        for term, _, params in self._parts:
            weighted = self.terms[term.name]
            if weighted.term is None:
                self.terms[term.name] = weighted.model_copy(update={"params": params.model_dump(mode="json")})
        if not self.allow_prolonging:
            self._refuse_prolonging()

    def __getstate__(self) -> dict[Any, Any]:
        """Without what its own terms keep: they are made again where the design is unpickled."""
        return {**super().__getstate__(), "__pydantic_private__": None}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        parts = tuple(self._resolve(name, weighted) for name, weighted in self.terms.items())
        object.__setattr__(self, "__pydantic_private__", {"_parts": parts})

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def _resolve(self, name: str, weighted: Weighted) -> tuple[Term, float, TermParams]:
        where = f"reward design {self.name!r}"
        if weighted.term is not None:
            term = Term.own(name, weighted.term.model_copy(update={"options": weighted.params}))
            return term, weighted.weight, Promised.of(weighted.term.thing)
        if name not in TERMS:
            raise ConfigError(
                f"{where}: there is no term {name!r}; the terms are {', '.join(sorted(TERMS))}, and one of your own is "
                f"named as `{name.rpartition(':')[2]}: {{weight: 1.0, term: package.module:attribute}}`"
            )
        kind = TERMS[name].params
        try:
            return TERMS[name], weighted.weight, kind.model_validate(weighted.params)
        except ValidationError as error:
            raise ConfigError(sentence(error, f"{where}, params of {name}", kind)) from error

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

    def staying(self) -> tuple[float, float]:
        """Least and most that a turn can pay after which the dialogue goes on, as far as terms state it."""
        return _summed([(weight, params.staying()) for _, weight, params in self._parts])

    def netting(self) -> tuple[float, float]:
        """Least and most that a further turn leaves behind in the end, which the law against prolonging counts."""
        return _summed([(weight, params.netting()) for _, weight, params in self._parts])

    def completing(self) -> tuple[float, float]:
        """What completion pays for sure: a fixed part, and a part per turn left."""
        exits = [(weight, params.completing()) for _, weight, params in self._parts]
        return sum(weight * fixed for weight, (fixed, _) in exits), sum(weight * left for weight, (_, left) in exits)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Terms that state no range: whether they pay for prolonging nobody can tell."""
        return tuple(term.name for term, weight, params in self._parts if weight and params.staying() is None)

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
        sources = [weighted.term.sha256 for weighted in self.terms.values() if weighted.term is not None]
        return hashlib.sha256("\x00".join([json.dumps(self.to_dict(), sort_keys=True), *sources]).encode()).hexdigest()

    def load(self) -> None:
        """Make what its own terms need, a judge's model say, before the first step."""
        for term, _, _ in self._parts:
            term.load()

    @property
    def needs_relief(self) -> bool:
        """Whether the world must fill in `Trace.relief`."""
        return any("relief" in (*term.reads, *term.optional) for term, _, _ in self._parts)

    @property
    def requires_relief(self) -> bool:
        """Whether it cannot do without: everybody's relief must be known."""
        return any("relief" in term.reads for term, _, _ in self._parts)

    @property
    def reads_words(self) -> bool:
        """Whether a term says that it reads the words of replies, which a world without text has not."""
        return any("reply" in term.reads for term, _, _ in self._parts)

    def score(self, trace: Trace) -> tuple[F32, dict[str, F32]]:
        """Rewards of one vector step.

        Returns:
            reward `[N]`, and what each term added to it, `[N]` by name: weighted, they sum to the reward.

        Raises:
            RewardError: names the term that met something missing or not finite.
        """
        added: dict[str, Floats] = {
            term.name: np.asarray(weight * term(trace, params), dtype=np.float64)
            for term, weight, params in self._parts
        }
        reward = np.sum(list(added.values()), axis=0).astype(np.float32)
        return reward, {name: values.astype(np.float32) for name, values in added.items()}

    def to_dict(self) -> dict[str, Any]:
        """The design as plain data with every parameter written out; `design` takes it back."""
        return self.model_dump(mode="json")

    @classmethod
    def read(cls, path: Path) -> Self:
        """A design from a YAML file.

        Raises:
            ConfigError: names the file, the field, what was given and what is allowed.
        """
        return validate(cls, {"name": path.stem, **read_yaml(path)}, str(path))


def _summed(ranges: Sequence[tuple[float, tuple[float, float] | None]]) -> tuple[float, float]:
    """Least and most of a weighted sum of what lies in ranges, as far as they are known."""
    ends = [(weight * told[0], weight * told[1]) for weight, told in ranges if weight and told is not None]
    return sum(min(pair) for pair in ends), sum(max(pair) for pair in ends)


def notice_of(written: Any) -> str:
    """`RewardDesign.notice` of a design that a run's config holds, also where an object in it cannot be found again."""
    try:
        return design(written).notice
    except ConfigError as error:
        return f"whether the reward pays for prolonging was not checked: {error}"


def shipped_designs() -> list[str]:
    """Names of the designs that the package ships."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def design(source: Any) -> RewardDesign:
    """A reward design by the door for parts.

    Args:
        source: the name of a shipped one, the path of a YAML file, a design or a mapping of its fields; or a function
            `(trace) -> [N]`, a class of objects to call so, or a design, by `package.module:attribute`, as a mapping
            `{kind: ..., option: value}`, or in Python as they are.

    Raises:
        ConfigError: there is no such design, or it is wrong; names the field and what is allowed.
    """
    if isinstance(source, RewardDesign):
        return source
    try:
        own = Own.of(source)
    except ValueError as error:
        raise ConfigError(f"reward was {source!r:.80}: {error}") from error
    if own is not None:
        if isinstance(own.thing, RewardDesign | Mapping) and not own.options:
            return design(own.thing)
        if not callable(own.thing):
            raise ConfigError(f"reward was {own}: give a function (trace) -> [N], or a design")
        return RewardDesign(
            name=own.name, terms={own.name: Weighted(weight=1.0, params=own.options, term=Own(part=own.part))}
        )
    if isinstance(source, Mapping):
        return validate(RewardDesign, dict(source), "reward design")
    if str(source) in shipped_designs():
        return RewardDesign.read(_SHIPPED / f"{source}.yaml")
    path = Path(str(source))
    if path.suffix not in {".yaml", ".yml"}:
        raise ConfigError(
            f"there is no reward design {str(source)!r}; the shipped ones are {', '.join(shipped_designs())}, "
            "the path of one of yours ends in .yaml, and a function of yours is named package.module:attribute"
        )
    return RewardDesign.read(path)
