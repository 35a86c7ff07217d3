"""A run is a folder: resolved config and its hash, manifest, metrics, policy, evaluation, report."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rlgen.errors import ConfigError
from rlgen.experiments.files.whole import read_json, read_lines, write_atomically
from rlgen.experiments.provenance import command, config_hash, differences, other_program, program
from rlgen.experiments.runs.lock import LOCK
from rlgen.policies.saved import data_of, sha256_of, weights_sha256

DIALOGUES: Final = "dialogues.jsonl"
"""What an evaluation calls the dialogues that it keeps."""

# What a start that failed leaves in a folder: the lock, and the log that the guard opens first of all.
_LEFTOVERS = frozenset({"audit.jsonl", LOCK})


@dataclass(frozen=True)
class Standing:
    """How far a run's policy is.

    Attributes:
        step: of the policy, 0 where there is none yet.
        of: steps that the config asks for.
        command: the training's, which goes on.
    """

    step: int
    of: int
    command: str

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.of

    def __str__(self) -> str:
        """`20,480 of 50,000 steps`."""
        return f"{self.step:,} steps" if self.finished else f"{self.step:,} of {self.of:,} steps"

    def unfinished(self) -> str:
        """A sentence on a run that is not finished, empty for one that is."""
        return "" if self.finished else f"Trained for {self}; resume with `{self.command}`."


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
    def best(self) -> Path:
        """The policy of the best validation, where the training had some."""
        return self.path / "best.zip"

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
        """Those of the evaluation, one JSON line per turn."""
        return self.path / DIALOGUES

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
        """The manifest.

        Raises:
            ConfigError: damaged, or not there.
        """
        stored = read_json(self.path / "manifest.json")
        if not {"seeds", "parts", "encoder", "wandb", "segments"} <= stored.keys():
            raise ConfigError(f"{self.path / 'manifest.json'}: is not what training wrote; train into a new folder")
        return stored

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
        foreign = not self.path.is_dir() or any(item.name not in _LEFTOVERS for item in self.path.iterdir())
        if foreign:
            raise ConfigError(f"{self.path}: not an empty folder and not a run; choose another --out")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Make the folder this config's."""
        plain = json.loads(json.dumps(dict(config)))
        write_atomically(self.path / "config.json", json.dumps({**plain, "hash": config_hash(plain)}, indent=2) + "\n")

    def write_manifest(
        self,
        parts: Mapping[str, str],
        encoder: str,
        seeds: Mapping[str, Any],
        learner: Mapping[str, str] | None = None,
        lineage: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what the run is made with, before its first segment.

        Args:
            parts: part name -> sha256 of its weights.
            encoder: which sentence encoder.
            seeds: which seeds are used for what.
            learner: class or function of one's own that learns -> sha256 of its source.
            lineage: of the policy that it begins as; None for a fresh one.
        """
        made_of = {"seeds": dict(seeds), "parts": dict(parts), "learner": dict(learner or {}), "encoder": encoder}
        made_of |= {} if lineage is None else {"lineage": dict(lineage)}
        self._write_manifest({**made_of, "wandb": None, "segments": []})

    def begin_segment(self, step: int, device: str, precision: str | None, shards: int = 1) -> None:
        """Add a stretch of training that one process does: program, packages, machine.

        Args:
            step: that it goes on from.
            device: where the learner is.
            precision: of the generator, which may follow the processor; None where there is none.
            shards: processes that the dialogues are split over.
        """
        manifest = self.manifest()
        told = {"start_step": step, "command": command(), "device": device, "precision": precision, "shards": shards}
        self._write_manifest({**manifest, "segments": [*manifest["segments"], {**told, **program()}]})

    def check_parts(self, now: Mapping[str, str], encoder: str) -> None:
        """Refuse to let the policy act silently among other frozen parts than it was trained with.

        Args:
            now: part name -> sha256, of the world that the run's config makes here.
            encoder: its sentence encoder.

        Raises:
            ConfigError: says what has changed.
        """
        manifest = self.manifest()
        then, before = manifest["parts"], manifest["encoder"]
        if before != encoder:
            raise ConfigError(
                f"{self.path}: was trained with the encoder {before}, and this is {encoder}; train again, or bring the "
                "old one back"
            )
        changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
        if changed:
            raise ConfigError(
                f"{self.path}: {', '.join(changed)} changed since the training; train again, or bring the old ones back"
            )

    def other_program(self) -> str | None:
        """In words, what differs between this program and the one that trained last; None where nothing does."""
        return other_program(self.manifest()["segments"][-1], program())

    def wandb(self, project: str | None = None, group: str | None = None) -> dict[str, Any]:
        """By what W&B knows this run, as the manifest keeps it: an id that is drawn once, project, group.

        Args:
            project: from now on; None for the one that it has, "rlgen" at first.
            group: from now on; None for the one that it has, if any.
        """
        manifest = self.manifest()
        known = manifest["wandb"] or {"id": secrets.token_hex(8), "project": "rlgen", "group": None}
        now = {**known, "project": project or known["project"], "group": group or known["group"]}
        if now != manifest["wandb"]:
            self._write_manifest({**manifest, "wandb": now})
        return now

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        write_atomically(self.path / "manifest.json", json.dumps(manifest, indent=2) + "\n")

    def standing(self) -> Standing:
        """How far the policy is.

        Raises:
            ArtifactError: the policy is damaged.
        """
        segments = self.manifest()["segments"]
        resume = segments[-1]["command"] if segments else "rlgen train"
        step = int(data_of(self.policy)["num_timesteps"]) if self.policy.is_file() else 0
        return Standing(step, int(self.config()["steps"]), resume)

    def weights_sha256(self) -> str:
        """Hash of the policy's weights; that of its file differs from one saving to the next."""
        return weights_sha256(self.policy)

    def stamp(self) -> dict[str, Any]:
        """What tells the policy as it is now from others: hash of the config, sha256 and step of the policy."""
        standing = self.standing()
        policy = sha256_of(self.policy) if self.policy.is_file() else None
        return {"config": self.config()["hash"], "policy": policy, "step": standing.step, "of": standing.of}

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
        whole = {"reference", "people", "policies", "differences", "behaviour", "stamp", "parts"} <= found.keys()
        if not whole or not all("worst_tenth" in policy for policy in found["policies"].values()):
            raise ConfigError(f"{self.evaluation}: is not what `rlgen evaluate` writes; run it again")
        return found

    def unlike(self, evaluation: Mapping[str, Any]) -> str | None:
        """In a sentence, why an evaluation is not of this run's policy as it is now; None where it is.

        Args:
            evaluation: as `read_evaluation` gives it.
        """
        now, then = self.stamp(), evaluation["stamp"]
        if then.get("config") != now["config"]:
            return "evaluation.json is of another run."
        if then["policy"].get("sha256", {}).get(self.policy.name) != now["policy"]:
            return (
                f"evaluation.json is of the policy at step {then['step']:,} of {then['of']:,}; this one is at step "
                f"{now['step']:,} of {now['of']:,}."
            )
        known, found = self.manifest()["parts"], evaluation["parts"]
        changed = sorted(name for name in {*known, *found} if known.get(name) != found.get(name))
        return f"evaluation.json was measured with other parts ({', '.join(changed)})." if changed else None

    def has_dialogues(self, evaluation: Mapping[str, Any]) -> bool:
        """Whether the dialogues are those of an evaluation, as `read_evaluation` gives it."""
        return self.dialogues.is_file() and evaluation.get("dialogues") == sha256_of(self.dialogues)

    def rewind_metrics(self, step: int) -> None:
        """Drop what was written after the checkpoint at `step`."""
        kept = [record for record in self.read_metrics() if record["step"] <= step]
        write_atomically(self.metrics, "".join(json.dumps(record) + "\n" for record in kept))
