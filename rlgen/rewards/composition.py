"""Reward designs: named, declarative compositions of terms, and the law against prolonging."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from rlgen.config import read_yaml, sentence, validate
from rlgen.errors import ConfigError
from rlgen.rewards import terms as _terms  # noqa: F401  (importing registers the shipped terms)
from rlgen.rewards.registry import TERMS, Floats, Term, TermParams
from rlgen.rewards.trace import Trace
from rlgen.types import F32

_SHIPPED: Final = Path(__file__).parent / "designs"
_ROUNDING: Final = 1e-9  # a sum of decimal weights may miss equality by a few bits


class Weighted(BaseModel):
    """A term in a design.

    Attributes:
        weight: finite; what the term is multiplied with.
        params: the term's parameters, see its page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float
    params: dict[str, Any] = {}


class RewardDesign(BaseModel):
    """A weighted sum of terms.

    No design pays for prolonging: the most that a turn can pay while the dialogue goes on must not
    exceed what completion pays per turn left. Then k more turns, each at its best, earn no more
    than completing now, for any discount. A design that is meant to break this says so in
    `allow_prolonging`.

    Attributes:
        name: what it is called in configs, logs and reports.
        description: a sentence for a person.
        terms: weight and parameters by name of the term (`rlgen.rewards.TERMS`).
        allow_prolonging: lift the law above.

    Raises:
        ConfigError: an unknown term, wrong parameters of a term, or a design that pays for prolonging.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    description: str = ""
    terms: dict[str, Weighted] = Field(min_length=1)
    allow_prolonging: bool = False

    _parts: tuple[tuple[Term, float, TermParams], ...] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Resolve the terms and check the law."""
        self._parts = tuple(self._resolve(name, weighted) for name, weighted in self.terms.items())
        if not self.allow_prolonging:
            self._refuse_prolonging()

    def _resolve(self, name: str, weighted: Weighted) -> tuple[Term, float, TermParams]:
        where = f"reward design {self.name!r}"
        if name not in TERMS:
            raise ConfigError(f"{where}: there is no term {name!r}; the terms are {', '.join(sorted(TERMS))}")
        kind = TERMS[name].params
        try:
            return TERMS[name], weighted.weight, kind.model_validate(weighted.params)
        except ValidationError as error:
            raise ConfigError(sentence(error, f"{where}, params of {name}", kind)) from error

    def _refuse_prolonging(self) -> None:
        most, fixed, per_turn = self.staying()[1], *self.completing()
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
        """Least and most that a turn can pay after which the dialogue goes on."""
        ends = [(weight * low, weight * high) for _, weight, (low, high) in self._ranges() if weight]
        return sum(min(pair) for pair in ends), sum(max(pair) for pair in ends)

    def completing(self) -> tuple[float, float]:
        """What completion pays for sure: a fixed part, and a part per turn left."""
        paid = [(weight * fixed, weight * left) for _, weight, (fixed, left) in self._exits()]
        return sum(fixed for fixed, _ in paid), sum(left for _, left in paid)

    def _ranges(self) -> list[tuple[Term, float, tuple[float, float]]]:
        return [(term, weight, params.staying()) for term, weight, params in self._parts]

    def _exits(self) -> list[tuple[Term, float, tuple[float, float]]]:
        return [(term, weight, params.completing()) for term, weight, params in self._parts]

    @property
    def needs_relief(self) -> bool:
        """Whether the world must fill in `Trace.relief`."""
        return any("relief" in (*term.reads, *term.optional) for term, _, _ in self._parts)

    @property
    def requires_relief(self) -> bool:
        """Whether it cannot do without: everybody's relief must be known."""
        return any("relief" in term.reads for term, _, _ in self._parts)

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
        """The design with every parameter written out; `design` takes it back."""
        written = self.model_dump(mode="json")
        for term, _, params in self._parts:
            written["terms"][term.name]["params"] = params.model_dump(mode="json")
        return written

    @classmethod
    def read(cls, path: Path) -> Self:
        """A design from a YAML file.

        Raises:
            ConfigError: names the file, the field, what was given and what is allowed.
        """
        return validate(cls, {"name": path.stem, **read_yaml(path)}, str(path))


def shipped_designs() -> list[str]:
    """Names of the designs that the package ships."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def design(source: str | Path | Mapping[str, Any] | RewardDesign) -> RewardDesign:
    """A reward design by the name of a shipped one, from a YAML file or from a mapping.

    Raises:
        ConfigError: there is no such design, or it is wrong; names the field and what is allowed.
    """
    if isinstance(source, RewardDesign):
        return source
    if isinstance(source, Mapping):
        return validate(RewardDesign, dict(source), "reward design")
    if str(source) in shipped_designs():
        return RewardDesign.read(_SHIPPED / f"{source}.yaml")
    path = Path(source)
    if path.suffix not in {".yaml", ".yml"}:
        raise ConfigError(
            f"there is no reward design {str(source)!r}; the shipped ones are {', '.join(shipped_designs())}, "
            "and the path of one of yours ends in .yaml"
        )
    return RewardDesign.read(path)
