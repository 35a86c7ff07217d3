"""Files that are whole or not there: rights, full disks, links, devices."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rlgen.artifacts import Manifest, cached, write
from rlgen.errors import DataError
from rlgen.experiments.files.resumable import ResumableFile
from rlgen.experiments.files.whole import write_atomically
from rlgen.files import whole
from rlgen.governance.audit import AuditLog

posix = pytest.mark.skipif(os.name != "posix", reason="rights as of POSIX")
# A device on which every write says that the disk is full.
FULL = Path("/dev/full")


def rights(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


@contextmanager
def masked(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def policy(path: Path) -> None:
    from rlgen.policies.checkpoint import save_checkpoint

    class Model:
        def save(self, place: str) -> None:
            import zipfile

            with zipfile.ZipFile(place, "w") as archive:
                archive.writestr("data", "{}")

        def get_env(self) -> object:
            from rlgen.policies.vec_env import WorldVecEnv

            env = object.__new__(WorldVecEnv)
            env.state = lambda: {}  # type: ignore[attr-defined, method-assign]
            return env

    save_checkpoint(path, Model())  # type: ignore[arg-type]


def table(path: Path) -> None:
    os.environ["RLGEN_CACHE"] = str(path.parent)
    cached(path.stem, lambda: {"x": np.ones(2)})


def artifact(path: Path) -> None:
    manifest = Manifest(name="toy", kind="toy/1", description="A toy.", command="make toy")
    write(path.parent, {path.name: b"abc"}, manifest)


def lines(path: Path) -> None:
    with ResumableFile(path, {}) as file:
        file.write(["a"])
        file.save(1)
        assert rights(path.with_name(f".{path.name}.state")) == rights(path.with_name(f".{path.name}.partial"))
        file.finish()


def log(path: Path) -> None:
    with AuditLog(path) as audit:
        audit.append({"event": "a"})


WRITERS = {
    "text": (lambda path: write_atomically(path, "private"), "a.json"),
    "policy": (policy, "policy.zip"),
    "table": (table, "k.npz"),
    "artifact": (artifact, "x.bin"),
    "lines": (lines, "d.jsonl"),
}


@posix
@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o002])
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_written_has_the_rights_that_the_umask_gives(tmp_path, monkeypatch, writer, mask):
    monkeypatch.setenv("RLGEN_CACHE", "")
    act, name = WRITERS[writer]
    path = tmp_path / "new" / "deep" / name
    with masked(mask):
        (tmp_path / "plain").write_text("")
        (tmp_path / "folder").mkdir()
        act(path)
    assert rights(path) == rights(tmp_path / "plain")
    assert rights(path.parent) == rights(path.parents[1]) == rights(tmp_path / "folder")


@posix
def test_an_audit_log_and_what_was_torn_from_it_are_the_owners_alone(tmp_path):
    path = tmp_path / "audit.jsonl"
    with masked(0o022):
        log(path)
        with path.open("ab") as file:
            file.write(b'{"line":3,"ti')
        log(path)
    assert {rights(file) for file in tmp_path.iterdir()} == {"-rw-------"}
    assert len(list(tmp_path.iterdir())) == 2


@posix
def test_what_was_closed_to_others_stays_closed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    with masked(0o022):
        write_atomically(path, "new")
    assert rights(path) == "-rw-------"
    assert path.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="links")
def test_a_link_is_followed_and_a_device_is_none(tmp_path):
    real, link = tmp_path / "deep" / "real.txt", tmp_path / "link.txt"
    link.symlink_to(real)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    link.unlink()
    link.symlink_to(os.devnull)
    with pytest.raises(DataError, match=r"link\.txt: is a device or a pipe"):
        write_atomically(link, "new")
    assert not Path(os.devnull).is_file()


def test_a_full_disk_leaves_nothing_and_is_one_sentence(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half() -> None:
        with whole(path) as place:
            place.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError, match=r"a\.txt: cannot be written \(No space left on device\); make room") as caught:
        half()
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_full_disk_costs_a_table_that_is_kept_nothing_but_time(tmp_path, monkeypatch):
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    assert cached("k", lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full here")
@pytest.mark.parametrize("saved", [False, True])
def test_closing_a_file_on_a_full_disk_does_not_hide_the_sentence(tmp_path, saved):
    out = tmp_path / "d.jsonl"

    def go_on() -> None:
        with ResumableFile(out, {}) as file:
            if saved:
                file.write(["a line"])
                file.save(1)
            real, file._file = file._file, FULL.open("ab")
            real.close()
            file.write(["a short line stays in the buffer"])
            file.save(2)

    with pytest.raises(DataError, match=r"d\.jsonl: cannot be written \(No space left on device\)"):
        go_on()
    left = {file.name for file in tmp_path.iterdir()}
    assert left == ({".d.jsonl.partial", ".d.jsonl.state"} if saved else set())


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full here")
def test_a_disk_that_is_full_only_at_the_end_is_told(tmp_path):
    def go_on() -> None:
        with ResumableFile(tmp_path / "d.jsonl", {}) as file:
            real, file._file = file._file, FULL.open("ab")
            real.close()
            file.write(["a short line stays in the buffer"])

    with pytest.raises(DataError, match=r"No space left"):
        go_on()


def test_halves_of_characters_are_written_as_json_escapes_them(tmp_path):
    import json

    path = tmp_path / "caf\udce9.json"
    write_atomically(path, json.dumps({"file": str(path)}, ensure_ascii=False))
    assert json.loads(path.read_bytes()) == {"file": str(path)}
