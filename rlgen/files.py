"""Files that are whole or not there, with the rights that the user's umask gives."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from pathlib import Path

from rlgen.errors import DataError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Somewhere to write a file, which gets its name when the block ends without an error, and else is not there.

    Args:
        path: the name; its folder is made, and what is there under it stays until then. Where it is a link, what
            it points to is replaced. The rights are those of a new file under the umask, and never more than those
            of the file that is replaced.

    Yields:
        An empty file beside it, with its ending.

    Raises:
        DataError: the place cannot be written to, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if target.exists() and not target.is_file():
            raise DataError(f"{path}: is a device or a pipe, not a file; name a file")
        place = _beside(target)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield place
        with place.open("rb+") as written:
            os.fsync(written.fileno())
        if target.is_file():
            place.chmod(place.stat().st_mode & target.stat().st_mode & 0o777)
        place.replace(target)
    except BaseException as error:
        with suppress(OSError):
            place.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def _beside(path: Path) -> Path:
    """A new, empty file in the folder of a path; the modules of `tempfile` would not ask the umask."""
    stem = path.stem[:100]  # the whole name may already be as long as names may be
    while True:
        place = path.with_name(f".{stem}-{secrets.token_hex(4)}{path.suffix[:20]}")
        with suppress(FileExistsError):
            os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
            return place


def unwritable(path: Path, error: OSError) -> DataError:
    """The sentence for a place that cannot be written to."""
    return DataError(f"{path}: cannot be written ({error.strerror or error}); make room or choose another place")
