from pathlib import Path

from pydantic import Field

from rlgen.experiments.options import Options, parse, recorded


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
    import shlex

    words = shlex.split(recorded("fit example", options))
    assert parse(Example, words[3:], "fit example") == options
