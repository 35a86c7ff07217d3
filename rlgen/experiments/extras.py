"""Packages that only some commands need: which extra installs them."""

from __future__ import annotations

from typing import Final

# As in pyproject.toml: module -> extra.
_EXTRAS: Final = {
    "soundfile": "recordings",
    "neurokit2": "recordings",
    "lightning": "recordings",
    "tensorboard": "tensorboard",
    "openenv": "openenv",
    "fastapi": "openenv",
    "uvicorn": "openenv",
    "ray": "ray",
    "submitit": "slurm",
    "optuna": "tune",
}


def missing(error: ModuleNotFoundError) -> str | None:
    """In a sentence, what to install for an import that failed; None where no extra has it."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package)
    return None if extra is None else f'this needs {package}, which is not installed; pip install "rlgen[{extra}]"'
