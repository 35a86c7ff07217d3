import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fake_world():
    """The class of the fake world."""
    return _helper("fake_world").FakeWorld


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Folders of tiny random language models by name: `llama_chat`, `gpt2_plain`, `mistral_window`."""
    return _helper("tiny_lm").make(tmp_path_factory.mktemp("models"))


def _helper(name):
    """A module that lies beside this file."""
    spec = importlib.util.spec_from_file_location(f"rlgen_tests_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
