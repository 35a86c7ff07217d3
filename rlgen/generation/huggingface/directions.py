"""Steering directions as an artifact: made for one model, refused by every other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import torch

from rlgen.artifacts import Artifact, Manifest, load, write
from rlgen.errors import ArtifactError
from rlgen.generation.huggingface.steering import Steering

KIND: Final = "steering/1"
VECTORS: Final = "directions.safetensors"

# Fields of a config that say where it came from or how it is run, not which model it is.
_PASSING: Final = frozenset(
    {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures", "use_cache", "return_dict"}
)
# Values of each weight that are looked at; weights that were trained further differ nearly everywhere.
_SAMPLE: Final = 64


def model_sha256(model: Any) -> str:
    """Hash of which model this is: config, names and shapes of the weights, and a sample of their values.

    It does not depend on the folder or on the device; values are rounded to bf16, so that it does
    not depend on the precision either.

    Args:
        model: of transformers.
    """
    config = {key: value for key, value in model.config.to_dict().items() if key not in _PASSING}
    digest = hashlib.sha256(json.dumps(_plain(config), sort_keys=True, default=str).encode())
    for name, weight in sorted(model.named_parameters()):
        digest.update(f"{name}:{tuple(weight.shape)};".encode())
        flat = weight.detach().flatten()
        some = flat[:: max(1, len(flat) // _SAMPLE)][:_SAMPLE].to("cpu", torch.bfloat16)
        digest.update(some.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save(target: str | Path, steering: Steering, model: Any, manifest: Manifest) -> Artifact:
    """Write directions, strength included, for the model that they were fitted on.

    Args:
        target: folder to create, or steering artifact to replace.
        steering: the directions.
        model: of transformers.
        manifest: `settings` gains the model's hash.

    Raises:
        ArtifactError: something else is there, or it cannot be written.
    """
    from safetensors.torch import save as to_bytes

    tensors = {name: (v * steering.strength).float().contiguous() for name, v in steering.vectors.items()}
    settings = {**manifest.settings, "model_sha256": model_sha256(model)}
    return write(target, {VECTORS: to_bytes(tensors)}, manifest.model_copy(update={"settings": settings}))


def read(source: str | Path, model: Any) -> Steering:
    """Directions that `rlgen fit steering` wrote for this model.

    Args:
        source: folder of the artifact.
        model: of transformers.

    Raises:
        ArtifactError: missing, damaged, or of another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    artifact = load(source, KIND)
    if artifact.manifest.settings.get("model_sha256") != model_sha256(model):
        made_for = artifact.manifest.settings.get("model", "another model")
        raise ArtifactError(
            f"{artifact.path}: the directions were fitted on another model ({made_for}) or on other weights of it; "
            f"fit them on this one: rlgen fit steering --model MODEL --out DIR"
        )
    try:
        return Steering(from_bytes(artifact.file(VECTORS).read_bytes()))
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{artifact.path}: no directions can be read from it; fit them again") from error


def _plain(value: Any) -> Any:
    """Mappings with keys of one type, so that they can be sorted."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items() if str(key) not in _PASSING}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
