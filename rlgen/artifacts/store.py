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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rlgen.errors import ArtifactError

_HERE = Path(__file__).parent


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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tensors_sha256(tensors: Mapping[str, NDArray[Any]]) -> str:
    """One hash over named arrays: names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def shipped(name: str) -> Path:
    """Folder of the artifact of that name inside the package."""
    return _HERE / name


def load(source: str | Path, kind: str) -> Artifact:
    """Verify an artifact and hand it out.

    Args:
        source: `"shipped:NAME"` or the path of a folder.
        kind: the format the caller can read, e.g. `"generator/1"`.

    Raises:
        ArtifactError: missing, damaged (a file's sha256 differs) or of another kind.
    """
    text = str(source)
    path = shipped(text.removeprefix("shipped:")) if text.startswith("shipped:") else Path(source)
    manifest_path = path / "manifest.json"
    if not manifest_path.is_file():
        raise ArtifactError(f"{path}: no artifact here (manifest.json is missing); check the path or build it first")
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{manifest_path}: not a manifest ({type(error).__name__}); rebuild the artifact"
        ) from error
    if manifest.kind != kind:
        raise ArtifactError(f"{path}: holds {manifest.kind!r}, but {kind!r} is needed; give another path or rebuild it")
    for name, expected in manifest.sha256.items():
        file = path / name
        if not file.is_file() or _sha256(file) != expected:
            raise ArtifactError(
                f"{file}: damaged or missing (its sha256 is not the manifest's); rebuild: {manifest.command}"
            )
    return Artifact(path, manifest)


def write(target: str | Path, files: Mapping[str, bytes], manifest: Manifest) -> Artifact:
    """Write an artifact whole or not at all: a finished temporary folder takes the target's place.

    Args:
        target: folder to create or replace.
        files: contents by file name.
        manifest: `sha256` is filled in here.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    complete = manifest.model_copy(
        update={"sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}}
    )
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        for name, data in files.items():
            (staging / name).write_bytes(data)
        text = json.dumps(complete.model_dump(), indent=2, ensure_ascii=False) + "\n"
        (staging / "manifest.json").write_text(text, encoding="utf-8")
        staging.chmod(0o755)
        if target.exists():
            retired = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-old-"))
            os.replace(target, retired / "old")
            os.replace(staging, target)
            shutil.rmtree(retired)
        else:
            os.replace(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return Artifact(target, complete)
