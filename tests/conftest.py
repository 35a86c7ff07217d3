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
def corpus():
    """A made-up corpus of a few phrases."""
    return _helper("tiny_generator").corpus()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folder of a tiny generator that has learned the made-up corpus."""
    return _helper("tiny_generator").make(tmp_path_factory.mktemp("generation") / "generator")


@pytest.fixture(scope="session")
def generator(trained):
    """The tiny generator."""
    from rlgen.generation import EmbeddedGenerator

    return EmbeddedGenerator.load(trained)


@pytest.fixture(scope="session")
def asked():
    """Makes the same controls for every row."""
    return _helper("tiny_generator").asked


@pytest.fixture(scope="session")
def estimated():
    """Makes confident estimates."""
    return _helper("tiny_generator").estimated


@pytest.fixture(scope="session")
def opening():
    """Makes windows of one text each."""
    return _helper("tiny_generator").opening


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
