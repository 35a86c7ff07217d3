"""An audit log that shows tampering: JSON lines, each chained to the one before by its hash.

Changing, inserting, deleting or reordering lines breaks the chain from there on. Without a key
whoever can write the file can also write a new chain; with a key (HMAC-SHA-256) only who holds it.
Cutting lines off the end leaves a shorter intact chain: note the head (`Report.head`) elsewhere
and give it to `verify`. After Schneier and Kelsey, "Secure audit logs to support computer
forensics", ACM TISSEC 2, 1999, in its simplest form.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

from rlgen.errors import AuditError, ConfigError
from rlgen.locks import OneThread, claim

_KIND: Final = "rlgen-audit/1"
_START: Final = "0" * 64
_RESERVED: Final = frozenset({"line", "time", "previous", "hash"})
_OPENING: Final = b'{"line":1,"time":'  # of every log's first line


@dataclass(frozen=True)
class Report:
    """What a check of a log found.

    Attributes:
        path: the log.
        lines: how many lines are intact from the start.
        first_bad: number of the first bad line, from 1; None where the log is intact.
        problem: what is wrong with it, empty where nothing is.
        head: hash of the last intact line.
        counts: interventions by reason, over the intact lines.
    """

    path: Path
    lines: int
    first_bad: int | None
    problem: str
    head: str
    counts: dict[str, int]

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


class Log(Protocol):
    """Who takes a guard's interventions, and whatever else is to be noted among them; see `AuditLog`."""

    def append(self, record: dict[str, Any]) -> None:
        """Take one record."""

    def intervention(
        self, *, row: int, turn: int, decision: str, reason: str, utterance: str, reply: str, keep_text: bool = False
    ) -> None:
        """Take one intervention."""

    def close(self) -> None:
        """No more will come."""


class AuditLog:
    """Appends to a log; one process at a time.

    Texts are not kept unless asked: a line holds a salted hash of each, so that a text that is known
    from elsewhere can be found in the log, while the log alone tells nobody what was said. The salt
    stands in the first line; against guessing of short texts use a key.

    A line is handed to the operating system whole, in one write. If the machine dies in the middle
    of it, the half line is found at the next opening, kept beside the log, and noted in the chain.
    A file that is no log is refused and stays as it is.

    Args:
        path: the file; created with its folder if need be, else continued.
        key_file: file whose bytes are the key of the chain; None for an unkeyed chain.
        clock: seconds since the epoch, for the lines' times.
        salt: of the text hashes, for a new log; None draws one that cannot be foreseen.

    Raises:
        AuditError: the file cannot be written, is open elsewhere, or is not an intact log.
        ConfigError: the key file cannot be read or is empty.
    """

    def __init__(
        self,
        path: str | Path,
        key_file: str | Path | None = None,
        clock: Callable[[], float] = time.time,
        salt: bytes | None = None,
    ) -> None:
        self.path = Path(path)
        self._key = _read_key(key_file)
        self._clock = clock
        self._alone = OneThread()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            # A log that nobody holds any more must not keep others from writing.
            self._close = weakref.finalize(self, os.close, self._file)
        except OSError as error:
            raise AuditError(f"{self.path}: cannot be opened for writing ({error.strerror}); check the path") from error
        try:
            self._lock()
            self._continue(salt)
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        if not claim(self._file):
            raise AuditError(f"{self.path}: another process writes to this log; give each its own path")

    def _continue(self, salt: bytes | None) -> None:
        data = self.path.read_bytes()
        whole, torn = _split(data)
        report = _check(self.path, whole, self._key)
        if whole and not report.intact:
            raise AuditError(
                f"{self.path}: line {report.first_bad}: {report.problem}; keep it for inspection and log elsewhere"
            )
        if not whole and torn[: len(_OPENING)] != _OPENING[: len(torn)]:
            raise AuditError(f"{self.path}: holds something else than a log; keep it and log elsewhere")
        if torn:
            self._set_aside(whole, torn)
        if whole:
            self._head, self._lines = report.head, report.lines
            self._salt = bytes.fromhex(json.loads(whole.split(b"\n", 1)[0])["salt"])
        else:
            # not a draw of the simulation: nobody may be able to foresee it, so no seed
            self._salt = salt if salt is not None else secrets.token_bytes(16)
            self._head, self._lines = _START, 0
            self.append({"event": "start", "kind": _KIND, "keyed": self._key is not None, "salt": self._salt.hex()})
        if torn:
            digest = hashlib.sha256(torn).hexdigest()
            self.append({"event": "torn line", "bytes": len(torn), "sha256": digest, "kept": self._torn_path.name})

    @property
    def _torn_path(self) -> Path:
        return self.path.with_name(self.path.name + ".torn")

    def _set_aside(self, whole: bytes, torn: bytes) -> None:
        # With the log's rights: what is torn may hold words of people.
        kept = os.open(self._torn_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(kept, torn + b"\n")
        finally:
            os.close(kept)
        os.ftruncate(self._file, len(whole))

    @property
    def head(self) -> str:
        """Hash of the last line: note it elsewhere to show later that nothing was cut off."""
        return self._head

    def __len__(self) -> int:
        return self._lines

    def append(self, record: dict[str, Any]) -> None:
        """Append one record.

        Args:
            record: JSON values with a text `event`; `line`, `time`, `previous` and `hash` are added.

        Raises:
            AuditError: the log is closed, the record cannot stand in a log, or the line cannot be written.
        """
        with self._alone:
            self._append(record)

    def _append(self, record: dict[str, Any]) -> None:
        if self._file < 0:
            raise AuditError(f"{self.path}: the log is closed; open it again to append")
        if taken := _RESERVED & record.keys():
            raise AuditError(f"{self.path}: the record gives {min(taken)!r}, which the log adds itself; rename it")
        if problem := _wrong_record(record):
            raise AuditError(f"{self.path}: the record cannot be appended: {problem}")
        try:
            stamp = round(self._clock(), 3)
            body = {"line": self._lines + 1, "time": stamp, **record, "previous": self._head}
            digest = _digest(body, self._key)
            line = _canonical({**body, "hash": digest}) + b"\n"
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise AuditError(f"{self.path}: the record is not JSON ({error}); give texts and finite numbers") from error
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                os.ftruncate(self._file, before)
                raise AuditError(f"{self.path}: line {body['line']} does not fit on the disk; make room")
        except OSError as error:
            raise AuditError(f"{self.path}: line {body['line']} cannot be written ({error.strerror})") from error
        self._head, self._lines = digest, self._lines + 1

    def intervention(
        self, *, row: int, turn: int, decision: str, reason: str, utterance: str, reply: str, keep_text: bool = False
    ) -> None:
        """Append one intervention of the guard.

        Args:
            row: the dialogue's row in its vector.
            turn: index of the turn from 0.
            decision: `"replace"` or `"escalate"`.
            reason: names of the rules.
            utterance: what the person said; hashed unless `keep_text`.
            reply: what would have been said; likewise.
            keep_text: write the texts themselves too.
        """
        texts = {"utterance": utterance, "reply": reply}
        record: dict[str, Any] = {"event": "intervention", "row": row, "turn": turn, "decision": decision}
        record["reason"] = reason
        record |= {f"{name}_hash": self.text_hash(text) for name, text in texts.items()}
        self.append({**record, **texts} if keep_text else record)

    def text_hash(self, text: str) -> str:
        """The hash by which this log knows a text."""
        key = self._salt + (self._key or b"")
        return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def close(self) -> None:
        """Close the file and let others write to it."""
        if self._file >= 0:
            self._close()
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def verify(path: str | Path, key_file: str | Path | None = None, head: str | None = None) -> Report:
    """Check a log from its first line to its last.

    Args:
        path: the log.
        key_file: the key that it was written with.
        head: hash of a line that the log must still hold, noted earlier; shows whether lines were cut off.

    Raises:
        AuditError: there is no such file, or the key does not suit the log.
        ConfigError: the key file cannot be read or is empty.
    """
    path = Path(path)
    key = _read_key(key_file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    whole, torn = _split(data)
    report = _check(path, whole, key)
    if not report.intact:
        return report
    if torn:
        problem = "it is torn: writing stopped in the middle of it"
        return Report(path, report.lines, report.lines + 1, problem, report.head, report.counts)
    if head is not None and f'"hash":"{head}"'.encode(errors="replace") not in whole:
        problem = f"lines were cut off: none has the hash {head[:12]}... that was noted"
        return Report(path, report.lines, report.lines + 1, problem, report.head, report.counts)
    return report


def _check(path: Path, whole: bytes, key: bytes | None) -> Report:
    previous, lines = _START, 0
    counts: dict[str, int] = {}
    problem = "" if whole else "the file is empty; a log begins with its start line"
    for raw in whole.split(b"\n")[:-1]:
        try:
            record = json.loads(raw)
            if lines == 0:
                problem = _wrong_start(path, record, key)
            problem = problem or _wrong_link(record, raw, previous, lines + 1, key) or _wrong_record(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            problem = "it is no record of an audit log"
        if problem:
            break
        previous, lines = record["hash"], lines + 1
        if record["event"] == "intervention":
            for reason in record["reason"].split("; "):
                name = reason.split(":")[0]
                counts[name] = counts.get(name, 0) + 1
    return Report(path, lines, lines + 1 if problem else None, problem, previous, counts)


def _wrong_start(path: Path, record: dict[str, Any], key: bytes | None) -> str:
    if record["event"] != "start" or record["kind"] != _KIND or not isinstance(record["keyed"], bool):
        return f"it does not start a log of kind {_KIND}"
    bytes.fromhex(record["salt"])
    if record["keyed"] and key is None:
        raise AuditError(f"{path}: the log is keyed; give the key file that it was written with")
    return "it says that the log has no key, but one was given" if key is not None and not record["keyed"] else ""


def _wrong_link(record: dict[str, Any], raw: bytes, previous: str, number: int, key: bytes | None) -> str:
    body = {name: value for name, value in record.items() if name != "hash"}
    if record["previous"] != previous or record["line"] != number:
        return "it does not follow from the line before: lines were removed, inserted or reordered"
    if _canonical(record) != raw or not hmac.compare_digest(_digest(body, key), record["hash"]):
        return "its content does not match its hash: it was changed, or the key is another"
    return ""


def _wrong_record(record: dict[str, Any]) -> str:
    if not isinstance(record.get("event"), str):
        return "it has no `event`, a text that says what happened"
    if record["event"] == "intervention" and not isinstance(record.get("reason"), str):
        return "it is an intervention without `reason`, a text with the names of the rules"
    return ""


def _split(data: bytes) -> tuple[bytes, bytes]:
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


def _digest(body: dict[str, Any], key: bytes | None) -> str:
    data = _canonical(body)
    return hashlib.sha256(data).hexdigest() if key is None else hmac.new(key, data, hashlib.sha256).hexdigest()


def _read_key(key_file: str | Path | None) -> bytes | None:
    if key_file is None:
        return None
    try:
        key = Path(key_file).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{key_file}: the key cannot be read ({error.strerror}); check the path") from error
    if not key:
        raise ConfigError(f"{key_file}: the key is empty; write some random bytes to it")
    return key
