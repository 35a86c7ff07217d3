"""Shipped frozen models: each a folder with its files and a `manifest.json` that vouches for them."""

from rlgen.artifacts.cache import cached
from rlgen.artifacts.store import Artifact, Manifest, load, shipped, tensors_sha256, write

__all__ = ["Artifact", "Manifest", "cached", "load", "shipped", "tensors_sha256", "write"]
