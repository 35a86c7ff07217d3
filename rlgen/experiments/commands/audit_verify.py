"""`rlgen audit verify PATH`: check an audit log for tampering."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tyro
from pydantic import Field

from rlgen.experiments.options import Options, parse
from rlgen.governance import verify


class AuditVerifyOptions(Options):
    """Check an audit log for tampering."""

    path: tyro.conf.Positional[Path] = Field(description="the log, a file of JSON lines")
    key_file: Path | None = Field(None, description="the key that the log was written with")
    head: str | None = Field(None, description="a hash noted earlier; shows whether lines were cut off the end")


def main(argv: Sequence[str]) -> int:
    """0 where the log is intact; 2, with the first bad line, where it is not."""
    options = parse(AuditVerifyOptions, argv, "audit verify")
    report = verify(options.path, options.key_file, options.head)
    for reason, count in sorted(report.counts.items()):
        print(f"  {reason}: {count}")
    if report.intact:
        print(f"{report.path}: intact, {report.lines} lines; head {report.head}")
        return 0
    print(f"{report.path}: line {report.first_bad}: {report.problem} ({report.lines} lines before it are intact)")
    return 2
