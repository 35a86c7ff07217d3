"""YAML 1.2: numbers are what is written, shapes that make no sense are one sentence."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError, RlgenError
from rlgen.experiments.options import parse
from rlgen.experiments.runs.training import TrainConfig


def value(folder: Path, text: str) -> object:
    file = folder / "a.yaml"
    file.write_text(f"a: {text}\n")
    return read_yaml(file)["a"]


# What the core schema of YAML 1.2.2 (10.3.2) makes of plain words; most of them are something else in 1.1.
CORE = {
    "050000": 50_000, "010": 10, "08": 8, "-012": -12, "+12": 12, "0": 0, "0o10": 8, "0x1F": 31, "0o9": "0o9",
    "1e-3": 1e-3, "1E+5": 1e5, "5.": 5.0, ".5": 0.5, "-1.5e3": -1500.0, ".inf": math.inf, "-.Inf": -math.inf,
    "1_000": "1_000", "10:00": "10:00", "1:30:00": "1:30:00", "190:20:30.15": "190:20:30.15", "0b11": "0b11",
    "yes": "yes", "no": "no", "on": "on", "Off": "Off", "y": "y", "True": True, "FALSE": False, "tRue": "tRue",
    "2024-05-01": "2024-05-01", "2020-13-45": "2020-13-45", "2001-12-14t21:59:43Z": "2001-12-14t21:59:43Z",
    "~": None, "Null": None, "": None, "nil": "nil", "=": "=", "1.2.3": "1.2.3", "e5": "e5", ".": ".",
    "!!int 010": 10, "!!str 010": "010", "!!float 08": 8.0, "'010'": "010", "\"yes\"": "yes",
}  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), CORE.items())
def test_plain_words_are_what_yaml_1_2_says(tmp_path: Path, text: str, meant: object) -> None:
    found = value(tmp_path, text)
    assert found == meant
    assert type(found) is type(meant)


def test_a_number_that_is_none_is_not(tmp_path: Path) -> None:
    assert math.isnan(value(tmp_path, ".NaN"))  # type: ignore[arg-type]


@given(st.integers(), st.integers(0, 4))
def test_decimal_numbers_with_zeros_before_them(number: int, zeros: int) -> None:
    from rlgen.config import _Loader

    written = f"{'-' if number < 0 else ''}{'0' * zeros}{abs(number)}"
    assert yaml.load(written, _Loader) == number


@given(st.floats(allow_nan=False))
def test_every_float_that_python_writes_is_read_as_it_is(number: float) -> None:
    from rlgen.config import _Loader

    assert yaml.load(repr(number).replace("inf", ".inf"), _Loader) == number


def told(folder: Path, text: str) -> str:
    """The sentence with which a training config is refused; empty where it is taken."""
    file = folder / "c.yaml"
    file.write_text(text)
    try:
        parse(TrainConfig, ["--config", str(file), "--out", "r"], "train").world_config()
    except RlgenError as error:
        said = str(error)
    else:
        return ""
    assert "\n" not in said
    return said


@pytest.mark.parametrize("word", ["yes", "on", "true", "10:00", "2024-05-01", "0b11", "[1]", "{a: 1}", "''"])
@pytest.mark.parametrize("field", ["steps", "seed", "num_envs"])
def test_what_is_no_whole_number_is_none(tmp_path: Path, field: str, word: str) -> None:
    said = told(tmp_path, f"{field}: {word}\n")
    assert "c.yaml" in said
    assert f": {field} was" in said


def test_true_is_no_number_at_any_depth() -> None:
    class Inner(BaseModel):
        share: float = 0.5
        on: bool = False
        either: bool | float = 0.5
        anything: dict[str, object] = {}

    class Outer(BaseModel):
        inner: Inner = Inner()
        three: tuple[float, float, float] = (0.0, 0.0, 0.0)
        named: dict[str, float] = {}

    for wrong, field in (
        ({"inner": {"share": True}}, "inner.share"),
        ({"three": [0, 1, False]}, "three.2"),
        ({"named": {"a": True}}, "named.a"),
    ):
        with pytest.raises(ConfigError, match=rf"^x: {field} was (True|False): a number is needed$"):
            validate(Outer, wrong, "x")
    taken = {"inner": {"on": True, "either": True, "anything": {"a": True}}}
    assert validate(Outer, taken, "x").inner == Inner(on=True, either=True, anything={"a": True})


# Shapes in which a person might write the same thing; those taken mean what is written.
SHAPES = {
    "world: {users: theory}\npopulation: guarded": "",
    "world: {users: calibrated}": "",
    "world: {users: {family: theory}}\npopulation: guarded": "",
    "world: {users: null}\npopulation: guarded": "",
    "world: {users: nobody}": "users was 'nobody'",
    "world: {users: [theory]}\npopulation: guarded": "world.users was",
    "world: {users: 3}\npopulation: guarded": "world.users was",
    "world: {users: 3}": "users was 3",
    "world: {users: [1]}\npopulation: guarded": "world.users was [1]",
    "world: theory": "world was 'theory'",
    "world: [users, theory]": "world was",
    "world: {env_id: x}": "no field 'env_id'",
    "world: {1: x}": "world.1",
    "1: x": "1",
    "world: {missing: 1}": "missing was 1",
    "world: {missing: [1, 1]}": "missing",
    "world: {guard: off}": "guard was 'off'",
    "world: {reward: [default]}": "reward",
    "ppo: fast": "ppo was 'fast'",
    "ppo: [1]": "ppo was",
    "ppo: {n_steps: {a: 1}}": "ppo.n_steps was",
    "missing: 1 1 1": "missing was '1 1 1'",
    "users: {family: theory}": "",
    "steps:\n  - 5": "steps was",
}


@pytest.mark.parametrize(("text", "said"), SHAPES.items())
def test_wrong_nesting_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    sentence = told(tmp_path, text)
    assert (said in sentence) if said else not sentence, sentence


@pytest.mark.parametrize(
    "text",
    [
        "world: &w {users: *w}",
        "world: &w [*w]",
        "a: &a {b: &b {c: *a}}",
        "&top\nsteps: 3\nworld: *top",
        "world: &w {? *w : x}",
    ],
)
def test_an_anchor_that_holds_itself_is_one_sentence(tmp_path: Path, text: str) -> None:
    assert "c.yaml" in told(tmp_path, text)


def test_anchors_that_stand_for_millions_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    assert "stand for more than 100,000 values" in told(tmp_path, "\n".join(lines))
    assert value(tmp_path, "&a [1, 2]\nb: *a\nc: {d: *a}") == [1, 2]


def test_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes("steps: 5".encode("utf-16"))
    with pytest.raises(ConfigError, match="is not UTF-8 text; save it as UTF-8"):
        read_yaml(file)
    file.write_bytes("\ufeffsteps: 5".encode())
    assert read_yaml(file) == {"steps": 5}


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_fields = st.sampled_from(
    ["steps", "seed", "ppo", "world", "missing", "users", "population", "reward", "env", "device"]
)


@settings(max_examples=150, deadline=None)
@given(fields=st.dictionaries(_fields, _values, max_size=3), world=st.dictionaries(st.text(max_size=9), _values))
def test_whatever_is_written_is_taken_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, object], world: dict[str, object]
) -> None:
    text = yaml.safe_dump({"world": world, **fields})
    told(tmp_path_factory.getbasetemp(), text)
