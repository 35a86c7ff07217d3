"""Run one client's script in the client's own environment: `python -m benchmarks.compat.child NAME`."""

from __future__ import annotations

import importlib
import sys

from benchmarks.compat.registry import CLIENTS
from benchmarks.compat.report import Report


def main() -> None:
    """Run the script; the last line of standard output is its report."""
    name = sys.argv[1]
    report = Report()
    script = importlib.import_module(f"benchmarks.compat.clients.{name}")
    script.check(report)
    report.packages(*CLIENTS[name].shows)
    print("\n" + report.line(), flush=True)


if __name__ == "__main__":
    main()
