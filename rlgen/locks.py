"""One writer for a file."""

from __future__ import annotations

import sys
from typing import BinaryIO

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
