"""From YAML and mappings to validated configs, and from pydantic's reports to one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rlgen.errors import ConfigError

T = TypeVar("T", bound=BaseModel)


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
    given = repr(first["input"])
    return f"{where}: {field} was {given if len(given) < 80 else given[:77] + '...'}: {first['msg'].lower()}"


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
        ConfigError: unreadable, not YAML, or not a mapping.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error.__class__.__name__}); check the path") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML ({str(error).splitlines()[0]}); mend the file") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds {type(values).__name__}, not fields and values; write `field: value` lines")
    return values
