"""An environment for each client, made by pip, that reuses what the running one has already."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from benchmarks.compat.registry import Client

ROOT = Path(__file__).resolve().parents[2]


class NotInstalled(Exception):
    """pip could not install a client; the text is pip's last error."""


def folder() -> Path:
    """Where the environments are kept: `$RLGEN_COMPAT`, else an ignored folder of the repository."""
    return Path(os.environ.get("RLGEN_COMPAT") or ROOT / ".venv-compat")


def python_of(name: str, client: Client) -> Path:
    """The interpreter that has a client installed; made on the first call, and again when its needs change.

    The running interpreter's packages are seen through a `.pth` file, after the client's own: disk and time stay
    small, and what pip installs here wins. rlgen is not installed: it comes from this repository, by PYTHONPATH.

    Raises:
        NotInstalled: pip did not succeed.
    """
    if not client.needs:
        return Path(sys.executable)
    place = folder() / name
    python = place / "bin" / "python"
    pins = _constraints(client)
    wanted = hashlib.sha256("\n".join([sys.version, *client.needs, pins]).encode()).hexdigest()
    stamp = place / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(place))
    purelib = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    (purelib / "of_the_project.pth").write_text(sysconfig.get_path("purelib") + "\n")
    constraints = place / "constraints.txt"
    constraints.write_text(pins)
    pip = ("-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-c", str(constraints))
    _run(str(python), *pip, *client.needs)
    stamp.write_text(wanted)
    return python


def _constraints(client: Client) -> str:
    """The project's pins without those that the client cannot live with; torch among the rest, or gigabytes come."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lifted = {_plain(name) for name in client.lifts}
    return "\n".join(line for line in lines if _plain(line.partition("==")[0]) not in lifted) + "\n"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise NotInstalled(" ".join(errors[:2])[:300] or f"{command[0]} ended with status {done.returncode}")
