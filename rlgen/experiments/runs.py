"""A run is a folder: resolved config and its hash, manifest, metrics, policy, evaluation, report."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import rlgen
from rlgen.errors import ConfigError, DataError
from rlgen.experiments.tables import git_commit, machine

_PACKAGES = ("numpy", "scipy", "torch", "stable-baselines3", "gymnasium", "transformers", "tokenizers", "pydantic")
# Where a run lies, who watches it and how often it is saved do not change what it computes.
_OUTSIDE = frozenset({"out", "wandb", "wandb_project", "checkpoint_every", "hash"})


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        DataError: the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def writable_folder(path: Path) -> None:
    """Make a folder before the work whose results go there.

    Raises:
        DataError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be made a folder ({error.strerror}); choose another --out") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ConfigError: unreadable or not an object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error.__class__.__name__}); check the path") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds {type(values).__name__}, not an object")
    return values


def read_lines(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    """Records of a file of JSON lines; a last line without its end, cut short by a kill, is left out.

    Args:
        path: the file.
        needed: fields that every record has.

    Raises:
        DataError: a line is not such a record.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error.__class__.__name__}); check the file") from error
    records = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict) or any(name not in record for name in needed):
            raise DataError(f"{path}: line {number} is not a record that rlgen wrote; restore the file, or remove it")
        records.append(record)
    return records


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


class Run:
    """A run's folder.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def policy(self) -> Path:
        """The policy, which is also the checkpoint to resume from."""
        return self.path / "policy.zip"

    @property
    def metrics(self) -> Path:
        """One JSON line per iteration: the truth; TensorBoard and W&B are views of it."""
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """What `rlgen evaluate` found."""
        return self.path / "evaluation.json"

    @property
    def dialogues(self) -> Path:
        """Example dialogues, one JSON line per turn."""
        return self.path / "dialogues.jsonl"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """An existing run.

        Raises:
            ConfigError: there is none.
        """
        run = cls(path)
        if not (run.path / "config.json").is_file():
            raise ConfigError(f"{run.path}: not a run (config.json is missing); give the folder that training wrote")
        return run

    def config(self) -> dict[str, Any]:
        """The resolved config.

        Raises:
            ConfigError: damaged, or changed since training wrote it.
        """
        stored = read_json(self.path / "config.json")
        if not {"env", "seed", "num_envs", "ppo", "world"} <= stored.keys():
            raise ConfigError(f"{self.path / 'config.json'}: is not what training wrote; train into a new folder")
        if stored.get("hash") != config_hash(stored):
            raise ConfigError(
                f"{self.path / 'config.json'}: was changed since training wrote it (its hash differs); "
                "undo that, or train into a new folder"
            )
        return stored

    def manifest(self) -> dict[str, Any]:
        """The manifest."""
        return read_json(self.path / "manifest.json")

    def check(self, config: Mapping[str, Any]) -> None:
        """Check that the folder is free, or this config's.

        Raises:
            ConfigError: the folder holds a run of another config, or other files.
        """
        plain = json.loads(json.dumps(dict(config)))
        if (self.path / "config.json").is_file():
            stored = self.config()
            if stored["hash"] != config_hash(plain):
                first = next(differences(stored, plain), "the hash differs")
                raise ConfigError(f"{self.path}: holds a run of another config ({first}); choose another --out")
            return
        if not self.path.exists():
            return
        # The guard opens its log before anything else is written; a start that failed then leaves it alone.
        foreign = not self.path.is_dir() or any(item.name != "audit.jsonl" for item in self.path.iterdir())
        if foreign:
            raise ConfigError(f"{self.path}: not an empty folder and not a run; choose another --out")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Make the folder this config's."""
        plain = json.loads(json.dumps(dict(config)))
        write_atomically(self.path / "config.json", json.dumps({**plain, "hash": config_hash(plain)}, indent=2) + "\n")

    def write_manifest(self, parts: Mapping[str, str], encoder: str, seeds: Mapping[str, Any], device: str) -> None:
        """Write down what the run was made with.

        Args:
            parts: part name -> sha256 of its weights.
            encoder: which sentence encoder, whatever its precision.
            seeds: which seeds were used for what.
            device: where it ran.
        """
        manifest = {
            "rlgen": rlgen.__version__,
            "commit": git_commit(),
            "command": " ".join(["rlgen", *sys.argv[1:]]) if sys.argv[0].endswith("rlgen") else " ".join(sys.argv),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "packages": dict(versions()),
            "machine": machine(),
            "device": device,
            "seeds": dict(seeds),
            "parts": dict(parts),
            "encoder": encoder,
        }
        write_atomically(self.path / "manifest.json", json.dumps(manifest, indent=2) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """The metrics so far; a last line cut short by a kill is left out.

        Raises:
            DataError: any other line is not a record.
        """
        return read_lines(self.metrics, ("step", "terms")) if self.metrics.is_file() else []

    def read_evaluation(self) -> dict[str, Any] | None:
        """What `rlgen evaluate` wrote, None before.

        Raises:
            ConfigError: damaged.
        """
        if not self.evaluation.is_file():
            return None
        found = read_json(self.evaluation)
        whole = {"reference", "people", "policies", "differences", "behaviour"} <= found.keys()
        if not whole or not all("worst_tenth" in policy for policy in found["policies"].values()):
            raise ConfigError(f"{self.evaluation}: is not what `rlgen evaluate` writes; run it again")
        return found

    def rewind_metrics(self, step: int) -> None:
        """Drop what was written after the checkpoint at `step`."""
        kept = [record for record in self.read_metrics() if record["step"] <= step]
        write_atomically(self.metrics, "".join(json.dumps(record) + "\n" for record in kept))


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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
