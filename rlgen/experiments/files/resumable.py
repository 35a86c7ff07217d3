"""A file that grows until it is whole, and that the same command goes on with after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import rlgen
from rlgen.errors import DataError
from rlgen.experiments.provenance import code_sha256, differences, versions
from rlgen.locks import claim

# What reading a state can raise that is damaged, or of classes that have moved since.
_DAMAGED: Final = (
    OSError, ValueError, KeyError, IndexError, TypeError, EOFError, AttributeError, ImportError, pickle.UnpicklingError,
)  # fmt: skip


class ResumableFile:
    """A text file on its way.

    Until it is whole its lines lie beside it in `.NAME.partial`, and `.NAME.state` says which command of
    which program writes it, how many bytes of it count, and from where to go on. A kill at any moment leaves
    the whole file, or a state that fits the bytes before it; what was written after the state is written again.

    Example:
        >>> with ResumableFile(out, command) as file:
        ...     state = file.state()
        ...     ...
        ...     file.finish()
    """

    def __init__(self, out: Path, command: Mapping[str, Any]) -> None:
        """Name the file; nothing is written yet.

        Args:
            out: its name when it is whole. What is there stays until then; where it is a link, what it points to
                is replaced.
            command: all that decides its bytes besides this program and the packages that it runs on, as plain
                values.

        Raises:
            DataError: something else than a file has that name.
        """
        self._shown = out
        self._out = out.resolve()
        if self._out.exists() and not self._out.is_file():
            raise DataError(f"{out}: is not a file; choose another --out")
        self._partial = self._out.with_name(f".{self._out.name}.partial")
        self._state = self._out.with_name(f".{self._out.name}.state")
        self._fresh = self._state.with_name(f"{self._state.name}.new")
        made_with = {"rlgen": rlgen.__version__, "code": code_sha256(), "packages": dict(versions())}
        self._command = json.loads(json.dumps({**command, **made_with}))

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            DataError: the place cannot be written to, or another process is writing this file.
        """
        try:
            self._partial.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._partial.open("ab")
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            # Whoever held the lock before may have given the file its name: then it is whole, and not ours.
            ours = claim(self._file) and os.fstat(self._file.fileno()).st_ino == self._partial.stat().st_ino
        except OSError:
            ours = False
        if ours and self._being_finished():
            ours = False
            self._partial.unlink(missing_ok=True)  # made just now
        if not ours:
            self._close(silent=True)
            raise DataError(f"{self._shown}: another process is writing it; choose another --out")
        self._finished = False
        return self

    def _being_finished(self) -> bool:
        """Whether a process that has just given the file its name still removes its state: until then it has it."""
        try:
            with self._out.open("rb") as named:
                return not claim(named)
        except OSError:  # there is none, or it is not ours to read and so not of one of our processes
            return False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close it; without a state to go on from, nothing of it is left.

        Raises:
            DataError: what was still to be written does not fit on the disk; an earlier error goes on instead.
        """
        try:
            if not self._finished and not self._state.is_file():
                self._partial.unlink(missing_ok=True)
        except OSError as failed:
            if error is None:
                raise self._unwritable(failed) from failed
        finally:
            self._close(silent=error is not None)

    def _close(self, silent: bool) -> None:
        """Let go of the file; what was not yet written is tried once more, and a full disk is full again."""
        try:
            self._file.close()
        except OSError as failed:
            if not silent:
                raise self._unwritable(failed) from failed

    def state(self) -> Any:
        """What the last `save` of the same command kept; None where there is nothing to go on with.

        Raises:
            DataError: what lies there is of another command, of another version of this program or of a package,
                or damaged.
        """
        if not self._state.is_file():
            self._file.truncate(0)
            return None
        try:
            with self._state.open("rb") as file:
                head = json.loads(file.readline())
                size, found = int(head["bytes"]), self._partial.stat().st_size
                if size and not found:  # killed after the file had got its name, before its state was gone
                    self._state.unlink()
                    return None
                differing = next(differences(head["command"], self._command), None)
                if differing is None and found >= size:
                    state = pickle.load(file)
                    self._file.truncate(size)
                    return state
        except _DAMAGED as error:
            raise self._refused(f"cannot be read ({type(error).__name__})") from error
        if differing is not None:
            raise self._refused(f"was begun by another command or version ({differing}); finish that one")
        raise self._refused("is longer than what it describes")

    def _refused(self, why: str) -> DataError:
        return DataError(
            f"{self._state}: the unfinished file {why}, delete {self._state.name} and {self._partial.name}, or choose "
            "another --out"
        )

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(f"{self._shown}: cannot be written ({error.strerror}); choose another --out")

    def write(self, lines: Sequence[str]) -> None:
        """Append lines; none leave it as it is.

        Raises:
            DataError: the disk is full, or the like.
        """
        try:
            self._file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise self._unwritable(error) from error

    def save(self, state: Any) -> None:
        """Keep a state that goes on after what was written so far.

        Args:
            state: anything that can be pickled.

        Raises:
            DataError: the disk is full, or the like.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            head = {"command": self._command, "bytes": self._partial.stat().st_size}
            with self._fresh.open("wb") as file:
                file.write(json.dumps(head).encode() + b"\n")
                pickle.dump(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._fresh, self._state)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            with suppress(OSError):
                self._fresh.unlink(missing_ok=True)

    def sha256(self) -> str:
        """Of what was written so far."""
        self._file.flush()
        with self._partial.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def discard(self) -> None:
        """Leave nothing of it: the work is done, and its result lies elsewhere.

        Raises:
            DataError: the place cannot be written to.
        """
        try:
            self._state.unlink(missing_ok=True)  # without it, the end of the block takes the rest away
        except OSError as error:
            raise self._unwritable(error) from error

    def finish(self) -> None:
        """Give it its name.

        Raises:
            DataError: the place cannot be written to.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            os.replace(self._partial, self._out)
            self._finished = True
            # After the name: without its state the partial file would count for nothing.
            self._state.unlink(missing_ok=True)
            self._fresh.unlink(missing_ok=True)  # left by a kill in `save`
        except OSError as error:
            raise self._unwritable(error) from error
