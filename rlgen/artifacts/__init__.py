"""Shipped frozen models: each a folder with its files and a `manifest.json` that vouches for them.

In comes `shipped:NAME` or a folder; out comes an `Artifact` whose files have the hashes that its manifest names.
Beside it: tables that are computed once and kept (`cached`), and parts that the worlds of a process share (`Shared`).
"""

from rlgen.artifacts.cache import cached, code_sha256
from rlgen.artifacts.shared import Shared, content, state
from rlgen.artifacts.store import (
    MANIFEST,
    Artifact,
    Manifest,
    check_target,
    kind_of,
    load,
    shipped,
    tensors_sha256,
    write,
)

__all__ = [
    "MANIFEST",
    "Artifact",
    "Manifest",
    "Shared",
    "cached",
    "check_target",
    "code_sha256",
    "content",
    "kind_of",
    "load",
    "shipped",
    "state",
    "tensors_sha256",
    "write",
]
