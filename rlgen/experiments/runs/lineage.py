"""Begin as another policy: its weights, and where they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlgen.errors import ArtifactError, ConfigError
from rlgen.experiments.runs.run import Run
from rlgen.policies.ppo import BoundedPPO
from rlgen.policies.saved import load_model, sha256_of


def policy_file(place: Path) -> Path:
    """The zip file of a run folder, or the zip file itself.

    Raises:
        ArtifactError: there is none.
    """
    file = Run(place).policy if place.is_dir() else place
    if not file.is_file():
        raise ArtifactError(f"init_from was {place}: there is no policy here; give a run folder or a zip file")
    return file


def begin_as(model: BoundedPPO, place: Path) -> dict[str, Any]:
    """Give a fresh learner the weights of another one's policy, and its normaliser; the optimiser begins anew.

    Args:
        model: fresh.
        place: run folder or zip file.

    Returns:
        For the manifest: file, its sha256, its step, and what its own run's manifest tells of its lineage.

    Raises:
        ArtifactError: there is no policy, or a damaged one.
        ConfigError: its policy has another shape.
    """
    file = policy_file(place)
    before = load_model(file)
    try:
        model.policy.load_state_dict(before.policy.state_dict())
    except RuntimeError as error:
        raise ConfigError(
            f"init_from was {place}: its policy has other weights than this one (blocks of the observation, widths of "
            "the layers, or another kind of policy); train with the config that it was trained with"
        ) from error
    told: dict[str, Any] = {"from": str(place), "sha256": sha256_of(file), "step": int(before.num_timesteps)}
    if place.is_dir() and (place / "manifest.json").is_file():
        told["lineage"] = Run(place).manifest().get("lineage")
    return told
