"""Texts that are written whole or not at all, and what is read from them again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlgen.errors import ConfigError, DataError
from rlgen.files import whole


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Args:
        path: its name.
        text: halves of characters, as of file names that are no UTF-8, are written as JSON escapes them.

    Raises:
        DataError: the place cannot be written to.
    """
    with whole(path) as place:
        place.write_bytes(text.encode("utf-8", "backslashreplace"))


def writable_file(path: Path) -> None:
    """Check, before the work whose result goes there, that a file can be written; nothing is left of it.

    Raises:
        DataError: it cannot.
    """
    writable_folder(path.parent)
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file")


def writable_folder(path: Path) -> None:
    """Make a folder before the work whose results go there.

    Raises:
        DataError: it cannot be made, or not be written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be made a folder ({error.strerror}); choose another place") from error
    if not os.access(path, os.W_OK):
        raise DataError(f"{path}: cannot be written to; choose another place")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ConfigError: unreadable or not an object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error.__class__.__name__}); check the path") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds {type(values).__name__}, not an object")
    return values


def read_lines(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    """Records of a file of JSON lines; a last line without its end, cut short by a kill, is left out.

    Args:
        path: the file.
        needed: fields that every record has.

    Raises:
        DataError: a line is not such a record.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error.__class__.__name__}); check the file") from error
    records = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict) or any(name not in record for name in needed):
            raise DataError(f"{path}: line {number} is not a record that rlgen wrote; restore the file, or remove it")
        records.append(record)
    return records
