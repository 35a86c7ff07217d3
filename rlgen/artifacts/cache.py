"""Tables that frozen models give over finite banks, computed once and kept in the user's cache folder.

The folder is `$RLGEN_CACHE`, else `$XDG_CACHE_HOME/rlgen`, else `~/.cache/rlgen`; where there is no home either,
tables are computed at every start. A table's key is a hash of everything it depends on (weights, texts,
`code_sha256`), so a stale table is never found.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.errors import DataError
from rlgen.files import whole

Arrays = dict[str, NDArray[Any]]

# What numpy and zipfile raise for a table that is missing, not ours to read, or damaged wherever it may be.
_UNREADABLE: Final = (
    OSError, ValueError, EOFError, KeyError, IndexError, TypeError, SyntaxError, NotImplementedError, RuntimeError,
    MemoryError, OverflowError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def folder() -> Path | None:
    """Where tables are kept; None where nobody said it and the user has no home, as in a container with any user id."""
    if chosen := os.environ.get("RLGEN_CACHE"):
        return Path(chosen)
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "rlgen"
    home = Path(os.path.expanduser("~"))
    return home / ".cache" / "rlgen" if home.is_absolute() else None


@lru_cache(maxsize=64)
def code_sha256(*modules: str) -> str:
    """Hash of the source of modules, by name: a table that they compute is stale once one of them has changed."""
    digest = hashlib.sha256()
    for name in modules:
        digest.update(inspect.getsource(importlib.import_module(name)).encode())
    return digest.hexdigest()


def cached(key: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays of that key, built at the first call.

    No folder, one that cannot be read or written, a damaged file, a full disk: these cost time, never a failure.
    The arrays are then built again.
    """
    kept = folder()
    if kept is None:
        return build()
    path = kept / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            if arrays := {name: stored[name] for name in stored.files}:
                return arrays
    except _UNREADABLE:
        pass
    arrays = build()
    with suppress(DataError), whole(path) as place:  # what is damaged there is replaced
        np.savez(place, **arrays)  # type: ignore[arg-type]
    return arrays
