"""What made a result: program, packages, machine and config, in words and as hashes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import rlgen

_PACKAGES: Final = (
    "numpy", "scipy", "torch", "stable-baselines3", "gymnasium", "transformers", "tokenizers", "pydantic",
)  # fmt: skip
# Where a run lies, who watches it and how often it is saved do not change what it computes.
_OUTSIDE: Final = frozenset({"out", "wandb", "wandb_project", "checkpoint_every", "hash"})


def git_commit() -> str:
    """Commit of the checkout that this package runs from, `"unknown"` outside one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


def machine() -> str:
    """The processor and its number of cores in words."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    return f"{name}, {os.cpu_count()} cores"


@cache
def code_sha256() -> str:
    """Hash of this package's source, first 16 hex digits: one version number can stand for many checkouts."""
    root = Path(rlgen.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for ending in ("*.py", "*.yaml") for path in root.rglob(ending)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def versions() -> Mapping[str, str]:
    """Installed versions of the packages that numbers depend on."""
    return {name: _version(name) for name in _PACKAGES}


def program() -> dict[str, Any]:
    """What computes here: rlgen, its commit and the hash of its source, Python, packages, machine, threads, time."""
    return {
        "rlgen": rlgen.__version__,
        "commit": git_commit(),
        "code": code_sha256(),
        "python": platform.python_version(),
        "packages": dict(versions()),
        "machine": machine(),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def other_program(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """In words, the first thing in which two programs differ, as `program` tells of them; None where nothing does."""
    if before.get("code") != now.get("code"):
        old, new = (f"{told.get('rlgen')} ({told.get('commit')}, source {told.get('code')})" for told in (before, now))
        return f"rlgen was {old} there and is {new} now"
    return next(differences(before.get("packages", {}), now.get("packages", {}), "packages"), None)


def command() -> str:
    """The command that runs, as it was given."""
    name = "rlgen" if Path(sys.argv[0]).name in ("rlgen", "rlgen.exe", "cli.py") else sys.argv[0]
    return shlex.join([name, *sys.argv[1:]])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def config_hash(config: Mapping[str, Any]) -> str:
    """sha256 of what decides a run's results, first 16 hex digits."""
    kept = {name: value for name, value in config.items() if name not in _OUTSIDE}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """In words, what differs between two configs, e.g. `"world.reward is 'default' there and 'relief' now"`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            if where or name not in _OUTSIDE:
                yield from differences(old.get(name), new.get(name), f"{where}.{name}" if where else name)
    elif old != new:
        yield f"{where} is {old!r} there and {new!r} now"
