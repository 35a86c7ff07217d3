import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason='needs pip install "rlgen[tune]"')
from rlgen.experiments.studies.executors.calls import call
from rlgen.experiments.studies.executors.executor import Done
from rlgen.experiments.studies.tuning import tune as tuning
from rlgen.experiments.studies.tuning.study import TuneStudy

HERE = Path(__file__).parent
SPACE = {
    "ppo.learning_rate": {"kind": "float", "low": 1e-5, "high": 1e-1, "log": True},
    "ppo.gamma": {"kind": "float", "low": 0.8, "high": 0.999},
}


class Here:
    """An executor in this process."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def map(self, run, specs):
        for index, spec in enumerate(specs):
            found = call(run, spec)
            yield Done(index, found.get("result"), found.get("error", ""))


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """What trials are measured by; found here and in workers."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    return importlib.import_module("toys")


@pytest.fixture
def in_process(monkeypatch):
    """Within its block jobs run in this process."""

    @contextmanager
    def block():
        with monkeypatch.context() as patch:
            patch.setattr(tuning, "open_executor", lambda *given: Here())
            yield

    return block


@pytest.fixture
def here(in_process):
    """Jobs run in this process."""
    with in_process():
        yield


@pytest.fixture
def study():
    """Makes a study of toys."""

    def made(measure="bowl", **fields):
        kept = {
            "space": SPACE,
            "trials": 8,
            "seeds": 2,
            "startup": 4,
            "final_seeds": 3,
            "final_people": 32,
            "people": 16,
        }
        train = {"generator": "shipped:surface", "steps": 200}
        return TuneStudy(**{"train": train, **kept, "measure": f"toys:{measure}", **fields})

    return made
