"""Measurements of our own that need more than rlgen: not part of the package, run from the repository."""
