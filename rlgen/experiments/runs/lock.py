"""One writer for a folder: training, evaluation and report never write the same run at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from rlgen.errors import ConfigError, DataError
from rlgen.locks import claim

LOCK: Final = ".lock"
"""The file in the folder; the lock on it ends with the process, however that ends."""


@contextmanager
def only_writer(folder: Path, command: str) -> Iterator[None]:
    """Have a folder to oneself for a block; it is made where it is missing, and goes again where it stays empty.

    Args:
        folder: where one writes.
        command: what it is, for the message that another command gets meanwhile.

    Raises:
        ConfigError: another command is writing there.
        DataError: the folder cannot be written to.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = lock.open("a+", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder}: cannot be written to ({error.strerror}); choose another place") from error
    with file:
        if not claim(file.fileno()) or not _is_at(file, lock):
            file.seek(0)
            who = file.readline().strip() or "another command"
            raise ConfigError(f"{folder}: {who} is writing here; wait for it, or choose another folder")
        file.truncate(0)
        file.write(f"{command} (process {os.getpid()})\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            with suppress(OSError):  # a system may keep files that are open, and a folder that is not empty stays
                lock.unlink()
                for place in made:
                    place.rmdir()


def _is_at(file: TextIO, path: Path) -> bool:
    """Whether an open file is still the one of its name; whoever held the lock before takes the name away."""
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except OSError:
        return False
