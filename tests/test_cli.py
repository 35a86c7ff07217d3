"""The command line: exit statuses, one sentence for a mistake, options from YAML and flags."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro
from pydantic import Field, field_validator

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError
from rlgen.experiments import cli
from rlgen.experiments.options import Options, parse
from rlgen.governance import AuditLog


class Toy(Options):
    """Options of a toy."""

    steps: int = Field(10, ge=1, description="how many")
    name: str = Field("a", description="what")


def one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown and summary in shown for name, (_, summary) in cli.COMMANDS.items())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("module", sorted({module for module, _ in cli.COMMANDS.values()}))
def test_every_listed_command_is_there(module: str) -> None:
    assert importlib.util.find_spec(f"rlgen.experiments.commands.{module}") is not None


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


def test_audit_verify_names_the_first_bad_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path) as log:
        for row in range(3):
            log.intervention(row=row, turn=0, decision="replace", reason="insult", utterance="u", reply="r")
    assert cli.main(["audit", "verify", str(path)]) == 0
    assert "intact, 4 lines" in capsys.readouterr().out
    path.write_text(path.read_text().replace('"row":1', '"row":7'))
    assert cli.main(["audit", "verify", str(path)]) == 2
    assert "line 3" in capsys.readouterr().out


def test_reward_list_shows_terms_and_designs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reward", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("alignment", "continuity", "engagement", "default", "ratings"))
    assert cli.main(["reward", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"default", "alignment_heavy", "ratings"} <= {design["name"] for design in listed["designs"]}


def test_reward_list_checks_a_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("terms:\n  engagement: {weight: 1}\n")
    assert cli.main(["reward", "list", "--check", str(path)]) == 2
    told = capsys.readouterr().err
    assert one_sentence(told)
    assert "pays for prolonging" in told


def test_doctor_finds_a_damaged_artifact_and_a_blocked_cache(tmp_path: Path) -> None:
    from rlgen.artifacts import Manifest, write
    from rlgen.experiments.commands.doctor import artifacts, cache

    manifest = Manifest(name="toy", kind="toy/1", description="A toy.", command="make toy")
    write(tmp_path / "toy", {"x.bin": b"abc"}, manifest)
    assert [finding.state for finding in artifacts(tmp_path)] == ["ok"]
    (tmp_path / "toy" / "x.bin").write_bytes(b"abd")
    (damaged,) = artifacts(tmp_path)
    assert damaged.state == "problem"
    assert "make toy" in damaged.text
    assert [finding.state for finding in artifacts(tmp_path / "toy")] == ["problem"]
    assert cache(tmp_path / "new").state == "ok"
    blocked = cache(tmp_path / "toy" / "x.bin")
    assert blocked.state == "problem"
    assert "RLGEN_CACHE" in blocked.remedy


def test_interruption_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgen.experiments.commands import doctor

    def interrupted(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "main", interrupted)
    assert cli.main(["doctor"]) == 130


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text("steps: 5\nname: b\n")
    for argv in (["--config", str(path), "--steps", "7"], ["--steps", "7", f"--config={path}"]):
        assert parse(Toy, argv, "toy") == Toy(steps=7, name="b")
    assert parse(Toy, [], "toy") == Toy()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stepz: 5", r"no field 'stepz'; the fields are steps, name"),
        ("steps: many", r"steps was 'many'"),
        ("steps: 0", r"steps was 0.*greater than or equal to 1"),
        ("- a\n- b", r"holds list"),
        ("steps: [1", r"not YAML"),
        ("steps: 64\nname: b\nsteps: 32\n", r"'steps' stands twice, in lines 1 and 3"),
        ("name: {a: 1, b: {c: 1, c: 2}}", r"'c' stands twice"),
        ("a: " + "[" * 3000, r"nested too deeply"),
        ("a: " + "{b: " * 3000, r"nested too deeply"),
        ("name: 2020-13-45", r"not YAML.*month"),
        ("name: !!bool x", r"not YAML"),
    ],
)
def test_a_wrong_file_names_field_value_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        parse(Toy, ["--config", str(path)], "toy")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_merged_keys_may_be_overruled(tmp_path: Path) -> None:
    path = tmp_path / "merged.yaml"
    path.write_text("a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\n1: one\n'1': text\n")
    assert read_yaml(path) == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}, 1: "one", "1": "text"}


class Inner(Options):
    """Options of a part."""

    share: float = Field(0.5, description="how much")


class Machine(Options):
    """Options of a machine.

    A second paragraph.
    """

    clip: Annotated[Path, tyro.conf.Positional] = Field(description="what to play")
    out: Path = Field(description="folder")
    steps: int = Field(10, ge=1, description="how many")
    missing: tuple[float, float, float] | None = Field(None, description="three chances")
    tone: Literal["warm", "cool"] = Field("warm", description="which")
    inner: Inner = Inner()

    @field_validator("missing")
    @classmethod
    def _chances(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and max(value) > 1:
            raise ValueError("three chances within 0-1 are needed; give A B C")
        return value


@pytest.mark.parametrize("columns", ["30", "200"])
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["a", "--out", "b", "--stepz", "3"], "there is no option --stepz; did you mean --steps?"),
        (["a", "--out", "b", "--nonsense=3"], "there is no option --nonsense"),
        (["a", "--out", "b", "c"], "no option takes the word 'c'"),
        (["a", "--out", "b", "--steps"], "--steps needs a value"),
        (["a", "--out", "b", "--steps", "many"], "--steps was 'many', but a whole number is needed"),
        (["a", "--out", "b", "--share", "half"], "--share was 'half', but a number is needed"),
        (["a", "--out", "b", "--tone", "hot"], "--tone was 'hot', but one of 'warm', 'cool' is needed"),
        (["a", "--out", "b", "--missing", "1", "1"], "--missing takes FLOAT FLOAT FLOAT, not ['1', '1']"),
        (["a"], "`out` is missing; add --out"),
        (["--out", "b"], "PATH is missing (what to play)"),
        (["a", "--ouy"], "`out` is missing; add --out; --ouy is no option"),
    ],
)
def test_a_wrong_option_is_one_sentence_that_points_to_the_help(
    argv: list[str], said: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(ConfigError) as caught:
        parse(Machine, argv, "machine")
    assert str(caught.value).startswith(said)
    assert str(caught.value).endswith(" `rlgen machine --help` lists the options")


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


def test_the_words_of_a_check_are_given_as_they_are() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Machine, ["a", "--out", "b", "--missing", "1", "1", "3"], "machine")
    expected = "command line: missing was (1.0, 1.0, 3.0): three chances within 0-1 are needed; give A B C"
    assert str(caught.value) == expected


def test_a_missing_field_of_a_mapping_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^design\.yaml: `out` is missing; add it$"):
        validate(Machine, {"clip": "a"}, "design.yaml")


def test_help_tells_of_the_file_of_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(Machine, ["--help"], "machine")
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("--config FILE", "second paragraph", "--steps"))


def test_one_file_of_options_is_enough(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twice"):
        parse(Toy, ["--config", str(tmp_path / "a"), f"--config={tmp_path / 'b'}"], "toy")


def test_a_wrong_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=r"command line: steps was -1"):
        parse(Toy, ["--steps", "-1"], "toy")
    with pytest.raises(ConfigError, match="needs the path"):
        parse(Toy, ["--config"], "toy")


def test_a_missing_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        parse(Toy, ["--config", str(tmp_path / "none.yaml")], "toy")
    (tmp_path / "empty.yaml").write_text("")
    assert read_yaml(tmp_path / "empty.yaml") == {}


def test_options_are_frozen_and_a_long_value_is_cut() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Toy().steps = 3  # type: ignore[misc]
    with pytest.raises(ConfigError) as caught:
        validate(Toy, {"steps": "x" * 500}, "here")
    assert len(str(caught.value)) < 250


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


def test_a_file_of_options_need_not_hold_what_the_command_line_gives(tmp_path):
    class Command(Options):
        out: Path
        steps: int = 3

    file = tmp_path / "options.yaml"
    file.write_text("steps: 5\n")
    parsed = parse(Command, ["--config", str(file), "--out", "here"], "try")
    assert parsed == Command(out=Path("here"), steps=5)
    assert parse(Command, ["--config", str(file), "--out=here"], "try") == parsed
    with pytest.raises(ConfigError, match="`out` is missing; add --out"):
        parse(Command, ["--config", str(file)], "try")
    file.write_text("steps: 5\nout: there\n")
    assert parse(Command, ["--config", str(file)], "try") == Command(out=Path("there"), steps=5)
    file.write_text("tone: cool\ninner: {share: 0.25}\n")
    machine = parse(Machine, ["--config", str(file), "clip.wav", "--out", "here"], "try")
    expected = Machine(clip=Path("clip.wav"), out=Path("here"), tone="cool", inner=Inner(share=0.25))
    assert machine == expected
