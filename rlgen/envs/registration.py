"""Ids of the environments. Kept free of heavy imports: `import rlgen` runs this."""

from __future__ import annotations


def register_all() -> None:
    """Register every id with Gymnasium; safe to call again."""
