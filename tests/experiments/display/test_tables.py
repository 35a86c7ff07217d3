"""What benches print."""

from __future__ import annotations

import json

import pytest

from rlgen.experiments.display.tables import Row, show


@pytest.mark.parametrize(
    ("value", "target", "better", "met"),
    [
        (2.0, 1.0, "higher", True),
        (1.0, 1.0, "higher", True),
        (0.5, 1.0, "higher", False),
        (0.5, 1.0, "lower", True),
        (2.0, 1.0, "lower", False),
        (2.0, None, "higher", None),
    ],
)
def test_met(value: float, target: float | None, better: str, met: bool | None) -> None:
    assert Row("x", value, target=target, better=better).met is met  # type: ignore[arg-type]


def test_json_is_one_line_with_the_agreed_fields(capsys: pytest.CaptureFixture[str]) -> None:
    show("toy", [Row("speed", 3.0, "ms", 6.0, 0.5, 4.0, "lower"), Row("score", 0.5)], as_json=True)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    bench = json.loads(printed)
    assert set(bench) == {"bench", "commit", "machine", "rows"}
    fields = {"name", "value", "unit", "baseline", "ratio", "target", "met"}
    assert [set(row) for row in bench["rows"]] == [fields, fields]
    assert bench["rows"][0]["met"] is True
    assert bench["rows"][1]["target"] is None
    assert bench["rows"][1]["met"] is None


def test_the_table_shows_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    show("toy", [Row("speed", 3.25, "ms"), Row("zero", 0.0, baseline=0.0)], as_json=False)
    printed = capsys.readouterr().out
    assert "speed" in printed
    assert "3.25" in printed
    assert "zero" in printed
