"""Cached tables: built once, built again where they are damaged, and never a reason to fail."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rlgen.artifacts import cached, code_sha256
from rlgen.artifacts.cache import folder


def test_a_table_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    calls = []

    def build() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(3)}

    assert cached("k", build)["x"].tolist() == cached("k", build)["x"].tolist() == [0, 1, 2]
    assert len(calls) == 1
    cached("another", build)
    assert len(calls) == 2


def test_the_hash_of_code_changes_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, source in (("made_one", "X = 1\n"), ("made_two", "X = 1\n"), ("made_three", "X = 2\n")):
        (tmp_path / f"{name}.py").write_text(source)
    assert code_sha256("made_one") == code_sha256("made_two") != code_sha256("made_three")
    assert code_sha256("made_one", "made_three") != code_sha256("made_one")


def test_a_damaged_table_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    (tmp_path / "k.npz").write_bytes(b"PK\x03\x04 half a file")
    assert cached("k", lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]
    assert cached("k", lambda: {"x": np.zeros(2)})["x"].tolist() == [1, 1]


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("RLGEN_CACHE", str(blocked))
    assert cached("k", lambda: {"x": np.ones(1)})["x"].tolist() == [1]


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RLGEN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", os.sep + "somewhere")
    assert folder() == Path(os.sep) / "somewhere" / "rlgen"
    monkeypatch.setenv("RLGEN_CACHE", "here")
    assert folder() == Path("here")


@pytest.mark.parametrize("damage", [b"", b"PK\x05\x06" + bytes(18), b"\x93NUMPY\x01\x00", b"\x80\x04K\x01.", b"x" * 99])
def test_a_damaged_table_that_cannot_be_replaced_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    (tmp_path / "k.npz").write_bytes(damage)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("open", "unlink", "replace", "mkdir"):
        monkeypatch.setattr(os, name, read_only)
    assert cached("k", lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]
    monkeypatch.undo()
    assert (tmp_path / "k.npz").read_bytes() == damage


def test_a_table_damaged_anywhere_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLGEN_CACHE", str(tmp_path))
    cached("k", lambda: {"x": np.arange(6.0), "y": np.ones(2, np.int8)})
    whole = (tmp_path / "k.npz").read_bytes()
    for at in range(0, len(whole), 7):
        (tmp_path / "k.npz").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        found = cached("k", lambda: {"x": np.arange(6.0), "y": np.ones(2, np.int8)})
        assert found["x"].tolist() == [0, 1, 2, 3, 4, 5], at


@pytest.mark.parametrize("home", [None, "/dev/null", "/proc/nobody"])
def test_no_home_is_no_cache_and_no_failure(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    import pwd

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("RLGEN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert (folder() is None) == (home is None)
    assert cached("k", lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]
