"""One at a time: one writer for a file, one thread for what cannot be used by two."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from types import TracebackType
from typing import BinaryIO, Final

if sys.platform != "win32":
    import fcntl


def claim(file: int | BinaryIO) -> bool:
    """Whether this process now has an open file to itself, until it is closed; Windows has no such locks: True."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


class OneThread:
    """A lock that the same thread may take again, and that a forked child finds free.

    A child has none of its parent's other threads, so what one of them held would stay locked for ever. A copy,
    pickled or not, is a lock of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _ALL.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[OneThread], tuple[()]]:
        return OneThread, ()

    def _renew(self) -> None:
        self._lock = threading.RLock()


_ALL: Final[weakref.WeakSet[OneThread]] = weakref.WeakSet()


def _free_all() -> None:
    for lock in list(_ALL):
        lock._renew()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_free_all)
