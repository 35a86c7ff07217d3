"""Hyperparameters that tuning found, by name: the name of an environment's id, a dot, the kind of policy.

Each is a YAML file beside this one: `train`, fields of a training, and `provenance`, the study that found them. A file
of one's own is named by its path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlgen.config import read_yaml
from rlgen.errors import ConfigError


def presets() -> list[str]:
    """Names of those that are shipped, e.g. `SupportDynamic-v0.bounded`."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.yaml"))


def read_preset(name: str) -> dict[str, Any]:
    """The fields of a training that a preset sets.

    Args:
        name: of a shipped one, or the path of a YAML file.

    Raises:
        ConfigError: there is none of that name, or the file is none.
    """
    known = presets()
    file = Path(__file__).parent / f"{name}.yaml" if name in known else Path(name)
    if not file.is_file():
        raise ConfigError(
            f"--preset was {name!r}: there is none; the shipped ones are {', '.join(known) or 'none yet'}, and a file "
            "of your own is named by its path"
        )
    fields = read_yaml(file).get("train")
    if not isinstance(fields, dict):
        raise ConfigError(f"{file}: is no preset; one has `train: {{...}}`, fields of a training")
    return fields
