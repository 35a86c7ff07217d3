"""Tables that come with the package: of what they were made, and of nothing else; long work is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlgen import artifacts
from rlgen.artifacts import progress, tables
from rlgen.artifacts.tables import made_of, shipped_table, write_tables
from rlgen.errors import ArtifactError


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose only table is `some`, made of `this`."""
    monkeypatch.setattr(tables, "shipped", lambda name: tmp_path / name)
    monkeypatch.setattr("rlgen.artifacts.store.shipped", lambda name: tmp_path / name)
    write_tables(tmp_path / "tables", {"some": (made_of("this"), {"x": np.arange(3)})}, "rebuild it", {})
    shipped_table.cache_clear()
    yield tmp_path / "tables"
    shipped_table.cache_clear()


def test_a_table_is_found_by_what_it_was_made_of(own: Path) -> None:
    found = shipped_table("some", made_of("this"))
    assert found is not None
    assert found["x"].tolist() == [0, 1, 2]
    assert shipped_table("some", made_of("that")) is None
    assert shipped_table("other", made_of("this")) is None
    assert made_of(1, "a") != made_of("a", 1)


def test_what_everybody_shares_cannot_be_written(own: Path) -> None:
    found = shipped_table("some", made_of("this"))
    assert found is not None
    with pytest.raises(ValueError, match="read-only"):
        found["x"][0] = 7


def test_a_damaged_table_is_told_of(own: Path) -> None:
    (own / "some.npz").write_bytes(b"half a file")
    with pytest.raises(ArtifactError, match="rebuild it"):
        shipped_table("some", made_of("this"))


def test_a_package_without_tables_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "shipped", lambda name: tmp_path / name)
    shipped_table.cache_clear()
    assert shipped_table("some", made_of("this")) is None
    shipped_table.cache_clear()


def test_the_whole_package_stays_small() -> None:
    sizes = {path: path.stat().st_size for path in artifacts.shipped("tables").parent.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 30_000_000


def test_long_work_is_told_and_short_work_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    for seconds, lines in ((0.1, 0), (1.0, 4)):
        done = []
        for part in progress.shown(range(10), "counting"):
            done.append(part)
            now[0] += seconds
        told = capsys.readouterr().err.splitlines()
        assert done == list(range(10))
        assert len(told) == lines
    assert told[0] == "rlgen: counting, 20 %, 8 s left"
