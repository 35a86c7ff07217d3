"""A run is a folder: resolved config and its hash, manifest, metrics, policy, evaluation, report."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rlgen
from rlgen.errors import ConfigError
from rlgen.experiments.files.whole import read_json, read_lines, write_atomically
from rlgen.experiments.provenance import config_hash, differences, git_commit, machine, versions


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
