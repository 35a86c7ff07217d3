"""Benchmarks called as the shell calls them."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from rlgen.experiments.cli import call


@pytest.fixture
def run_bench():
    """Call `python -m benchmarks.NAME ARGUMENTS` by name and arguments; its exit status."""

    def run(name, *argv):
        folder = find_spec(f"benchmarks.{name}").submodule_search_locations is not None
        module = import_module(f"benchmarks.{name}{'.__main__' * folder}")
        return call(f"python -m benchmarks.{name}", module.main, argv)

    return run
