"""`python -m benchmarks.compat [NAME ...] [--json]`: run third-party code on rlgen and say what held."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.compat.environments import ROOT, NotInstalled, python_of
from benchmarks.compat.registry import ABSENT, CLIENTS, Client
from benchmarks.compat.report import Report
from rlgen.experiments.display.progress import note
from rlgen.experiments.display.tables import Row, show

PAGE = ROOT / "docs" / "compatibility.md"
KEPT = Path(__file__).with_name("results.json")  # the last report of every client, which the page shows
BEGIN, END = "<!-- table: python -m benchmarks.compat --page -->", "<!-- end of table -->"


def main() -> int:
    """0 where every check held, 1 where one did not, 2 where a name is not known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compat", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CLIENTS)}; all by default")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of a table")
    parser.add_argument(
        "--page",
        action="store_true",
        help=f"keep the results in {KEPT.relative_to(ROOT)}, and draw {PAGE.relative_to(ROOT)} from it",
    )
    parser.add_argument("--keep-logs", type=Path, metavar="DIR", help="folder for what the scripts said")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in CLIENTS]
    if unknown:
        parser.error(f"no client {unknown[0]!r}; there are {', '.join(CLIENTS)}")
    results: dict[str, Report | str] = {}
    for name in options.names or CLIENTS:
        note(f"{name} ...")
        results[name] = run(name, CLIENTS[name], options.keep_logs)
        note(f"  {said(results[name])}")
    if options.page:
        keep(results)
        write_page(kept())
    if options.json:
        show("compat", rows(results), as_json=True)
    else:
        print(table(results))
    return int(not all(isinstance(found, Report) and all(c.ok for c in found.checks) for found in results.values()))


def run(name: str, client: Client, logs: Path | None) -> Report | str:
    """A client's report, or in one line why there is none."""
    try:
        python = python_of(name, client)
    except NotInstalled as error:
        return f"not installed: {error}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
    command = [str(python), "-m", "benchmarks.compat.child", name]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=client.minutes * 60
        )
    except subprocess.TimeoutExpired:
        return f"failed: it took longer than {client.minutes:g} minutes"
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{name}.log").write_text(done.stdout + "\n--- standard error\n" + done.stderr)
    last = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
    if done.returncode:
        return f"failed: {last[-1].strip()[:300]}"
    return Report.of(json.loads(done.stdout.strip().splitlines()[-1]))


def kept() -> dict[str, Report | str]:
    """The last report of every client; of one that was never run, that it was not."""
    reports = json.loads(KEPT.read_text(encoding="utf-8"))
    return {name: Report.of(reports[name]) if name in reports else "not run" for name in CLIENTS}


def keep(results: dict[str, Report | str]) -> None:
    """Put new reports in the place of old ones; a client that could not be run keeps its last."""
    reports = json.loads(KEPT.read_text(encoding="utf-8"))
    reports |= {name: found.fields() for name, found in results.items() if isinstance(found, Report)}
    KEPT.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")


def said(found: Report | str) -> str:
    """One line of a result."""
    if isinstance(found, str):
        return found
    wrong = [f"{c.what} ({c.held} of {c.of})" for c in found.checks if not c.ok]
    held = f"{len(found.checks) - len(wrong)} of {len(found.checks)} checks hold"
    return "; ".join([held, *wrong])


def rows(results: dict[str, Report | str]) -> list[Row]:
    """A row for each check: how often it held, the target being always."""
    found: list[Row] = []
    for name, result in results.items():
        if isinstance(result, str):
            found.append(Row(f"{name}: {result}", 0.0, target=1.0))
            continue
        for check in result.checks:
            share = check.held / check.of if check.of else 0.0
            found.append(Row(f"{name}: {check.what}", check.held, "", float(check.of), share, float(max(check.of, 1))))
    return found


def table(results: dict[str, Report | str]) -> str:
    """The results as a table of a page, and under it what was checked of each client."""
    lines = ["| client | versions | checks that hold | what a user has to do |", "|---|---|---|---|"]
    checked: list[str] = []
    for name, found in results.items():
        client = CLIENTS[name]
        if isinstance(found, str):
            lines.append(f"| {client.title} | | {found.replace('|', '/')} | {client.user} |")
            continue
        versions = ", ".join(f"{package} {version}" for package, version in found.versions.items())
        held = sum(check.ok for check in found.checks)
        count = f"{held} of {len(found.checks)}" if held == len(found.checks) else f"**{held} of {len(found.checks)}**"
        lines.append(f"| {client.title} | {versions} | {count} | {client.user} |")
        checks = (f"- {check.what}: {check.held:,} of {check.of:,}" for check in found.checks)
        checked += ["", f"<details><summary>{client.title}</summary>", "", *checks, "", "</details>"]
    lines += [f"| {name} | | not installed: {reason} | |" for name, reason in ABSENT.items()]
    return "\n".join([*lines, "", "What was checked, and how often it held:", *checked])


def write_page(results: dict[str, Report | str]) -> None:
    """Put the table between its marks in the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
