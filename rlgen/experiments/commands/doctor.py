"""`rlgen doctor`: is this installation fit to run, and if not, what to do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlgen.artifacts import Manifest, load, shipped
from rlgen.artifacts.cache import folder
from rlgen.errors import ArtifactError
from rlgen.experiments.options import Options, parse

_NO_CACHE = "set RLGEN_CACHE to a folder of yours; without one, tables are computed at every start"
_PACKAGES = ("rlgen", "torch", "gymnasium", "stable-baselines3", "transformers", "numpy")


class DoctorOptions(Options):
    """Check the installation and the shipped artifacts."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        state: `"problem"` makes the command fail; a `"note"` only costs speed.
        text: what was found.
        remedy: what to do, empty where nothing is to be done.
    """

    state: Literal["ok", "note", "problem"]
    text: str
    remedy: str = ""


def main(argv: Sequence[str]) -> int:
    """0 where all is well, 2 where something has to be mended."""
    parse(DoctorOptions, argv, "doctor")
    findings = list(examine())
    for finding in findings:
        print(f"{finding.state:<8}{finding.text}" + (f"; {finding.remedy}" if finding.remedy else ""))
    return 2 if any(finding.state == "problem" for finding in findings) else 0


def examine() -> Iterator[Finding]:
    """All checks, in the order of the report."""
    yield _python()
    yield from (_package(name) for name in _PACKAGES)
    yield from artifacts(shipped(""))
    yield _bf16()
    yield cache(folder())


def _python() -> Finding:
    return Finding("ok", f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")


def _package(name: str) -> Finding:
    try:
        return Finding("ok", f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        return Finding("problem", f"{name} is not installed", "run `make install` or `pip install rlgen`")


def artifacts(root: Path) -> Iterator[Finding]:
    """Verify every artifact under a folder against its manifest."""
    manifests = sorted(root.glob("*/manifest.json"))
    if not manifests:
        yield Finding("problem", f"no shipped artifacts in {root}", "install the package again")
    for path in manifests:
        try:
            kind = Manifest.model_validate_json(path.read_text(encoding="utf-8")).kind
            found = load(path.parent, kind)
        except (ArtifactError, ValueError) as error:
            text = str(error) if isinstance(error, ArtifactError) else f"{path}: not a manifest"
            yield Finding("problem", text, "or install the package again")
            continue
        size = sum(found.file(name).stat().st_size for name in found.manifest.sha256) / 1e6
        yield Finding("ok", f"artifact {path.parent.name} ({kind}, {size:.1f} MB), every sha256 as its manifest says")


def _bf16() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("ok", f"CUDA device {torch.cuda.get_device_name()}")
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    if {"avx512_bf16", "amx_bf16", "bf16"} & set(flags):
        return Finding("ok", "the processor computes bf16 natively")
    return Finding("note", "the processor emulates bf16", "models run, but slower; `fp32` may be faster here")


def cache(path: Path | None) -> Finding:
    """Whether tables can be kept in the cache folder; None for a user without a home."""
    if path is None:
        return Finding("problem", "this user has no home folder, and so no cache folder", _NO_CACHE)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Finding("ok", f"cache folder {path} can be written")
    except OSError as error:
        return Finding("problem", f"cache folder {path} cannot be written ({error.strerror})", _NO_CACHE)
