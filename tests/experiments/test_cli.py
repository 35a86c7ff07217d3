"""The command line: what it lists, exit statuses, one sentence for a mistake."""

from __future__ import annotations

import os
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


def test_help_lists_every_command_in_its_group_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    for group, of_group in cli.GROUPS.items():
        start = lines.index(group) + 1
        shown = lines[start : start + len(of_group)]
        for line, (name, (_, summary)) in zip(shown, of_group.items(), strict=True):
            assert line.split("  ")[1] == name
            assert line.endswith(summary)


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


@pytest.mark.parametrize("argv", [["nonsense"], ["audit", "nonsense"], ["fit", "--steps"]])
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
        ["fit", "users", "--data", "none"],
        ["fit", "surface"],
        ["fit", "baselines"],
    ],
    ids=" ".join,
)
def test_a_command_that_writes_an_artifact_looks_at_the_place_first(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "out" / "data.txt"
    precious.parent.mkdir()
    precious.write_text("x")
    assert cli.main([*argv, "--out", str(precious.parent)]) == 2
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


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["evalute"], "evaluate"),
        (["evalute", "runs/first", "--people", "10"], "evaluate"),
        (["Train"], "train"),
        (["tarin", "--out", "x"], "train"),
        (["fit", "user"], "fit users"),
        (["fit-users", "--data", "x"], "fit users"),
        (["bnak", "build"], "bank build"),
        (["bank", "biuld", "--out", "x"], "bank build"),
        (["abnk"], "bank"),
        (["audit", "verfy", "x"], "audit verify"),
    ],
)
def test_a_mistyped_command_is_told_which_was_meant(
    argv: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert f"; did you mean {meant}? " in told


def test_nothing_like_a_command_is_not_guessed_at(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["nonsense"], ["--steps", "5"], ["fit", "nonsense"], [""]):
        assert cli.main(argv) == 2
        assert "did you mean" not in capsys.readouterr().err


RUN = "import sys; from rlgen.experiments import cli; sys.exit(cli.main(sys.argv[1:]))"


def run(*argv: str | bytes, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *argv], capture_output=True, check=False, timeout=120, env={**os.environ, **env}
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp437", "utf-16", "cp932:strict"])
@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["reward", "list"], 0),
        (["doctor"], None),
        (["audit", "verify", b"caf\xe9\x0a\x1b[31m.jsonl"], 2),
        (["recognize", b"\xf0\x9f\x98\x80\xe9.wav"], 2),
        (["caf\u00e9\u2026"], 2),
        (["--help"], 0),
    ],
    ids=str,
)
def test_output_survives_every_encoding_and_every_name(
    encoding: str, argv: list[str | bytes], status: int | None, tmp_path: Path
) -> None:
    if encoding != "ascii" and argv[0] not in ("audit", "reward"):
        pytest.skip("the rest is tried in the poorest encoding only")
    done = run(*argv, PYTHONIOENCODING=encoding)
    assert status in (None, done.returncode)
    told = done.stderr.decode(encoding.split(":")[0])
    assert "Traceback" not in told
    if done.returncode == 2 and argv[0] != "doctor":
        assert one_sentence(told.replace("\r", ""))
        assert "\x1b" not in told


def test_stand_ins_are_plain_characters() -> None:
    from rlgen.experiments.display.encodings import take_any_text

    take_any_text()
    assert "██▊ 0.5 ± .1 ─┼●".encode("ascii", "rlgen.plain") == b"### 0.5 +- .1 -+o"
    assert "caf\udce9 ± 1".encode("cp1252", "rlgen.plain") == b"caf? \xb1 1"
    assert "caf\udce9 ±".encode("utf-8", "rlgen.plain") == b"caf? \xc2\xb1"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_output_to_a_full_disk_is_one_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "reward", "list"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=120
        )
    assert done.returncode == 2
    assert one_sentence(done.stderr.decode())
    assert "No space left" in done.stderr.decode()


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 9 TiB"), RuntimeError("CUDA error: out of memory\n")]
)
def test_want_of_memory_anywhere_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rlgen.experiments.commands import doctor

    def full(argv: list[str]) -> int:
        raise error

    monkeypatch.setattr(doctor, "main", full)
    assert cli.main(["doctor"]) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert "memory is full" in told
