"""Artifacts: written whole or not at all, damage found."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rlgen import artifacts
from rlgen.artifacts import Manifest, check_target, load, tensors_sha256, write
from rlgen.errors import ArtifactError

FILES = {"weights.bin": b"\x00\x01\x02", "names.txt": b"a b"}


def manifest() -> Manifest:
    return Manifest(name="toy", kind="toy/1", description="A toy.", command="make toy", seeds=[3])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return write(tmp_path / "toy", FILES, manifest()).path


def test_what_was_written_is_loaded(stored: Path) -> None:
    artifact = load(stored, "toy/1")
    assert artifact.file("weights.bin").read_bytes() == FILES["weights.bin"]
    assert artifact.manifest.seeds == [3]
    assert set(artifact.manifest.sha256) == set(FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_changed_byte_is_found_and_the_remedy_named(stored: Path, name: str) -> None:
    data = bytearray((stored / name).read_bytes())
    data[0] ^= 1
    (stored / name).write_bytes(data)
    with pytest.raises(ArtifactError, match=rf"{name}.*damaged.*make toy"):
        load(stored, "toy/1")


def test_a_missing_file_is_found(stored: Path) -> None:
    (stored / "names.txt").unlink()
    with pytest.raises(ArtifactError, match=r"names.txt.*missing"):
        load(stored, "toy/1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "toy"}'])
def test_a_broken_manifest_is_named(stored: Path, text: str) -> None:
    (stored / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match="not a manifest"):
        load(stored, "toy/1")


def test_another_kind_is_refused(stored: Path) -> None:
    with pytest.raises(ArtifactError, match=r"'toy/1', but 'toy/2' is needed"):
        load(stored, "toy/2")


def test_no_artifact_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no artifact here"):
        load(tmp_path / "nothing", "toy/1")
    with pytest.raises(ArtifactError, match=r"there are shipped:generator$"):
        load("shipped:there-is-no-such-thing", "generator/1")


def test_a_file_that_the_manifest_does_not_list(stored: Path) -> None:
    with pytest.raises(ArtifactError, match="lists no file 'other'"):
        load(stored, "toy/1").file("other")


def test_rewriting_replaces_the_whole_folder(stored: Path) -> None:
    write(stored, {"only.bin": b"x"}, manifest())
    assert sorted(path.name for path in stored.iterdir()) == ["manifest.json", "only.bin"]
    assert [path.name for path in stored.parent.iterdir()] == ["toy"]


def test_a_failed_write_leaves_the_old_artifact_and_no_rubbish(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(ArtifactError, match=r"toy: cannot be written \(No space"):
            write(stored, {"new.bin": b"x"}, manifest())
    assert load(stored, "toy/1").file("names.txt").read_bytes() == b"a b"
    assert [path.name for path in stored.parent.iterdir()] == ["toy"]


def test_the_old_artifact_comes_back_where_the_new_one_cannot_take_its_place(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if source.name == "new":
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(KeyboardInterrupt):
            write(stored, {"new.bin": b"x"}, manifest())
    assert load(stored, "toy/1").file("names.txt").read_bytes() == b"a b"
    assert [path.name for path in stored.parent.iterdir()] == ["toy"]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, with the contents of its files."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def lay(root: Path, held: str) -> str:
    """Put something at a place, and name the place."""
    place = root / "place"
    if held == "file":
        place.write_text("x")
    elif held == "below a file":
        (root / "file").write_text("x")
        return str(root / "file" / "place")
    elif held == "data":
        place.mkdir()
        (place / "data.txt").write_text("x")
    elif held == "another manifest":
        place.mkdir()
        (place / "manifest.json").write_text('{"name": "app", "icons": []}')
    elif held == "another kind":
        write(place, FILES, manifest().model_copy(update={"kind": "bank/1"}))
    elif held == "notes beside an artifact":
        write(place, FILES, manifest())
        (place / "notes.txt").write_text("x")
    elif held == "circle":
        place.symlink_to(place)
    else:
        return held
    return str(place)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("file", "is a file"),
        ("below a file", "cannot be written"),
        ("data", "no artifact"),
        ("another manifest", "no artifact"),
        ("another kind", r"holds 'bank/1', not 'toy/1'"),
        ("notes beside an artifact", r"notes\.txt is no part"),
        ("circle", "cannot be written"),
        (".", "current folder"),
        ("..", "current folder"),
        ("n" * 300, "cannot be written"),
        ("/proc/nothing/here", "cannot be written"),
    ],
)
def test_what_is_no_artifact_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str, said: str
) -> None:
    place = lay(tmp_path, held)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = tree(tmp_path)
    for attempt in (lambda: check_target(place, "toy/1"), lambda: write(place, FILES, manifest())):
        with pytest.raises(ArtifactError, match=said) as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert place in str(caught.value)
        assert tree(tmp_path) == before


def test_absent_and_empty_places_and_older_artifacts_are_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "old", FILES, manifest().model_copy(update={"kind": "toy/0"}))
    (tmp_path / "old" / "names.txt").unlink()  # damaged: to be rebuilt
    for name in ("empty", "a/b/new", "link", "old"):
        before = tree(tmp_path)
        check_target(tmp_path / name, "toy/1")
        assert tree(tmp_path) == before
        write(tmp_path / name, FILES, manifest())
        assert load(tmp_path / name, "toy/1").manifest.name == "toy"
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "empty", "link", "old", "real"]


def test_the_hash_of_tensors_depends_on_all_of_them() -> None:
    tensors = {"a": np.arange(6, dtype=np.float32), "b": np.ones(2)}
    same = tensors_sha256({"b": np.ones(2), "a": np.arange(6, dtype=np.float32)})
    assert tensors_sha256(tensors) == same
    for other in (
        {**tensors, "b": np.zeros(2)},
        {**tensors, "a": tensors["a"].reshape(2, 3)},
        {**tensors, "a": tensors["a"].astype(np.float64)},
        {"a": tensors["a"], "c": tensors["b"]},
    ):
        assert tensors_sha256(other) != same


@pytest.mark.parametrize(
    "path", sorted(artifacts.shipped("").glob("*/manifest.json")), ids=lambda path: path.parent.name
)
def test_shipped_artifacts_are_whole_and_say_where_they_come_from(path: Path) -> None:
    kind = Manifest.model_validate_json(path.read_text(encoding="utf-8")).kind
    found = load(f"shipped:{path.parent.name}", kind).manifest
    assert found.command.startswith(("rlgen ", "python -m recipes."))
    assert found.description
    assert found.sha256
