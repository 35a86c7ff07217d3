"""One writer for a folder: training, evaluation and report never write the same run at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rlgen.errors import ConfigError, DataError
from rlgen.locks import claim

LOCK: Final = ".lock"
"""The file in the folder; it stays, and the lock on it ends with the process, however that ends."""


@contextmanager
def only_writer(folder: Path, command: str) -> Iterator[None]:
    """Have a folder to oneself for a block; it is made where it is missing.

    Args:
        folder: where one writes.
        command: what it is, for the message that another command gets meanwhile.

    Raises:
        ConfigError: another command is writing there.
        DataError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder}: cannot be written to ({error.strerror}); choose another place") from error
    with file:
        if not claim(file.fileno()):
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
