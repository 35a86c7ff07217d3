"""Tables that come with the package: what its own models make of its own banks.

A first world then needs no minutes of models' work and no folder that can be written, and meets the same numbers on
every machine, which sums in another order would not give. Anything else is computed where it is needed (`cached`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rlgen.artifacts.store import Manifest, load, shipped, write

KIND: Final = "tables/1"
NAME: Final = "tables"
Arrays = dict[str, NDArray[Any]]


@lru_cache(maxsize=8)
def shipped_table(name: str, made_of: str) -> Arrays | None:
    """A table that comes with the package, if it was made of the same.

    Args:
        name: of the table.
        made_of: hash of the models and banks that were asked for.

    Returns:
        Its arrays, shared and read-only; None where the package has none that was made of these.

    Raises:
        ArtifactError: the package's files are damaged.
    """
    if not shipped(NAME).is_dir():
        return None
    artifact = load(f"shipped:{NAME}", KIND)
    if artifact.manifest.settings.get(name) != made_of:
        return None
    with np.load(artifact.file(f"{name}.npz"), allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def made_of(*parts: object) -> str:
    """The hash of what a table is made of."""
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()


def write_tables(target: Any, tables: Mapping[str, tuple[str, Arrays]], command: str, quality: dict[str, Any]) -> None:
    """Write the artifact.

    Args:
        target: folder.
        tables: by name, of what each was made and its arrays.
        command: that made them.
        quality: how far they are from what is computed afresh.
    """
    files = {}
    for name, (_, arrays) in tables.items():
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        files[f"{name}.npz"] = buffer.getvalue()
    manifest = Manifest(
        name=NAME,
        kind=KIND,
        description="What the shipped encoder and readers make of everything that the bank's people can say, and the "
        "shipped recognizer of the signal bank.",
        command=command,
        quality=quality,
        settings={name: of for name, (of, _) in tables.items()},
    )
    write(target, files, manifest)
