"""From a name, a file, fields or a function to a reward design; a design may name others, but never itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError
from rlgen.rewards.composition import WITHIN, RewardDesign, Weighted
from rlgen.seams import Own

_SHIPPED: Final = Path(__file__).parent / "designs"
_FILES: Final[ContextVar[tuple[Path, ...]]] = ContextVar("files", default=())  # that are being read, outermost first


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
        return validate(RewardDesign, _with_designs(source), "reward design")
    if str(source) in shipped_designs():
        return _read(_SHIPPED / f"{source}.yaml")
    path = Path(str(source))
    if path.suffix not in {".yaml", ".yml"}:
        raise ConfigError(
            f"there is no reward design {str(source)!r}; the shipped ones are {', '.join(shipped_designs())}, "
            "the path of one of yours ends in .yaml, and a function of yours is named package.module:attribute"
        )
    return _read(path)


def _read(path: Path) -> RewardDesign:
    """A design from a YAML file."""
    above, here = _FILES.get(), path.resolve()
    if here in above:
        way = " -> ".join(each.name for each in (*above[above.index(here) :], here))
        raise ConfigError(f"{path}: the design holds itself ({way}); take one of them out")
    token = _FILES.set((*above, here))
    try:
        return validate(RewardDesign, _with_designs({"name": path.stem, **read_yaml(path)}), str(path))
    finally:
        _FILES.reset(token)


def _with_designs(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a design, with those designs made that stand in it."""
    terms = fields.get("terms")
    if not isinstance(terms, Mapping):
        return dict(fields)
    return {**fields, "terms": {name: _with_design(name, term) for name, term in terms.items()}}


def _with_design(name: object, term: Any) -> Any:
    if not isinstance(term, Mapping) or term.get("design") is None:
        return term
    source = term["design"]
    if isinstance(source, Mapping) and "kind" not in source:
        source = {"name": str(name), **source}
    elif isinstance(source, str) and _FILES.get() and source.endswith((".yaml", ".yml")):
        beside = _FILES.get()[-1].parent / source  # as any path in a file, it is looked for there first
        source = beside if beside.is_file() else source
    token = WITHIN.set(True)
    try:
        return {**term, "design": design(source)}
    finally:
        WITHIN.reset(token)
