"""Extras: one table, and one sentence for each package that is not there."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rlgen.experiments import extras

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_package_of_the_table_is_installed_by_its_extra():
    declared = PROJECT["optional-dependencies"]
    for package, extra in extras._EXTRAS.items():
        brought_by_openenv = package in ("fastapi", "uvicorn")
        assert brought_by_openenv or any(line.startswith(package) for line in declared[extra])
    core = {line.split(">")[0] for line in PROJECT["dependencies"]}
    assert not core & extras._EXTRAS.keys()


WITHOUT = (
    "import sys; sys.modules[sys.argv[1]] = None; from rlgen.experiments import cli; sys.exit(cli.main(sys.argv[2:]))"
)


@pytest.mark.parametrize(
    ("package", "argv"),
    [
        ("lightning", ["fit", "recognizer"]),
        ("neurokit2", ["bank", "build", "--actors", "1", "--out", "bank"]),
        ("soundfile", ["recognize", "voice.wav"]),
        ("openenv", ["serve", "openenv"]),
        ("optuna", ["tune", "study.yaml"]),
    ],
)
def test_a_command_whose_package_is_missing_says_what_to_install(package, argv, tmp_path):
    (tmp_path / "study.yaml").write_text("space: {ppo.gamma: {kind: float, low: 0.9, high: 1.0}}\n")
    command = [sys.executable, "-c", WITHOUT, package, *argv]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    told = done.stderr.splitlines()[-1]
    assert f'this needs {package}, which is not installed; pip install "rlgen[{extras._EXTRAS[package]}]"' in told
    assert "Traceback" not in done.stderr


def test_other_missing_modules_are_no_matter_of_extras():
    assert extras.missing(ModuleNotFoundError("no", name="nothing_like_it")) is None
