"""Names of a package that are imported when they are first used, so that importing the package costs nothing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazy(package: str) -> tuple[Callable[[str], Any], list[str]]:
    """`__getattr__` and `__all__` of a package, from the imports that stand below its `if TYPE_CHECKING`.

    Type checkers read these imports as they are, so that a name is written once: `from room.file import Name as Name`.

    Args:
        package: its `__name__`.
    """
    loader: Any = getattr(sys.modules[package].__spec__, "loader", None)
    homes: dict[str, tuple[str, str]] = {}
    for block in ast.parse(loader.get_source(package)).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for line in block.body:
                if isinstance(line, ast.ImportFrom) and line.module is not None:
                    homes |= {each.asname or each.name: (line.module, each.name) for each in line.names}

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        return getattr(import_module(module), attribute)

    return found, sorted(homes)
