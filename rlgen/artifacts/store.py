"""Write, find and verify artifacts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rlgen.errors import ArtifactError

_HERE = Path(__file__).parent
MANIFEST: Final = "manifest.json"
_WORK: Final = ".rlgen-"  # prefix of temporary folders beside a target


class Manifest(BaseModel):
    """What an artifact is and where it comes from.

    Attributes:
        name: the artifact's name, e.g. `"generator"`.
        kind: format and version that the loader expects, e.g. `"generator/1"`.
        description: one or two sentences for a person.
        command: the one command that rebuilds it.
        seeds: the seeds that the command used.
        data: each data set with its licence and terms; empty where all is the project's own.
        quality: measured figures by name.
        settings: what the loader needs beside the tensors (sizes, names).
        sha256: of each file, filled in by `write`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    description: str
    command: str
    seeds: list[int] = []
    data: list[str] = []
    quality: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    sha256: dict[str, str] = {}


@dataclass(frozen=True)
class Artifact:
    """A verified artifact: its folder and its manifest."""

    path: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """A file that the manifest vouches for.

        Raises:
            ArtifactError: the manifest does not list it.
        """
        if name not in self.manifest.sha256:
            raise ArtifactError(f"{self.path}: the manifest lists no file {name!r}; rebuild: {self.manifest.command}")
        return self.path / name

    def unreadable(self, error: Exception) -> ArtifactError:
        """What to raise where the files are whole but make no sense, with the command that makes them anew."""
        reason = " ".join(str(error).split())[:200]
        return ArtifactError(f"{self.path}: cannot be read ({reason}); rebuild: {self.manifest.command}")


def _manifest(path: Path) -> Manifest:
    """Read a `manifest.json`.

    Raises:
        ArtifactError: unreadable or not a manifest.
    """
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError, OSError) as error:
        raise ArtifactError(f"{path}: not a manifest ({type(error).__name__}); rebuild the artifact") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensors_sha256(tensors: Mapping[str, NDArray[Any]]) -> str:
    """One hash over named arrays: names, types, shapes and bytes, in the order of the names, one array at a time."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)  # what is contiguous is not copied
    return digest.hexdigest()


def shipped(name: str) -> Path:
    """Folder of the artifact of that name inside the package."""
    return _HERE / name


def place_of(source: str | Path) -> Path:
    """Folder of an artifact: `"shipped:NAME"` or a path."""
    text = str(source)
    return shipped(text.removeprefix("shipped:")) if text.startswith("shipped:") else Path(source)


def kind_of(source: str | Path, *wanted: str) -> str:
    """Kind of the artifact at a place, as its manifest says; nothing is verified.

    Args:
        source: `"shipped:NAME"` or a path.
        wanted: kinds without their versions that could serve, for the message where there is none.

    Raises:
        ArtifactError: there is none.
    """
    if not (place_of(source) / MANIFEST).is_file():
        raise _nothing_at(source, *wanted)
    return _manifest(place_of(source) / MANIFEST).kind


def _nothing_at(source: str | Path, *wanted: str) -> ArtifactError:
    if not str(source).startswith("shipped:"):
        return ArtifactError(f"{source}: no artifact here (manifest.json is missing); check the path or build it first")
    kinds = {path.parent.name: _manifest(path).kind for path in sorted(_HERE.glob(f"*/{MANIFEST}"))}
    known = ", ".join(f"shipped:{name}" for name, its in kinds.items() if its.split("/")[0] in wanted)
    return ArtifactError(f"{source}: no artifact of that name is shipped (manifest.json is missing); there are {known}")


def load(source: str | Path, kind: str) -> Artifact:
    """Verify an artifact and hand it out.

    Args:
        source: `"shipped:NAME"` or the path of a folder.
        kind: the format the caller can read, e.g. `"generator/1"`.

    Raises:
        ArtifactError: missing, damaged (a file's sha256 differs) or of another kind.
    """
    path = place_of(source)
    manifest_path = path / MANIFEST
    if not manifest_path.is_file():
        raise _nothing_at(source, kind.split("/")[0])
    manifest = _manifest(manifest_path)
    if manifest.kind != kind:
        raise ArtifactError(f"{path}: holds {manifest.kind!r}, but {kind!r} is needed; give another path or rebuild it")
    for name, expected in manifest.sha256.items():
        file = path / name
        if not file.is_file() or _sha256(file) != expected:
            raise ArtifactError(
                f"{file}: damaged or missing (its sha256 is not the manifest's); rebuild: {manifest.command}"
            )
    return Artifact(path, manifest)


def check_target(target: str | Path, kind: str) -> None:
    """Refuse a place where `write` would fail or destroy what it did not make; call it before long work.

    Args:
        target: where an artifact shall go: nothing, an empty folder, or an artifact of the same kind.
        kind: of the artifact to write, e.g. `"generator/1"`.

    Raises:
        ArtifactError: something else is there, or nothing can be written there.
    """
    try:
        place = Path(target).resolve()
        if place in (here := Path.cwd()).parents or place == here:
            raise ArtifactError(f"{target}: the current folder lies there and cannot be replaced; name another folder")
        if place.exists():
            _check_replaceable(place, str(target), kind)
        above = next(folder for folder in place.parents if folder.exists())
        os.rmdir(tempfile.mkdtemp(dir=above, prefix=_WORK))
    except (OSError, RuntimeError) as error:  # the latter: links in a circle
        reason = getattr(error, "strerror", None) or error
        raise ArtifactError(f"{target}: cannot be written ({reason}); name another folder") from error


def _check_replaceable(place: Path, target: str, kind: str) -> None:
    if not place.is_dir():
        raise ArtifactError(f"{target}: is a file, and an artifact is a folder; name another place")
    held = {entry.name for entry in place.iterdir()}
    if not held:
        return
    try:
        manifest = _manifest(place / MANIFEST)
    except ArtifactError as error:
        raise ArtifactError(f"{target}: holds files that are no artifact; empty it or name another folder") from error
    if manifest.kind.split("/")[0] != kind.split("/")[0]:
        raise ArtifactError(f"{target}: holds {manifest.kind!r}, not {kind!r}; delete it or name another folder")
    if foreign := held - {MANIFEST, *manifest.sha256}:
        raise ArtifactError(
            f"{target}: {min(foreign)} is no part of the artifact there; move it or name another folder"
        )


def write(target: str | Path, files: Mapping[str, bytes], manifest: Manifest) -> Artifact:
    """Write an artifact whole or not at all: a finished temporary folder takes the target's place.

    Args:
        target: folder to create, or artifact to replace; see `check_target`.
        files: contents by file name.
        manifest: `sha256` is filled in here.

    Raises:
        ArtifactError: something else is there, or it cannot be written.
    """
    check_target(target, manifest.kind)
    complete = manifest.model_copy(
        update={"sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}}
    )
    text = json.dumps(complete.model_dump(), indent=2, ensure_ascii=False) + "\n"
    try:
        # A path in the command may be no UTF-8; JSON has a way to write it.
        _put(Path(target).resolve(), {**files, MANIFEST: text.encode("utf-8", "backslashreplace")})
    except OSError as error:
        raise ArtifactError(
            f"{target}: cannot be written ({error.strerror}); make room or name another folder"
        ) from error
    return Artifact(Path(target), complete)


def _put(place: Path, files: Mapping[str, bytes]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=place.parent, prefix=_WORK))
    new, old = work / "new", work / "old"
    try:
        new.mkdir()
        for name, data in files.items():
            (new / name).write_bytes(data)
        if place.exists():
            os.replace(place, old)
        os.replace(new, place)
    except BaseException:
        if old.exists() and not place.exists():
            os.replace(old, place)
        shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work)
