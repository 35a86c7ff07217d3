"""The command line: what it lists, exit statuses, one sentence for a mistake."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from rlgen.experiments import cli, commands


def one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and summary in shown for name, (_, summary) in cli.COMMANDS.items())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.split()[-1] == metadata.version("rlgen")


def test_every_command_is_listed_and_every_listed_one_is_there() -> None:
    there = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert {module for module, _ in cli.COMMANDS.values()} == there


def test_a_group_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit"]) == 0
    shown = capsys.readouterr().out
    assert "audit verify" in shown
    assert "doctor" not in shown


@pytest.mark.parametrize("argv", [["nonsense"], ["audit", "nonsense"], ["bench", "--steps"]])
def test_an_unknown_command_is_one_sentence_and_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert "--help" in told


def test_a_mistake_is_one_sentence_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", "verify", str(tmp_path / "none.jsonl")]) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert "none.jsonl" in told


def test_interruption_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgen.experiments.commands import doctor

    def interrupted(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "main", interrupted)
    assert cli.main(["doctor"]) == 130


def test_a_wrong_option_of_a_command_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bank", "build", "--dataset", "none", "--out", "x"]) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert told.startswith("rlgen bank build: --dataset was 'none'")
    assert "rlgen bank build --help" in told


@pytest.mark.parametrize(
    "argv",
    [
        ["bank", "build"],
        ["fit", "recognizer"],
        ["fit", "readers", "--data", "none"],
        ["fit", "generator"],
        ["fit", "users", "--data", "none"],
        ["fit", "transitions", "--data", "none"],
        ["fit", "surface"],
        ["bench", "headroom", "--fit"],
    ],
    ids=" ".join,
)
def test_a_command_that_writes_an_artifact_looks_at_the_place_first(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / ("judge" if "readers" in argv else "out") / "data.txt"
    precious.parent.mkdir()
    precious.write_text("x")
    assert cli.main([*argv, "--out", str(tmp_path if "readers" in argv else precious.parent)]) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert f"{precious.parent}: holds files that are no artifact" in told
    assert precious.read_text() == "x"


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, rlgen\nfrom rlgen.experiments import cli\ncli.main(['--help'])\n"
        "heavy = {'torch', 'transformers', 'librosa', 'neurokit2', 'tslearn', 'lightning', 'matplotlib', 'wandb'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == "[]"
    assert time.perf_counter() - started < 5  # under a second on a quiet machine
