"""From YAML and mappings to validated configs, and from pydantic's reports to one sentence.

YAML is read as version 1.2 has it (the core schema): 050000 and 08 are decimal, 1e-3 is a number, and yes, on, 10:00
and 2024-05-01 are texts. PyYAML reads 1.1, in which they are 20480, a text, a text, true, true, 600 and a date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rlgen.errors import ConfigError

T = TypeVar("T", bound=BaseModel)


_DEEPEST: Final = 50  # levels of a file
_MOST: Final = 100_000  # values that a file may stand for, each anchor counted as often as it is used


class _Loader(yaml.SafeLoader):
    """Plain values of YAML 1.2 only, and no key twice in one mapping."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own registry, filled below

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping as it is written, before its values are made."""
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if (key.tag, key.value) in seen:
                before = seen[key.tag, key.value]
                raise ConfigError(f"the key {key.value!r} stands twice, in lines {before} and {line}; keep one of them")
            seen[key.tag, key.value] = line
        return node


def _whole(loader: _Loader, node: Any) -> int:
    """A whole number, leading zeros and all."""
    text = loader.construct_scalar(node)
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text if base == 10 else text[2:], base)


def _decimal(loader: _Loader, node: Any) -> float:
    return float(loader.construct_scalar(node).lower().replace(".inf", "inf").replace(".nan", "nan"))


# What a plain word is, by its first character (YAML 1.2.2, 10.3.2); `<<` is of 1.1, and used.
_RESOLVED: Final = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
)  # fmt: skip
for _name, _pattern, _first in _RESOLVED:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def sentence(error: ValidationError, where: str, kind: type[BaseModel] | None = None) -> str:
    """One sentence from pydantic's report: the field, what was given, what is allowed.

    Args:
        error: what pydantic raised.
        where: the file, command or object that holds the field.
        kind: the class that was validated; an unknown field of its own is then answered with its fields.
    """
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the config"
    if first["type"] == "extra_forbidden":
        if kind is not None and len(first["loc"]) == 1:
            return f"{where}: there is no field {field!r}; the fields are {', '.join(kind.model_fields)}"
        return f"{where}: there is no field {field!r}; check its spelling"
    if first["type"] == "missing":
        return f"{where}: `{field}` is missing; add it"
    given = repr(first["input"])
    said = " ".join(first["msg"].removeprefix("Value error, ").split())
    return f"{where}: {field} was {given if len(given) < 80 else given[:77] + '...'}: {said[:1].lower()}{said[1:]}"


def validate(kind: type[T], values: Any, where: str) -> T:
    """Validate a mapping.

    Raises:
        ConfigError: names the field, what was given and what is allowed.
    """
    try:
        made = kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(sentence(error, where, kind)) from error
    _refuse_truths(values, made, where, "")
    return made


def _refuse_truths(given: Any, made: Any, where: str, field: str) -> None:
    """Refuse true and false where a number is needed; pydantic takes them for 1 and 0."""
    if isinstance(given, bool) and isinstance(made, int | float) and not isinstance(made, bool):
        raise ConfigError(f"{where}: {field} was {given}: a number is needed")
    if isinstance(given, Mapping):
        for name, value in given.items():
            inner = made.get(name) if isinstance(made, Mapping) else getattr(made, str(name), None)
            _refuse_truths(value, inner, where, f"{field}.{name}".lstrip("."))
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple):
        for number, (value, inner) in enumerate(zip(given, made, strict=False)):
            _refuse_truths(value, inner, where, f"{field}.{number}")


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file as a mapping.

    Raises:
        ConfigError: unreadable, not YAML, nested too deeply, not a mapping, with a key twice, or with an anchor that
            holds itself.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        _expanded(values, [], {})
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.__class__.__name__}); check the path") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: its values are nested too deeply; write them flatter") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:  # an odd date or tag raises the latter
        raise ConfigError(f"{path}: not YAML ({' '.join(str(error).split())}); mend the file") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds {type(values).__name__}, not fields and values; write `field: value` lines")
    return values


def parse_yaml(text: str) -> Any:
    """What a piece of YAML says, e.g. `{kind: constant, text: Yes.}`.

    Raises:
        ConfigError: it is not YAML.
    """
    try:
        value = yaml.load(text, _Loader)
        _expanded(value, [], {})
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        raise ConfigError(f"{text}: not YAML ({' '.join(str(error).split())}); mend it") from error
    return value


def _expanded(value: Any, above: list[int], known: dict[int, int]) -> int:
    """How many values something stands for, where an anchor counts as often as it is used.

    Args:
        value: of a file.
        above: what holds it.
        known: of what was counted before.

    Raises:
        ConfigError: it holds itself, or stands for too many, or lies too deep.
    """
    if not isinstance(value, dict | list | set | tuple):
        return 1
    if id(value) in above:
        raise ConfigError("an anchor (&) holds itself (*); write out what is meant")
    if len(above) >= _DEEPEST:
        raise ConfigError("its values are nested too deeply; write them flatter")
    if id(value) not in known:
        inside = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        above.append(id(value))
        known[id(value)] = 1 + sum(_expanded(each, above, known) for each in inside)
        above.pop()
    if known[id(value)] > _MOST:
        raise ConfigError(f"its anchors stand for more than {_MOST:,} values; use fewer of them")
    return known[id(value)]
