"""Options from YAML and flags; a mistake is one sentence; a recorded command gives them again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro
from pydantic import Field, field_validator

from rlgen.errors import ConfigError
from rlgen.experiments import options
from rlgen.experiments.options import Options, parse, recorded


class Toy(Options):
    """Options of a toy."""

    steps: int = Field(10, ge=1, description="how many")
    name: str = Field("a", description="what")


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
    span: tuple[int, int] = Field((0, 1), description="from and to")
    inner: Inner = Inner()

    @field_validator("missing")
    @classmethod
    def _chances(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and max(value) > 1:
            raise ValueError("three chances within 0-1 are needed; give A B C")
        return value


# The sentences are made from what tyro prints, which no version of it promises to keep: these cases see to it.
WRONG: list[tuple[list[str], str]] = [
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
    (["a", "--out", "b", "--span", "1", "q"], "--span: Could not parse arguments ['1', 'q']"),
]


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
        ("name: !!timestamp 2020-13-45", r"not YAML.*month"),
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


@pytest.mark.parametrize("columns", ["30", "80", "200"])
@pytest.mark.parametrize(("argv", "said"), WRONG)
def test_a_wrong_option_is_one_sentence_that_points_to_the_help(
    argv: list[str], said: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(ConfigError) as caught:
        parse(Machine, argv, "machine")
    assert str(caught.value).startswith(said)
    assert str(caught.value).endswith(" `rlgen machine --help` lists the options")


def test_each_sentence_is_one_that_the_option_parser_still_calls_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told = options._told
    boxes: list[str] = []
    monkeypatch.setattr(options, "_told", lambda box, command: boxes.append(box) or told(box, command))
    for argv, _ in WRONG:
        with pytest.raises(ConfigError):
            parse(Machine, argv, "machine")
    sentences, known = [told(box, "machine") for box in boxes], options._SAID
    for i, (pattern, _) in enumerate(known):
        monkeypatch.setattr(options, "_SAID", known[:i] + known[i + 1 :])
        assert [told(box, "machine") for box in boxes] != sentences, f"tyro no longer says {pattern}"


def test_what_the_option_parser_never_said_before_is_one_sentence_all_the_same() -> None:
    box = "╭─ A new title ─╮\n│ Something new │\n│ in two lines. │\n│ ───────────── │\n│ For help, ... │\n╰─╯\n"
    assert options._told(box, "machine") == "Something new in two lines.; `rlgen machine --help` lists the options"
    assert options._told("", "machine").startswith("the options cannot be read;")


def test_the_words_of_a_check_are_given_as_they_are() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Machine, ["a", "--out", "b", "--missing", "1", "1", "3"], "machine")
    expected = "command line: missing was (1.0, 1.0, 3.0): three chances within 0-1 are needed; give A B C"
    assert str(caught.value) == expected


def test_help_tells_of_the_file_of_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(Machine, ["--help"], "machine")
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("--config FILE", "second paragraph", "--steps"))


def test_options_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Toy().steps = 3  # type: ignore[misc]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        parse(Toy, ["--config", str(tmp_path / "none.yaml")], "toy")


def test_one_file_of_options_is_enough(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twice"):
        parse(Toy, ["--config", str(tmp_path / "a"), f"--config={tmp_path / 'b'}"], "toy")


def test_a_wrong_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=r"command line: steps was -1"):
        parse(Toy, ["--steps", "-1"], "toy")
    with pytest.raises(ConfigError, match="needs the path"):
        parse(Toy, ["--config"], "toy")


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


class Example(Options):
    out: Path = Field(description="folder")
    readers: str = Field(default="shipped:readers", description="whose")
    steps: int = Field(default=3, description="how many")
    fit: bool = Field(default=False, description="anew")
    keep: bool = Field(default=True, description="keep it")
    missing: tuple[float, float] | None = Field(default=None, description="chances")
    as_json: bool = Field(default=False, description="JSON")


def test_a_recorded_command_names_no_place_of_this_machine(tmp_path):
    options = Example(out=tmp_path / "x", readers=str(tmp_path), steps=4, fit=True, as_json=True)
    assert recorded("fit example", options) == "rlgen fit example --out DIR --readers DIR --steps 4 --fit"


def test_a_recorded_command_parses_to_the_same_options():
    options = Example(out=Path("DIR"), readers="shipped:two words", keep=False, missing=(0.5, 1.0))
    words = shlex.split(recorded("fit example", options))
    assert parse(Example, words[3:], "fit example") == options


class Given(Options):
    """Options of a test."""

    env: str = "one"
    count: int = 3
    loud: bool = True


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        ([], set()),
        (["--env", "one"], {"env"}),
        (["--count=3", "--no-loud"], {"count", "loud"}),
        (["--loud"], {"loud"}),
    ],
)
def test_what_was_given_is_known_also_where_it_equals_the_default(argv, given, tmp_path):
    assert parse(Given, argv, "test").model_fields_set == given
    (tmp_path / "c.yaml").write_text("count: 3\n")
    both = parse(Given, [*argv, "--config", str(tmp_path / "c.yaml")], "test")
    assert both.model_fields_set == {*given, "count"}
