"""A recipe looks at the place that it writes to before anything else."""

from __future__ import annotations

from importlib import import_module

import pytest

from rlgen.experiments.cli import call


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("utterances", []),
        ("tables", []),
        ("transitions", ["--data", "none"]),
        ("generator.__main__", []),
        ("encoder.__main__", []),
    ],
)
def test_files_that_are_no_artifact_are_left_alone(name, argv, tmp_path, capsys):
    precious = tmp_path / "out" / "data.txt"
    precious.parent.mkdir()
    precious.write_text("x")
    module = import_module(f"recipes.{name}")
    assert call(module.PROGRAM, module.main, [*argv, "--out", str(precious.parent)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{module.PROGRAM}: ")
    assert f"{precious.parent}: holds files that are no artifact" in told
    assert precious.read_text() == "x"
