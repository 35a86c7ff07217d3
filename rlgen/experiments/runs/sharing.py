"""A run's policy with its card, to a folder or to the Hugging Face hub, and back with its hashes verified."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rlgen.errors import ArtifactError, ConfigError, DataError
from rlgen.experiments.files.whole import read_json, write_atomically
from rlgen.experiments.runs.run import Run
from rlgen.policies.saved import sha256_of

HASHES: Final = "hashes.json"
"""What every file of a shared policy must be."""

WARNING: Final = "a policy's file is a pickle, which runs code when it is loaded: load it only if you trust who made it"

_KEPT: Final = ("policy.zip", "best.zip", "config.json", "manifest.json", "metrics.jsonl", "evaluation.json")


def is_place(target: str) -> bool:
    """Whether a target is a folder of this machine; else it is a repository's id at the hub, `NAME/REPOSITORY`."""
    return target.startswith((".", "/", "~")) or Path(target).exists() or target.count("/") != 1


def push(run: Run, target: str, private: bool = True) -> str:
    """Copy a run's policy, config, manifest, metrics and figures, with a card, to a folder or to the hub.

    Args:
        run: finished or not; the card says which.
        target: see `is_place`.
        private: of a repository that is made anew.

    Returns:
        Where it is now.

    Raises:
        ConfigError: the run has no policy, or a folder of that name holds something else.
        DataError: the hub refuses, or cannot be reached.
    """
    if not run.policy.is_file():
        raise ConfigError(f"{run.path}: has no policy yet; {run.standing().unfinished()}")
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder)
        for name in _KEPT:
            if (run.path / name).is_file():
                shutil.copyfile(run.path / name, staged / name)
        write_atomically(staged / "README.md", card(run))
        hashes = {file.name: sha256_of(file) for file in sorted(staged.iterdir())}
        write_atomically(staged / HASHES, json.dumps(hashes, indent=1) + "\n")
        if is_place(target):
            return _to_folder(staged, Path(target).expanduser())
        return _to_hub(staged, target, private)


def pull(source: str, out: Path, revision: str | None = None) -> Run:
    """A shared policy, as a run folder; every file is what its maker wrote.

    Args:
        source: see `is_place`.
        out: folder to write; it must not be there, or be empty.
        revision: of the repository.

    Raises:
        ConfigError: `out` holds something.
        ArtifactError: no shared policy there, or a file that was changed.
        DataError: the hub cannot be reached, or has no such repository.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: is there already; choose another --out")
    place = Path(source).expanduser() if is_place(source) else _from_hub(source, revision)
    if not (place / HASHES).is_file():
        raise ArtifactError(f"{source}: holds no policy that `rlgen push` wrote ({HASHES} is missing)")
    hashes = read_json(place / HASHES)
    unsafe = [name for name in hashes if Path(name).name != name]
    wrong = [name for name, told in hashes.items() if not (place / name).is_file() or sha256_of(place / name) != told]
    if unsafe or wrong or not {"policy.zip", "config.json", "manifest.json"} <= hashes.keys():
        raise ArtifactError(f"{source}: {(unsafe or wrong or [HASHES])[0]} is not what was pushed; ask for it again")
    with tempfile.TemporaryDirectory(dir=_parent(out)) as folder:
        fresh = Path(folder) / "run"
        fresh.mkdir()
        for name in (*hashes, HASHES):
            shutil.copyfile(place / name, fresh / name)
        if out.exists():
            out.rmdir()
        fresh.rename(out)
    return Run.open(out)


def card(run: Run) -> str:
    """The README of a shared policy, in Markdown."""
    config, standing, evaluation = run.config(), run.standing(), run.read_evaluation()
    lines = [
        "---",
        "library_name: rlgen",
        "tags: [reinforcement-learning, stable-baselines3, ppo]",
        "---",
        "",
        f"# A policy of {config['env']}",
        "",
        f"Trained for {standing} with seed {config['seed']} on the reward `{_named(config['world']['reward'])}`.",
        "It sets how the answers to a simulated person in distress are given; it is a research instrument and no",
        "replacement for a professional.",
        "",
        "    rlgen pull REPOSITORY --out DIR",
        "    rlgen evaluate DIR",
        "",
        f"**Trust.** In this folder lies `policy.zip`: {WARNING}.",
        "",
    ]
    if evaluation is not None and run.unlike(evaluation) is None:
        lines += [
            f"Measured on {evaluation['people']} people of seed {evaluation['seed']} (95 % bootstrap intervals):", "",
            "| policy | return | relief |", "|---|---|---|",
            *(
                f"| {name} | {_figure(found['return'])} | {_figure(found['relief'])} |"
                for name, found in evaluation["policies"].items()
            ), "",
        ]  # fmt: skip
    else:
        lines += ["It was not measured (`rlgen evaluate`).", ""]
    lines += ["sha256 of the weights: `" + run.weights_sha256() + "`; of every file: `hashes.json`.", ""]
    return "\n".join(lines)


def _named(reward: Any) -> str:
    return str(reward.get("name", reward)) if isinstance(reward, Mapping) else str(reward)


def _figure(interval: Mapping[str, float | None]) -> str:
    if interval["mean"] is None:
        return "unknown"
    return f"{interval['mean']:.2f} [{interval['low']:.2f}, {interval['high']:.2f}]"


def _parent(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be written to ({error.strerror}); choose another place") from error
    return out.parent


def _to_folder(staged: Path, target: Path) -> str:
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / HASHES).is_file())):
        raise ConfigError(f"{target}: holds something else than a shared policy; choose another folder")
    parent = _parent(target)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        fresh = Path(shutil.copytree(staged, Path(folder) / "policy"))
        if target.exists():
            target.rename(Path(folder) / "before")
        fresh.rename(target)
    return str(target)


def _to_hub(staged: Path, target: str, private: bool) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        api = HfApi()
        api.create_repo(target, private=private, exist_ok=True)
        api.upload_folder(repo_id=target, folder_path=staged, commit_message="A policy of rlgen")
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise _refused(target, error) from error
    return f"https://huggingface.co/{target}"


def _from_hub(source: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(source, revision=revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise _refused(source, error) from error


def _refused(name: str, error: Exception) -> DataError:
    told = " ".join(str(error).split())[:200]
    return DataError(f"{name}: the Hugging Face hub did not do it ({told}); check name, login and connection")
