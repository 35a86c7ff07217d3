"""What is installed: the package alone, with everything that it reads."""

import tomllib
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).resolve().parents[1]
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]


def test_the_wheel_holds_the_package_and_neither_benchmarks_nor_recipes():
    found = find_packages(str(ROOT), **TOOLS["setuptools"]["packages"]["find"])
    assert {name.partition(".")[0] for name in found} == {"rlgen"}
    folders = {path.parent for path in (ROOT / "rlgen").rglob("*.py")}
    assert {"rlgen", *(".".join(folder.relative_to(ROOT).parts) for folder in folders)} == set(found)


def test_every_file_that_is_no_module_is_package_data():
    patterns = TOOLS["setuptools"]["package-data"]["rlgen"]
    given = {path for pattern in patterns for path in (ROOT / "rlgen").glob(pattern)}
    there = {path for path in (ROOT / "rlgen").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert there == given
