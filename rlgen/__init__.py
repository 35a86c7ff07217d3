"""rlgen: reinforcement learning of how to answer a person in distress.

Importing the package is cheap (no torch) and registers the environments with Gymnasium.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("rlgen")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

from rlgen.envs.registration import register_all

register_all()

__all__ = ["__version__"]
