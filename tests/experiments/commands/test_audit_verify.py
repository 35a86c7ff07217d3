"""`rlgen audit verify` on a log that somebody changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlgen.experiments import cli
from rlgen.governance import AuditLog


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
