import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fake_world():
    """The class of the fake world."""
    path = Path(__file__).parent / "fake_world.py"
    spec = importlib.util.spec_from_file_location("rlgen_tests_fake_world", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.FakeWorld
