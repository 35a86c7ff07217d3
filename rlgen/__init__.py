"""rlgen: reinforcement learning of how to answer a person in distress.

Importing the package is cheap (no torch) and registers the environments with Gymnasium.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlgen.envs.service import SimulatedPeople as simulated_people
    from rlgen.experiments.studies.compare import compare as compare
    from rlgen.policies.vec_env import make_sb3 as make_sb3

try:
    __version__ = version("rlgen")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

from rlgen.envs.registration import register_all
from rlgen.lazy import lazy

register_all()


def _one_thread_after_fork() -> None:
    """A forked child has none of the threads that torch's OpenMP believes in, and would wait for them for ever."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread_after_fork)


__getattr__, _ = lazy(__name__)  # these need torch
__all__ = ["__version__", "compare", "make_sb3", "simulated_people"]
