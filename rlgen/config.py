"""From YAML and mappings to validated configs, and from pydantic's reports to one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rlgen.errors import ConfigError

T = TypeVar("T", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice in one mapping."""

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
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(sentence(error, where, kind)) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file as a mapping.

    Raises:
        ConfigError: unreadable, not YAML, nested too deeply, not a mapping, or with a key twice.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
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
