"""From YAML and the command line to a validated, frozen config."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import tyro
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from rlgen.config import parse_yaml, read_yaml, sentence, validate
from rlgen.errors import ConfigError
from rlgen.seams import IMPORTED, load_module

__all__ = [
    "Options",
    "Part",
    "TableOptions",
    "parse",
    "program",
    "read_yaml",
    "recorded",
    "sentence",
    "take",
    "take_imports",
    "validate",
]

T = TypeVar("T", bound=BaseModel)


def _part(words: list[str]) -> Any:
    """A part from the command line: a name, a path, or YAML in braces or brackets; `none` for no part."""
    word = words[0]
    if word.lstrip()[:1] in ("{", "["):
        return parse_yaml(word)
    return None if word.lower() in ("none", "null") else word


Part = Annotated[
    Any,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="NAME|PATH|{...}",
        instance_from_str=_part,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
    ),
]
"""An option that names a part: a text, or a mapping, which the command line takes as YAML in braces."""


class Options(BaseModel):
    """Base of every command's config: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def beside(cls, values: dict[str, Any], folder: Path) -> dict[str, Any]:
        """What a YAML file says, with the files that it names looked for beside it first.

        Args:
            values: of the file.
            folder: where it lies.
        """
        del folder
        return values


class TableOptions(Options):
    """Base of the config of a command that prints a table."""

    as_json: Annotated[bool, tyro.conf.arg(name="json")] = Field(
        default=False, description="print one line of JSON instead of a table"
    )


_CONFIG: Final = (
    "--config FILE: options from a YAML file; those on the command line win over it. --import MODULE: a module of your "
    "own that registers parts, imported first."
)

# What the option parser says, and how one says it in a sentence. tyro's own hook for this (`tyro._errors`) is private,
# announced as unstable, and not in older versions; the tests hold every one of these to what tyro prints.
_SAID: Final = (
    (r"Missing from .*?: (--(\S+)) .*", r"`\2` is missing; add \1"),
    (r"Missing from .*?: (\S+) (.*?)( \(required\).*)?", r"\1 is missing (\2)"),
    (r"Missing value for argument '(.+?)'.*", r"\1 needs a value"),
    (r"Unrecognized options: (-[^\s,=]+).*", r"there is no option \1"),
    (r"Unrecognized options: (.+?)(, .*)?", r"no option takes the word '\1'"),
    (
        r"invalid choice (.+) for argument '(.+?)'. Expected one of \((.*?),?\) ?\.",
        r"\2 was \1, but one of \3 is needed",
    ),
    (
        r"Error parsing (\S+): no type matching (?:{None}\|)?{?(.+?)}? could be .* from (\[.*?\])\..*",
        r"\1 takes \2, not \3",
    ),
    (r"Error parsing (\S+): invalid literal for int.*: (.+)", r"\1 was \2, but a whole number is needed"),
    (r"Error parsing (\S+): could not convert string to float: (.+)", r"\1 was \2, but a number is needed"),
    (r"Error parsing (\S+: .*)", r"\1"),
)


def program(command: str) -> str:
    """What is typed for a command: `rlgen COMMAND`; `python -m MODULE`, outside the package, stands for itself."""
    return command if command.startswith("python -m ") else f"rlgen {command}"


def _told(box: str, command: str) -> str:
    """One sentence from the box of many lines that the option parser prints."""
    rows = [row.strip("│╭╮╰╯ ") for row in re.sub(r"\x1b\[[\d;]*m", "", box).splitlines()]
    ruled = re.split(r"^[─-]+$", "\n".join(rows[1:]), flags=re.MULTILINE)  # the first row is the title
    parts = [part.strip() for part in ruled if part.strip()]
    said = " ".join(parts[0].split()) if parts else "the options cannot be read"
    for pattern, words in _SAID:
        if found := re.fullmatch(pattern, said):
            said = found.expand(words)
            break
    for part in parts[1:]:
        if part.startswith(("Perhaps you meant", "Arguments similar")):
            said += f"; did you mean {' or '.join(dict.fromkeys(re.findall(r'^--[^ ,]+', part, re.MULTILINE)))}?"
            break
        if part.startswith("Unrecognized options:"):
            said += f"; {part.split()[2]} is no option"
            break
    return f"{said}{'' if said.endswith('?') else ';'} `{program(command)} --help` lists the options"


def recorded(command: str, options: Options) -> str:
    """The command as a manifest keeps it: what differs from the defaults, `DIR` for places of this machine.

    Args:
        command: e.g. `"fit users"`, or `"python -m recipes.encoder"`.
        options: as parsed.
    """
    words = program(command).split()
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
        elif isinstance(value, dict):
            words += [flag, shlex.quote(json.dumps(value))]
        else:
            words += [flag, shlex.quote(str(value))]
    return " ".join(words)


def _laid_over(below: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with those below them where they say nothing."""
    both = {
        name: _laid_over(held, values[name])
        for name, held in below.items()
        if isinstance(held, Mapping) and isinstance(values.get(name), Mapping)
    }
    return {**below, **values, **both}


def _as_defaults(kind: type[T], below: Mapping[str, Any], path: Path | None, missing: Any) -> T:
    """Options of a file as defaults; required ones that it lacks are `missing`, left to the command line."""
    values: dict[str, Any] = {} if path is None else read_yaml(path)
    if path is not None and issubclass(kind, Options):
        values = kind.beside(values, path.parent)
    values = _laid_over(below, values)
    absent = [name for name, field in kind.model_fields.items() if field.is_required() and name not in values]
    lacking: dict[str, Any] = dict.fromkeys(absent, (Any, missing))
    lenient = create_model(kind.__name__, __base__=kind, **lacking)
    where = "preset" if path is None else str(path)
    return kind.model_construct(set(values), **dict(validate(lenient, values, where)))


def _given(parsed: T, argv: Sequence[str], in_file: set[str]) -> T:
    """The same config, whose `model_fields_set` are the fields that were given, also where a value is the default."""
    flags = {word.partition("=")[0].strip("-").replace("-", "_") for word in argv if word.startswith("--")}
    named = flags | {flag.removeprefix("no_") for flag in flags}
    fields = type(parsed).model_fields
    differing = {
        name
        for name, field in fields.items()
        if field.is_required() or getattr(parsed, name) != field.get_default(call_default_factory=True)
    }
    return parsed.model_construct(differing | in_file | named & fields.keys(), **dict(parsed))


def take(argv: Sequence[str], option: str, needs: str) -> tuple[list[str], list[str]]:
    """The values of an option that the parser does not know, wherever it stands, and the other words.

    Args:
        argv: the words.
        option: e.g. `"--import"`.
        needs: what its value is.

    Raises:
        ConfigError: it has no value.
    """
    found: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, joined, value = word.partition("=")
        if name != option:
            rest.append(word)
            continue
        found.append(value if joined else next(words, ""))
        if not found[-1]:
            raise ConfigError(f"{option} needs {needs}")
    return found, rest


def take_imports(argv: Sequence[str]) -> list[str]:
    """Import the modules that `--import MODULE` names, wherever it stands, and give back the other words.

    Raises:
        ConfigError: there is no such module, or none is named.
    """
    modules, rest = take(argv, "--import", "the name of a module")
    for module in modules:
        load_module(module)
        if module not in IMPORTED:
            IMPORTED.append(module)
    return rest


def parse(kind: type[T], argv: Sequence[str], command: str, below: Mapping[str, Any] | None = None) -> T:
    """`[--config FILE.yaml] [--field value ...]` to a config; the command line wins over the file.

    Its `model_fields_set` are the fields that were given, by hand or in the file, also with the value of the default.

    Args:
        kind: the command's config class.
        argv: what stands after the command's name.
        command: e.g. `"train"`, or `"python -m benchmarks.step"`, for messages.
        below: values over which the file and the command line win.

    Raises:
        ConfigError: a field is missing, unknown, of the wrong type or out of range.
        SystemExit: status 0 after `--help`.
    """
    files, rest = take(take_imports(argv), "--config", "the path of a YAML file")
    if len(files) > 1:
        raise ConfigError("--config was given twice; put all options into one file")
    default: T | None = None
    if files or below:
        default = _as_defaults(kind, below or {}, Path(files[0]) if files else None, tyro.MISSING)
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            parsed: T | None = tyro.cli(
                kind,
                args=rest,
                default=default,
                prog=program(command),
                description=f"{inspect.getdoc(kind)}\n\n{_CONFIG}",
                config=(tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes),
            )
    except ValidationError as error:
        raise ConfigError(sentence(error, "command line", kind)) from error
    except SystemExit as ended:
        # a field that is out of range comes as pydantic's report of many lines, printed by tyro: one sentence instead
        cause: BaseException | None = ended.__context__
        while cause is not None and not isinstance(cause, ValidationError):
            cause = cause.__cause__ or cause.__context__  # of a config within this one
        if cause is not None:
            raise ConfigError(sentence(cause, "command line", kind)) from None
        if ended.code:
            raise ConfigError(_told(told.getvalue(), command)) from None
        raise
    assert parsed is not None  # tyro gives back `default` or an instance, never the None of "no default"
    return _given(parsed, rest, set() if default is None else default.model_fields_set)
