"""The one door for parts of one's own: from a name, a mapping or an object to a part, and back to plain data.

A name is `package.module:attribute` (or `FILE.py:attribute`) of a class, an object or a function; a mapping is
`{kind: NAME, option: value, ...}`, whose options are the keywords of the class or function. What was given as an object
is written down by its name where it can be found again under it, and as a marked description where it cannot.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_serializer

from rlgen.errors import ConfigError, RlgenError

SHIPPED: Final = "shipped:"
UNNAMED: Final = "unnamed"
"""Key of the mapping that stands for an object which cannot be found again by a name."""

_SHORT: Final = {
    "hf": ("kind", "huggingface", "model"),
    "constant": ("kind", "constant", "text"),
    "surface": ("kind", "surface", "path"),
    "corpus": ("kind", "corpus", "path"),
    "calibrated": ("family", "calibrated", "parameters"),
    "replay": ("family", "replay", "path"),
    "llm": ("family", "llm", "model"),
}
"""Prefixes of texts that are short for a mapping with one option: `surface:DIR` is `{kind: surface, path: DIR}`."""

_WORD: Final = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_NAME: Final = re.compile(rf"(?P<where>{_WORD}|.+\.py):(?P<attribute>{_WORD})")


def is_name(value: object) -> bool:
    """Whether something is written like the name of a part: `package.module:attribute` or `FILE.py:attribute`."""
    return isinstance(value, str) and not value.startswith(SHIPPED) and _NAME.fullmatch(value) is not None


def look_in(folder: Path) -> None:
    """Let modules of a folder be found, after all that is installed."""
    if (place := str(folder.resolve())) not in sys.path:
        sys.path.append(place)


def load_module(name: str) -> ModuleType:
    """A module by its dotted name, or by the path of its file.

    Raises:
        ConfigError: there is none of that name, another one has it, or importing it fails.
    """
    file = Path(name).resolve() if name.endswith(".py") else None
    if file is not None:
        if not file.is_file():
            raise ConfigError(f"there is no file {name}; check the path")
        look_in(file.parent)
    importable = name if file is None else file.stem
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to the command
            module = importlib.import_module(importable)
    except ModuleNotFoundError as error:
        if error.name and (importable == error.name or importable.startswith(f"{error.name}.")):
            raise ConfigError(
                f"there is no module {error.name!r}; check its spelling, or work in the folder that holds it"
            ) from error
        raise ConfigError(f"{name} cannot be imported ({_told(error)}); install or mend what it needs") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{name} cannot be imported ({_told(error)}); mend it") from error
    if file is not None and Path(getattr(module, "__file__", None) or "").resolve() != file:
        raise ConfigError(f"{name}: another module is called {importable!r}; rename the file")
    return module


def find(name: str) -> Any:
    """The class, object or function that a name stands for.

    Raises:
        ConfigError: there is no such module or attribute; says which there are of a similar name.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ConfigError(f"{name!r} is no name of a part; write package.module:attribute")
    found: Any = load_module(parts["where"])
    for word in parts["attribute"].split("."):
        if not hasattr(found, word):
            near = get_close_matches(word, dir(found), 3, 0.5) or [each for each in dir(found) if each[0] != "_"][:12]
            raise ConfigError(f"{parts['where']} has no {parts['attribute']!r}; it has {', '.join(near) or 'nothing'}")
        found = getattr(found, word)
    return found


def name_of(thing: Any) -> str | None:
    """The name under which `find` gives this very object, in other processes too; None where there is none."""
    of = thing if isinstance(getattr(thing, "__qualname__", None), str) else type(thing)
    module = getattr(of, "__module__", None)
    if module in (None, "__main__", "builtins") or module not in sys.modules:
        return None
    if of is thing:
        words = [thing.__qualname__]
    else:  # an object: it may be one that its module keeps
        words = [word for word, kept in vars(sys.modules[module]).items() if kept is thing]
    for word in words:
        found: Any = sys.modules[module]
        for each in word.split("."):
            found = getattr(found, each, None)
        if found is thing:
            return f"{module}:{word}"
    return None


def source_sha256(thing: Any) -> str:
    """Hash of the source behind a class, a function, or an object's class: of its file, or of what is known of it."""
    if isinstance(thing, functools.partial):
        thing = thing.func
    of = thing if isinstance(thing, type) or inspect.isroutine(thing) else type(thing)
    try:
        source = Path(inspect.getsourcefile(of) or "").read_bytes()
    except (TypeError, OSError):  # built in, or typed into a notebook
        try:
            source = inspect.getsource(of).encode()
        except (TypeError, OSError):
            code = getattr(of, "__code__", None)
            source = repr(of).encode() if code is None else code.co_code + repr(code.co_consts).encode()
    return hashlib.sha256(source).hexdigest()


class Own(BaseModel):
    """A part of one's own, as a config holds it.

    Attributes:
        part: its name; or the object, where it has none.
        options: keywords of the class or function.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    part: Any
    options: dict[str, Any] = {}

    @classmethod
    def of(cls, value: Any) -> Self | None:
        """From a name, a mapping with one, or an object; None for texts, paths and mappings that are something else.

        Raises:
            ValueError: nothing can be found under the name, or it stands for an object that has none.
        """
        if isinstance(value, cls):
            return value
        options: dict[str, Any] = {}
        if isinstance(value, Mapping):
            if UNNAMED in value:
                raise ValueError(
                    "an object of the program that made this, which has no name to find it again; give the part again"
                )
            options = {str(key): each for key, each in value.items() if key != "kind"}
            value = value.get("kind")
        plain = (str, Path, bool, int, float, list, tuple, set, Mapping, type(None))
        if isinstance(value, plain) and not is_name(value):
            return None
        if isinstance(value, str):
            try:
                find(value)
            except ConfigError as error:
                raise ValueError(str(error)) from error
            return cls(part=value, options=options)
        return cls(part=name_of(value) or value, options=options)

    @property
    def thing(self) -> Any:
        """What was named or given, before anything is made of it."""
        return find(self.part) if isinstance(self.part, str) else self.part

    @property
    def name(self) -> str:
        """Short, for tables and messages."""
        thing = self.thing
        short = getattr(thing, "__name__", None) or getattr(thing, "name", None) or type(thing).__name__
        return str(short)

    @property
    def sha256(self) -> str:
        """Hash of its name, its options and the source behind it."""
        plain = json.dumps(self.plain(), sort_keys=True, default=repr)
        return hashlib.sha256(f"{plain}{source_sha256(self.thing)}".encode()).hexdigest()

    def make(self, field: str, needs: Sequence[str], *given: Any) -> Any:
        """The part itself.

        Args:
            field: of the config, for messages.
            needs: names that tell the part from what makes it: a class or a function without them is called.
            *given: what such a call gets before the options.

        Raises:
            ConfigError: it cannot be made, or lacks something of `needs`.
        """
        made = self.thing
        if isinstance(made, type) or (callable(made) and not all(hasattr(made, need) for need in needs)):
            try:
                made = made(*given, **self.options)
            except RlgenError:
                raise
            except Exception as error:
                raise ConfigError(f"{field} was {self}: it cannot be made ({_told(error)}); mend it") from error
        elif self.options:
            raise ConfigError(f"{field} was {self}: an object takes no options; name its class")
        if lacking := [need for need in needs if not hasattr(made, need)]:
            raise ConfigError(
                f"{field} was {self}: it is {type(made).__name__}, which has no {lacking[0]}; docs/parts.md says what "
                "a part needs"
            )
        return made

    def function(self, field: str) -> Callable[..., Any]:
        """The part as something to call: a function with its options laid in, or an object of the class.

        Raises:
            ConfigError: it is nothing to call.
        """
        thing = self.thing
        if not isinstance(thing, type) and callable(thing):
            return functools.partial(thing, **self.options) if self.options else thing
        made: Callable[..., Any] = self.make(field, ["__call__"])
        return made

    @model_serializer
    def plain(self) -> Any:
        """Plain data that `of` takes back; of an object without a name only a description."""
        if isinstance(self.part, str):
            return {"kind": self.part, **self.options} if self.options else self.part
        return {UNNAMED: f"{self.name} of {type(self.part).__name__}", **self.options}

    def __str__(self) -> str:
        """Its name, or what it is called."""
        return self.part if isinstance(self.part, str) else self.name


def written_out(value: Any) -> Any:
    """A text that is short for a mapping (`surface:DIR`), as the mapping; anything else as it is."""
    found = re.fullmatch(r"(\w+)[:=](.+)", value, re.DOTALL) if isinstance(value, str) else None
    if found is None or found[1] not in _SHORT or importlib.util.find_spec(found[1]) is not None:
        return value  # a module of one's own may have such a name
    sort, kind, option = _SHORT[found[1]]
    return {sort: kind, option: found[2]}


def named_or_own(value: Any, info: ValidationInfo) -> Any:
    """Validator of a field that takes a shipped name, a path, or a part of one's own.

    Raises:
        ValueError: nothing of that name.
    """
    own = Own.of(value)
    if own is None and isinstance(value, Mapping):
        raise ValueError(f"`kind` names no part; write {{kind: package.module:attribute, ...}} for {info.field_name}")
    return str(value) if own is None and isinstance(value, Path) else own or value


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
