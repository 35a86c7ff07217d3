"""Frozen parts that the worlds of a process share: found by what they are made of, not by where it lies.

A part that was fitted again into the same folder is another part, and the next world has it; worlds that have
the old one keep it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final, TypeVar

from rlgen.artifacts.store import MANIFEST, load
from rlgen.locks import OneThread

T = TypeVar("T")
_MOST: Final = 4


class Shared:
    """Parts of one kind, those used last; of what lies in one place only the newest.

    Args:
        most: how many are kept, beside those that worlds have.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = OneThread()
        self._kept: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    def of(self, place: Hashable, made_of: Hashable, make: Callable[[], T]) -> T:
        """A part.

        Args:
            place: where it comes from, and how it is loaded.
            made_of: all that lies there, see `content` and `state`; the part is loaded again where this has changed.
            make: loads it. One thread at a time does so.
        """
        with self._lock:
            found, part = self._kept.get(place, (None, None))
            if part is None or found != made_of:
                self._kept[place] = made_of, (part := make())
            self._kept.move_to_end(place)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            shared: T = part
            return shared


def content(source: str | Path, kind: str) -> str:
    """Hash of all that an artifact holds.

    Args:
        source: `"shipped:NAME"` or the path of a folder.
        kind: the format that is expected.

    Raises:
        ArtifactError: missing, damaged (a file's sha256 differs) or of another kind.
    """
    # The manifest has the hash of every other file, and `load` compares them.
    return hashlib.sha256((load(source, kind).path / MANIFEST).read_bytes()).hexdigest()


def state(folder: Path) -> tuple[Hashable, ...]:
    """What tells a folder from one in which a file was written since, where the files are too large to be hashed."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            its = path.stat()
            found.append((str(path), its.st_dev, its.st_ino, its.st_size, its.st_mtime_ns, its.st_ctime_ns))
    return tuple(found)
