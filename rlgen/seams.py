"""The one door for parts of one's own: from a name, a mapping or an object to a part, and back to plain data.

A name is `package.module:attribute` (or `FILE.py:attribute`) of a class, an object or a function; a mapping is
`{kind: NAME, option: value, ...}`, whose options are the keywords of the class or function. What was given as an object
is written down by its name where it can be found again under it, and as a marked description where it cannot.

What a part of one's own does once it runs is a sentence too, wherever parts are asked: `own_fault` for what its code
raises, `held` for what it gives.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_serializer

from rlgen.errors import ConfigError, PartError, RlgenError
from rlgen.types import Rows

S = TypeVar("S", bound=Rows)

SHIPPED: Final = "shipped:"
UNNAMED: Final = "unnamed"
"""Key of the mapping that stands for an object which cannot be found again by a name."""

IMPORTED: Final[list[str]] = []
"""Modules that this command was told to import, for the parts that they register; processes at its work do so too."""

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
        raise ConfigError(f"{name} cannot be imported ({told(error)}); install or mend what it needs") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{name} cannot be imported ({told(error)}); mend it") from error
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


def called(part: Any) -> str:
    """What a part is called in messages: its name, that of its class, or what it is."""
    part = part.func if isinstance(part, functools.partial) else part
    of = part if isinstance(getattr(part, "__qualname__", None), str) else type(part)
    return name_of(part) or name_of(of) or str(of.__qualname__)


def is_own(part: Any) -> bool:
    """Whether a part, or a function, is somebody's own; tests hold the shipped ones, and no step pays for that."""
    if isinstance(part, functools.partial):
        part = part.func
    of = part if isinstance(getattr(part, "__module__", None), str) else type(part)
    return of.__module__.partition(".")[0] != __name__.partition(".")[0]


class own_fault:
    """Where a part of one's own is asked: what its code raises becomes one sentence, with what was raised as its cause.

    Sentences of this package (`RlgenError`) pass as they are, and so does whatever a shipped part raises.

    Args:
        field: of the config that names the part.
        part: which is asked.

    Raises:
        PartError: says which part, what it raised, and in which line of one's own.
    """

    __slots__ = ("_field", "_part")

    def __init__(self, field: str, part: Any) -> None:
        self._field, self._part = field, part

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not isinstance(error, Exception | SystemExit) or isinstance(error, RlgenError | MemoryError):
            return
        if not is_own(self._part):
            return
        file, line = place_of(error)
        raise PartError(
            f"{self._field} was {called(self._part)}: it raised {told(error)} ({file}, line {line}); mend it"
        ) from error


def place_of(error: BaseException) -> tuple[str, int]:
    """File and line of one's own code in which an exception arose, the innermost; else that which raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    found = next((frame for frame in reversed(frames) if _is_ones_own(Path(frame.filename))), frames[-1])
    return found.filename, found.lineno or 0


def told(error: BaseException) -> str:
    """An exception on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def held(field: str, part: Any, gave: Any, kind: type[S], rows: int, **widths: int) -> S:
    """What a part of one's own gave, held to the form of a struct of `rlgen.types` over some rows.

    Args:
        field: of the config that names the part.
        part: which gave it.
        gave: what it gave.
        kind: what it has to be.
        rows: N.
        **widths: of its arrays, where only the caller knows them, see `Rows.fault`.

    Raises:
        PartError: says which part, what it gave, and what is needed.
    """
    if is_own(part) and (wrong := kind.fault(gave, rows, **widths)):
        raise refused(field, part, wrong)
    made: S = gave
    return made


def refused(field: str, part: Any, wrong: str) -> PartError:
    """What to raise of a part that gave what nobody can use.

    Args:
        field: of the config that names the part.
        part: which gave it.
        wrong: what it gave, and what to give instead.
    """
    return PartError(f"{field} was {called(part)}: {wrong} (docs/parts.md)")


def source_sha256(thing: Any) -> str:
    """Hash of the source behind a class, a function, or an object's class.

    That is its file and, of one's own, the files beside it that it imports, one through the other; where there is no
    file, what is known of it.
    """
    if isinstance(thing, functools.partial):
        thing = thing.func
    of = thing if isinstance(thing, type) or inspect.isroutine(thing) else type(thing)
    try:
        file = Path(inspect.getsourcefile(of) or "")
        source = b"".join([file.read_bytes(), *_imported(file, str(of.__module__))])
    except (TypeError, OSError):  # built in, or typed into a notebook
        try:
            source = inspect.getsource(of).encode()
        except (TypeError, OSError):
            code = getattr(of, "__code__", None)
            source = repr(of).encode() if code is None else code.co_code + repr(code.co_consts).encode()
    return hashlib.sha256(source).hexdigest()


_HERE: Final = Path(__file__).parent
_LIBRARY: Final = Path(sysconfig.get_path("stdlib"))


def _is_ones_own(file: Path) -> bool:
    """Whether a file is neither this package's nor installed."""
    installed = {"site-packages", "dist-packages"} & set(file.parts) or file.is_relative_to(_LIBRARY)
    return file.is_file() and not installed and not file.is_relative_to(_HERE)


def _imported(file: Path, module: str) -> Iterator[bytes]:
    """Name and content of the modules that a file of one's own imports and that lie in the same folder or package.

    Args:
        file: of the module.
        module: its dotted name.
    """
    words = [file.stem] if module == "__main__" else module.split(".")
    if file.stem == "__init__":
        words.append("__init__")
    if not _is_ones_own(file) or len(words) > len(file.parents):
        return
    root = file.parents[len(words) - 1]  # the folder in which the module, or its package, was found
    found, waiting = {".".join(words): file}, [words]
    while waiting:
        inside = waiting.pop()
        for name in _imports(found[".".join(inside)].read_bytes(), inside[:-1]):
            for place in (root.joinpath(*name).with_suffix(".py"), root.joinpath(*name, "__init__.py")):
                own = name if place.stem != "__init__" else [*name, "__init__"]
                if ".".join(own) not in found and place.is_file() and _is_ones_own(place):
                    found[".".join(own)] = place
                    waiting.append(own)
    for dotted, place in sorted(found.items()):
        if place != file:
            yield f"\0{dotted}\0".encode() + place.read_bytes()


def _imports(source: bytes, package: list[str]) -> Iterator[list[str]]:
    """Words of the names of modules that a source may import, and of the packages that hold them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        names: list[list[str]] = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            inside = [*above, *(node.module.split(".") if node.module else [])]
            names = [inside, *([*inside, alias.name] for alias in node.names)]
        for name in names:
            if name and name[0] not in {*sys.stdlib_module_names, _HERE.name} and "*" not in name:
                yield from (name[:depth] for depth in range(1, len(name) + 1))  # its packages, too


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
                raise ConfigError(f"{field} was {self}: it cannot be made ({told(error)}); mend it") from error
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
