"""Tables that frozen models give over finite banks, computed once and kept in the user's cache folder.

The folder is `$RLGEN_CACHE`, else `$XDG_CACHE_HOME/rlgen`, else `~/.cache/rlgen`. A table's key is a
hash of everything it depends on (weights, texts, `code_sha256`), so a stale table is never found.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import tempfile
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def folder() -> Path:
    """Where tables are kept."""
    if chosen := os.environ.get("RLGEN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rlgen"


@lru_cache(maxsize=64)
def code_sha256(*modules: str) -> str:
    """Hash of the source of modules, by name: a table that they compute is stale once one of them has changed."""
    digest = hashlib.sha256()
    for name in modules:
        digest.update(inspect.getsource(importlib.import_module(name)).encode())
    return digest.hexdigest()


def cached(key: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays of that key, built at the first call.

    A folder that cannot be written or a damaged file costs time, never a failure: the arrays are
    then built again.
    """
    path = folder() / f"{key}.npz"
    if path.is_file():
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
    arrays = build()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(file.name, path)
    except OSError:
        return arrays
    return arrays
