"""From YAML and the command line to a validated, frozen config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rlgen.errors import ConfigError


class Options(BaseModel):
    """Base of every command's config: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


T = TypeVar("T", bound=BaseModel)


def sentence(error: ValidationError, where: str) -> str:
    """One sentence from pydantic's report: the field, what was given, what is allowed."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the config"
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no field {field!r}; `--help` lists the fields"
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
        raise ConfigError(sentence(error, where)) from error


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


def parse(kind: type[T], argv: Sequence[str], command: str) -> T:
    """`[--config FILE.yaml] [--field value ...]` to a config; the command line wins over the file.

    Args:
        kind: the command's config class.
        argv: what stands after the command's name.
        command: e.g. `"train"`, for messages.

    Raises:
        ConfigError: a field is unknown, of the wrong type or out of range.
        SystemExit: status 2 from the option parser, 0 after `--help`.
    """
    import tyro

    rest = list(argv)
    default: T | None = None
    for i, word in enumerate(rest):
        if word == "--config" or word.startswith("--config="):
            if word == "--config" and i + 1 == len(rest):
                raise ConfigError("--config needs the path of a YAML file")
            path = Path(word.split("=", 1)[1] if "=" in word else rest[i + 1])
            del rest[i : i + (1 if "=" in word else 2)]
            default = validate(kind, read_yaml(path), str(path))
            break
    try:
        return tyro.cli(
            kind,
            args=rest,
            default=default,
            prog=f"rlgen {command}",
            config=(tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes),
        )
    except ValidationError as error:
        raise ConfigError(sentence(error, f"rlgen {command}")) from error
