"""What was found already, a line each, so that a long search goes on after a kill by finding it again at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from rlgen.errors import DataError
from rlgen.experiments.files.whole import appended, read_lines
from rlgen.experiments.provenance import code_sha256, differences


class Journal:
    """Numbers by what they are of, in a file of JSON lines that goes when the work is done.

    Args:
        path: the file.
        command: all that decides the numbers besides this program, as plain values.

    Attributes:
        known: how many numbers were there when it was opened.
    """

    def __init__(self, path: Path, command: Mapping[str, Any]) -> None:
        self._path = path
        self._command = json.loads(json.dumps({**command, "code": code_sha256()}))
        self._found: dict[str, float] = {}
        self._file: BinaryIO | None = None
        self.known = 0

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            DataError: it cannot be written, it is another command's, or another process is writing it.
        """
        self._file = appended(self._path)
        lines = read_lines(self._path, ())
        if not lines:
            self._file.truncate(0)
            self._write(self._command)
            return self
        first, *records = lines
        if (differing := next(differences(first, self._command), None)) is not None:
            self._file.close()
            raise DataError(
                f"{self._path}: was begun by another command or version ({differing}); finish that one, delete "
                f"{self._path.name}, or choose another --out"
            )
        self._found = {record["of"]: record["is"] for record in records}
        self.known = len(self._found)
        whole = self._path.read_bytes().rfind(b"\n") + 1  # a line that a kill cut short is found again
        self._file.truncate(whole)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._file is not None
        self._file.close()
        if error is None:
            self._path.unlink(missing_ok=True)

    def number(self, of: str, find: Callable[[], float]) -> float:
        """The number that is known, or that is found now and kept."""
        if of not in self._found:
            self._found[of] = find()
            self._write({"of": of, "is": self._found[of]})
        return self._found[of]

    def _write(self, record: Mapping[str, Any]) -> None:
        assert self._file is not None
        try:
            self._file.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise DataError(f"{self._path}: cannot be written ({error.strerror}); make room for it") from error
