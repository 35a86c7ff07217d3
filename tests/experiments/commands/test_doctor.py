"""What `rlgen doctor` finds of artifacts and of the cache."""

from __future__ import annotations

from pathlib import Path

from rlgen.artifacts import Manifest, write
from rlgen.experiments.commands.doctor import artifacts, cache


def test_doctor_finds_a_damaged_artifact_and_a_blocked_cache(tmp_path: Path) -> None:
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


def test_doctor_tells_a_user_without_a_home_what_to_do() -> None:
    homeless = cache(None)
    assert homeless.state == "problem"
    assert "RLGEN_CACHE" in homeless.remedy
