"""YAML and mappings to validated values; what is wrong is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from rlgen.config import read_yaml, validate
from rlgen.errors import ConfigError


class Toy(BaseModel):
    """Values of a toy."""

    out: Path
    steps: int = 10


def test_merged_keys_may_be_overruled(tmp_path: Path) -> None:
    path = tmp_path / "merged.yaml"
    path.write_text("a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\n1: one\n'1': text\n")
    assert read_yaml(path) == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}, 1: "one", "1": "text"}


def test_a_missing_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    assert read_yaml(tmp_path / "empty.yaml") == {}


def test_a_missing_field_of_a_mapping_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^design\.yaml: `out` is missing; add it$"):
        validate(Toy, {"steps": 3}, "design.yaml")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ConfigError, match=r"steps was 'xxx.*\.\.\.: ") as caught:
        validate(Toy, {"out": "here", "steps": "x" * 500}, "here")
    assert len(str(caught.value)) < 250
