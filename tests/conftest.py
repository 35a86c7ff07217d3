import importlib.util
import os
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


@pytest.fixture(scope="session")
def data_set():
    """Find a folder of real data by name, such as `ravdess_av`; where it is not here, the test is skipped."""

    def folder(name):
        found = Path(os.environ.get("RLGEN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / name
        if not found.is_dir():
            pytest.skip(f"no {name} here; set RLGEN_DATA to the folder that holds it")
        return found

    return folder


def _helper(name):
    """A module that lies beside this file."""
    spec = importlib.util.spec_from_file_location(f"rlgen_tests_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
