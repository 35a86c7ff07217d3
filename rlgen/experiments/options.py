"""From YAML and the command line to a validated, frozen config."""

from __future__ import annotations

import contextlib
import io
import itertools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rlgen.config import read_yaml, sentence, validate
from rlgen.errors import ConfigError

__all__ = ["Options", "parse", "read_yaml", "recorded", "sentence", "validate"]

T = TypeVar("T", bound=BaseModel)


class Options(BaseModel):
    """Base of every command's config: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _required(kind: type[BaseModel], words: Sequence[str]) -> dict[str, str]:
    """Required fields as the command line gives them: a file of options need not repeat them."""
    flags = {"--" + name.replace("_", "-"): name for name, field in kind.model_fields.items() if field.is_required()}
    pairs = itertools.pairwise(words)
    return {flags[word]: value for word, value in pairs if word in flags}


def recorded(command: str, options: Options) -> str:
    """The command as a manifest keeps it: what differs from the defaults, `DIR` for places of this machine.

    Args:
        command: e.g. `"fit users"`.
        options: as parsed.
    """
    words = ["rlgen", *command.split()]
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        if name == "as_json" or value == field.get_default(call_default_factory=True):
            continue  # how it was shown is no part of what was made
        flag = "--" + name.rstrip("_").replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, Path) or (isinstance(value, str) and Path(value).exists()):
            words += [flag, "DIR"]
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)]
        else:
            words += [flag, shlex.quote(str(value))]
    return " ".join(words)


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
            default = validate(kind, {**_required(kind, rest), **read_yaml(path)}, str(path))
            break
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            parsed: T | None = tyro.cli(
                kind,
                args=rest,
                default=default,
                prog=f"rlgen {command}",
                config=(tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes),
            )
    except ValidationError as error:
        raise ConfigError(sentence(error, "command line", kind)) from error
    except SystemExit as ended:
        # a field that is out of range comes as pydantic's report of many lines, printed by tyro: one sentence instead
        if isinstance(ended.__context__, ValidationError):
            raise ConfigError(sentence(ended.__context__, "command line", kind)) from None
        sys.stderr.write(told.getvalue())
        raise
    assert parsed is not None  # tyro gives back `default` or an instance, never the None of "no default"
    return parsed
