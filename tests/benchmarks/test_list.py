"""`python -m benchmarks` lists what is there, and every benchmark can be asked for its options."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import listed

ROOT = Path(__file__).resolve().parents[2]


def test_every_benchmark_is_listed_with_its_question():
    there = {path.parent.name for path in (ROOT / "benchmarks").glob("*/__main__.py")}
    there |= {path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("__")}
    found = listed()
    assert {command.rpartition(".")[2] for command in found} == there
    assert all(found.values())


@pytest.mark.parametrize("name", ["decode", "guard"])
def test_a_mistake_in_a_benchmark_is_one_sentence_and_status_2(name):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith(f"python -m benchmarks.{name}: ")
    assert "no option" in done.stderr
    assert done.stderr.count("\n") == 1
    assert f"`python -m benchmarks.{name} --help`" in done.stderr
